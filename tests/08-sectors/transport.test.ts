import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
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

test(
  "transport - recorded service alerts are shared, and leave as the alerts they came as",
  { skip: absent("nyc-service-alerts.pb.bz2") },
  async () => {
    const { provider, consumer } = nodes;
    feed = recorded("nyc-service-alerts.pb.bz2");
    const { template } = await provider.http.sector("transport");
    await nodes.share({
      id: "nyc-alerts",
      title: "New York's service alerts",
      topics: ["transit/alerting/#"],
      sector: "transport",
      ...template.product,
      terms: template.terms,
    });
    await provider.http.addSource({
      id: "alerts",
      kind: "gtfs-realtime",
      from: { way: "url", address: urlOf(agency) },
      everySeconds: 1,
      topic: "transit/alerting",
    });
    const wanted = oracle(feed).entity;
    assert.ok(wanted.length > 10 && wanted.every(({ alert }) => alert !== undefined));
    await until("all alerts arrived", async () => {
      const logs = await consumer.http.logs();
      return logs.find(({ log }) => log === "from/provider/nyc-alerts")?.messages === wanted.length;
    });
    const got = oracle(await feedOf(consumer, "from/provider/nyc-alerts/#"));
    assert.equal(got.entity.length, wanted.length);
    const left = new Map(got.entity.map((one) => [one.id, one]));
    for (const one of wanted) assert.deepEqual(left.get(one.id), one);
    await provider.http.removeSource("alerts");
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

test("transport - a feed is for who may subscribe, a file of the machine for owners alone", async () => {
  const { node, http } = nodes.provider;
  const asked = async (path: string, token?: string): Promise<string> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, node.httpUrl), { headers });
    if (response.ok) return "ok";
    return ((await response.json()) as { error: { code: string } }).error.code;
  };
  const feedPath = "/sectors/transport/gtfs-realtime?filter=";
  const { token } = await http.addThing({ name: "display", subscribe: ["transit/+/vehicles/#"] });
  const display = `display:${token}`;
  assert.equal(await asked(`${feedPath}transit/nyc/vehicles/%23`, display), "ok");
  assert.equal(await asked(`${feedPath}transit/nyc/%23`, display), "FORBIDDEN");
  assert.equal(await asked(`${feedPath}transit/nyc/%23`), "UNAUTHENTICATED");
  assert.equal(await asked(`${feedPath}a/%23/b`, nodes.provider.token), "FILTER_INVALID");
  assert.equal(await asked("/sectors/transport/siri?filter=a", nodes.provider.token), "NOT_FOUND");
  const operator = (await http.addUser("olga", "operator")).token;
  const olga = new ComityHttp({ url: node.httpUrl, token: operator });
  const source = { kind: "gtfs-realtime", topic: "transit/file" } as const;
  const file = { way: "file", address: join(nodes.provider.options.data, "secret.key") } as const;
  await assert.rejects(olga.addSource({ ...source, from: file }), { code: "FORBIDDEN" });
  for (const [from, topic] of [
    [{ way: "url", address: "ftp://example.org/feed" }, "transit/a"],
    [{ way: "topic", address: "transit/#" }, "transit/a"],
    [{ way: "tcp", address: "127.0.0.1:1" }, "transit/a"],
    [{ way: "topic", address: "raw/#" }, "from/peer/product"],
    [{ way: "topic", address: "raw/#" }, "transit/#"],
  ] as const) {
    await assert.rejects(olga.addSource({ ...source, from, topic }), { code: "BODY_INVALID" });
  }
  const wish = { kind: "headway", filters: ["indicators/#"] };
  await assert.rejects(olga.addIndicator(wish), { code: "BODY_INVALID" });
  const inside = { way: "url", address: "http://127.0.0.1:1/feed" } as const;
  await olga.addSource({ ...source, id: "inside", from: inside });
  await until("it is refused", async () => {
    const found = (await olga.sources()).find(({ id }) => id === "inside");
    return found?.lastError?.text.startsWith("ADDRESS_FORBIDDEN") ?? false;
  });
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
