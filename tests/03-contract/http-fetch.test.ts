/** What is bought from a connector that serves HTTP alone is fetched, stored and counted here. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { startTestNode, type TestNode, until } from "../two-nodes.ts";
import { leaveSeat, takeSeat } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const agreementId = "urn:uuid:bought";

interface Source {
  readonly url: string;
  readonly asked: IncomingMessage["headers"][];
}

/** The connector's own data plane, on another port than its protocol. */
async function openSource(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Source> {
  const asked: IncomingMessage["headers"][] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/public`, asked };
}

interface Bought {
  readonly node: TestNode;
  readonly connector: Stranger;
  /** Says where it is fetched, to the transfer that was asked for last. */
  readonly start: (url: string, token: string) => Promise<void>;
}

/** A node that has bought something of a connector without our extension. */
async function bought(t: TestContext): Promise<Bought> {
  const seats = [await takeSeat("buyer"), await takeSeat("connector")] as const;
  const [seat, other] = seats;
  const store = await openEmbeddedStore({ path: join(seat.dir, "comity.db") });
  const agreement: Agreement = {
    id: agreementId,
    role: "consumer",
    provider: other.did,
    consumer: seat.did,
    product: "urn:weather",
    title: "Weather",
    delivery: "live",
    topics: ["#"],
    price: { amount: "0", currency: "EUR", perMessages: 1 },
    policy: { "@type": "Agreement", "@id": agreementId, permission: [{ action: "use" }] },
    policyHash: "sha256:none",
    evidence: { payload: "", signatures: [] },
    keys: {},
    signedAt: new Date().toISOString(),
    state: "active",
  };
  await store.commit([{ op: "put", kind: "agreement", id: agreementId, doc: agreement }]);
  await store.close();
  const connector = await openStranger(other, async (path, body) => {
    if (!path.endsWith("/transfers/request")) return undefined;
    const { consumerPid } = body;
    const pids = { providerPid: `their-${String(consumerPid)}`, consumerPid, state: "REQUESTED" };
    return { status: 201, body: message("TransferProcess", pids) };
  });
  const node = await startTestNode({
    name: "buyer",
    title: "The buyer",
    country: "KE",
    currency: "EUR",
    place: { lat: -1.3, lon: 36.8 },
    did: seat.did,
    data: seat.dir,
    http: { host: "127.0.0.1", port: seat.port },
    mqtt: { host: "127.0.0.1", port: 0 },
    localPeers: seats,
    dev: false,
    publicWorld: false,
    receiptWindowMs: 100,
    logLevel: "error",
    httpFetchEveryMs: 50,
  });
  t.after(async () => {
    await node.node.close();
    await connector.stop();
    await Promise.all(seats.map(leaveSeat));
  });
  return {
    node,
    connector,
    async start(url, token) {
      const requests = () => connector.received.filter(({ path }) => path.endsWith("/request"));
      await until("it is asked for", () => requests().length > 0);
      const { consumerPid, format } = requests().at(-1)!.body;
      assert.equal(format, "HttpData-PULL");
      const property = (name: string, value: string) => {
        return { "@type": "EndpointProperty", name, value };
      };
      const dataAddress = {
        "@type": "DataAddress",
        endpointType: "https://w3id.org/idsa/v4.1/HTTP",
        endpoint: url,
        endpointProperties: [property("authorization", token), property("authType", "bearer")],
      };
      const pids = { providerPid: `their-${String(consumerPid)}`, consumerPid };
      const said = message("TransferStartMessage", { ...pids, dataAddress });
      const path = `${dspPath}/transfers/${encodeURIComponent(String(consumerPid))}/start`;
      const to = { did: node.node.did, url: node.node.httpUrl };
      assert.equal((await connector.call(to, path, said)).status, 200);
    },
  };
}

async function payloads(node: TestNode): Promise<string[]> {
  const [known] = await node.http.logs();
  if (known === undefined) return [];
  const lines: string[] = [];
  for await (const line of node.http.readLog(known.log)) {
    lines.push(`${line.topic} ${"payload" in line ? line.payload : "?"}`);
  }
  return lines;
}

test("HTTP fetch - each new answer is a message, once, retained, in a log, counted here", async (t) => {
  let value = 1;
  const source = await openSource(t, (request, response) => {
    const etag = `"${value}"`;
    if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(`{"celsius":${value}}`);
  });
  const { node, start } = await bought(t);
  await start(source.url, "their-token");
  await until("the first answer is there", async () => (await payloads(node)).length === 1);
  await until("it was asked again", () => source.asked.length >= 4);
  assert.equal(source.asked[0]?.authorization, "Bearer their-token");
  assert.equal(source.asked.at(-1)?.["if-none-match"], '"1"');
  value = 2;
  await until("the second answer is there", async () => (await payloads(node)).length === 2);
  assert.deepEqual(await payloads(node), ['data {"celsius":1}', 'data {"celsius":2}']);
  const [usage] = await node.http.usage();
  assert.deepEqual(usage?.oneSided, { messages: 2, bytes: 26 });
  const { url } = { url: node.node.mqttUrl };
  const app = await connectMqtt({ url, username: "admin", password: node.token });
  t.after(() => app.end());
  const seen: string[] = [];
  await app.subscribe("from/#", {}, ({ topic, payload }) =>
    seen.push(`${topic} ${payload.toString()}`),
  );
  await until("the last one is retained", () => seen.length === 1);
  assert.match(seen[0] ?? "", /^from\/[^/]+\/urn:weather\/data \{"celsius":2\}$/);
});

test("HTTP fetch - what was fetched is erased with its retained message, and signed for", async (t) => {
  let value = 1;
  const source = await openSource(t, (_request, response) => {
    response.end(`{"celsius":"${"9".repeat(20)}${value++}"}`);
  });
  const { node, start } = await bought(t);
  await start(source.url, "their-token");
  await until("some of it is there", async () => (await payloads(node)).length > 3);
  const done = await node.http.erase(agreementId);
  const [log] = await node.http.logs();
  assert.deepEqual([done.state, done.record?.erased.messages], ["erased", log?.end]);
  assert.equal(done.told, undefined); // its provider has no door for that
  assert.deepEqual([log?.messages, log?.erased, await payloads(node)], [0, log?.end, []]);
  const last = await readFile(join(node.options.data, "comity.db"));
  assert.equal(last.includes("9".repeat(20)), false);
  const retained = Buffer.from("9".repeat(18)).toString("base64");
  assert.equal(last.includes(retained.slice(0, 20)), false);
});

test("HTTP fetch - a token that is refused is asked for anew", async (t) => {
  const source = await openSource(t, (request, response) => {
    const isGood = request.headers.authorization === "Bearer second";
    response.writeHead(isGood ? 200 : 401).end(isGood ? "there" : "");
  });
  const { connector, node, start } = await bought(t);
  await start(source.url, "first");
  const requests = () => connector.received.filter(({ path }) => path.endsWith("/request"));
  await until("another transfer is asked for", () => requests().length === 2);
  await start(source.url, "second");
  await until("it is fetched", async () => (await payloads(node)).length > 0);
});

test("HTTP fetch - redirects, floods and forbidden addresses are not followed, and said", async (t) => {
  const inner = await openSource(t, (_, response) => response.end("secret"));
  const flood = Buffer.alloc(9 * 1024 * 1024, "x");
  const source = await openSource(t, (request, response) => {
    if (request.url === "/public") response.writeHead(302, { location: inner.url }).end();
    else response.end(flood);
  });
  for (const [url, problem] of [
    [source.url, /redirects \(302\)/],
    [source.url.replace("public", "flood"), /longer than 8388608 bytes/],
    ["http://10.1.2.3/public", /not HTTPS/],
  ] as const) {
    const { node, start } = await bought(t);
    await start(url, "token");
    await until("it is said", async () => {
      return (await happenings(node)).some((text) => problem.test(text));
    });
    assert.deepEqual(await payloads(node), []);
  }
  assert.equal(inner.asked.length, 0);
});

async function happenings(node: TestNode): Promise<string[]> {
  return (await node.http.world()).happenings.map(({ text }) => text);
}
