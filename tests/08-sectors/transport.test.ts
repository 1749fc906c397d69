import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { absent, oracle, type OracleEntity, recorded } from "./transport-data.ts";

const skip = absent("nyc-vehicle-positions.pb", "louisville-positions.pb");

let nodes: TwoNodes;
let agency: Server;
let feed: Buffer = Buffer.alloc(0);
let answers = 0;

before(async () => {
  // an agency's feed, as it is polled: HTTP with an entity tag
  agency = createServer((request, response) => {
    answers++;
    const tag = `"${feed.length}"`;
    if (request.headers["if-none-match"] === tag) return void response.writeHead(304).end();
    response.writeHead(200, { "content-type": "application/x-protobuf", etag: tag }).end(feed);
  });
  agency.listen(0, "127.0.0.1");
  await once(agency, "listening");
  nodes = await twoNodes({ localSources: [urlOf(agency)] });
});
after(async () => {
  await nodes.close();
  agency.close();
});

test(
  "transport - a recorded feed is polled, shared under the template, and leaves as a feed",
  {
    skip,
  },
  async () => {
    const { provider, consumer } = nodes;
    feed = recorded("nyc-vehicle-positions.pb");
    const { template } = await provider.http.sector("transport");
    const agreement = await nodes.share({
      id: "nyc-buses",
      title: "New York's buses",
      topics: ["transit/nyc/vehicles/#"],
      sector: "transport",
      ...template.product,
      terms: template.terms,
    });
    assert.equal(agreement.delivery, "logged");
    await provider.http.addSource({
      kind: "gtfs-realtime",
      from: { way: "url", address: urlOf(agency) },
      everySeconds: 1,
      topic: "transit/nyc",
    });
    const wanted = oracle(feed).entity;
    await until("all vehicles arrived", async () => {
      const [log] = (await consumer.http.logs()).filter(({ log: name }) =>
        name.startsWith("from/"),
      );
      return log?.messages === wanted.length;
    });
    const filter = "from/provider/nyc-buses/transit/nyc/vehicles/#";
    const got = oracle(await feedOf(consumer, filter));
    assert.equal(got.header.gtfsRealtimeVersion, "2.0");
    assert.equal(got.header.incrementality, "FULL_DATASET");
    assert.ok(Math.abs(got.header.timestamp - Date.now() / 1000) < 60);
    assert.deepEqual(got.entity.toSorted(byId), wanted.toSorted(byId));
    // what stands in the feed still is not published again
    const polled = answers;
    await until("it is polled again", () => answers > polled);
    const [source] = await provider.http.sources();
    assert.deepEqual([source?.messages, source?.failures], [wanted.length, 0]);
  },
);

test("transport - a source that fails says why, and goes on by itself", { skip }, async () => {
  const { provider } = nodes;
  await provider.http.removeSource("transit-nyc");
  feed = recorded("louisville-positions.pb").subarray(0, 4_000);
  await provider.http.addSource({
    id: "louisville",
    kind: "gtfs-realtime",
    from: { way: "url", address: urlOf(agency) },
    everySeconds: 1,
    topic: "transit/louisville",
  });
  const state = async () => {
    const found = (await provider.http.sources()).find(({ id }) => id === "louisville");
    return found ?? assert.fail("the source is gone");
  };
  await until("it failed", async () => (await state()).failures > 0);
  assert.match((await state()).lastError?.text ?? "", /^SOURCE_INVALID: .*no GTFS-Realtime feed/);
  assert.equal((await state()).messages, 0);
  feed = recorded("louisville-positions.pb");
  await until("it is read", async () => (await state()).messages > 0);
  assert.deepEqual([(await state()).messages, (await state()).failures], [78, 0]);
  await nodes.restart("provider");
  await until("it is read after a restart too", async () => (await state()).messages === 78);
});

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function feedOf(side: TwoNodes["consumer"], filter: string): Promise<Buffer> {
  const url = new URL("/sectors/transport/gtfs-realtime", side.node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${side.token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get("content-type"), "application/x-protobuf");
  return Buffer.from(await response.arrayBuffer());
}

function byId(a: OracleEntity, b: OracleEntity): number {
  return a.id < b.id ? -1 : 1;
}
