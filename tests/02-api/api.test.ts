import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { ComityHttp } from "../../src/client/http.ts";
import { agreement, type SmallNode, smallNode } from "./small-node.ts";

let node: SmallNode;
before(async () => {
  node = await smallNode();
});
after(() => node.close());

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

test("API - health is open, everything else needs a token and says so", async () => {
  const stranger = new ComityHttp({ url: node.url });
  assert.equal((await stranger.health()).name, "rotterdam");
  const calls = [
    () => stranger.status(),
    () => stranger.things(),
    () => stranger.addThing({ name: "x" }),
    () => stranger.audit(),
    () => stranger.world(),
    () => stranger.publish("a", "b"),
    () => stranger.logs(),
  ];
  for (const call of calls) await assert.rejects(call(), { code: "UNAUTHENTICATED", status: 401 });
  const wrong = new ComityHttp({ url: node.url, token: "wrong" });
  await assert.rejects(wrong.status(), { code: "UNAUTHENTICATED" });
});

test("API - each role may do what it may, and refusals are on the audit trail", async () => {
  const { token } = await node.admin.addUser("vera", "viewer");
  const viewer = new ComityHttp({ url: node.url, token });
  assert.equal((await viewer.status()).counts.things, 0);
  await assert.rejects(viewer.addThing({ name: "x" }), { code: "FORBIDDEN", status: 403 });
  await assert.rejects(viewer.users(), { code: "FORBIDDEN" });
  await assert.rejects(viewer.publish("a/b", "x"), { code: "FORBIDDEN" });
  const trail = await node.admin.audit({ limit: 1000 });
  const refused = trail.find((entry) => entry.who === "viewer vera" && entry.act === "thing.add");
  assert.equal(refused?.outcome, "refused: FORBIDDEN");
  const stranger = trail.find((entry) => entry.who === "a stranger");
  assert.equal(stranger?.outcome, "refused: UNAUTHENTICATED");
  assert.equal(trail.find((entry) => entry.act === "user.add")?.outcome, "done");
  await node.admin.removeUser("vera");
  await assert.rejects(viewer.status(), { code: "UNAUTHENTICATED" });
});

test("API - a Thing is added, described, rotated and removed", async () => {
  const made = await node.admin.addThing({ name: "bus-7", title: "Bus 7", kind: "bus" });
  assert.deepEqual(made.thing.publish, ["bus-7/#"]);
  node.deps.things.noteSeen("bus-7", "bus-7/at", Buffer.from("51.9, 4.5"));
  assert.equal((await node.admin.things())[0]?.last, "51.9, 4.5");
  assert.equal((await node.admin.thing("bus-7"))["title"], "Bus 7");
  const again = await node.admin.rotateThing("bus-7", 0);
  assert.notEqual(again.token, made.token);
  await node.admin.removeThing("bus-7");
  await assert.rejects(node.admin.thing("bus-7"), { code: "NOT_FOUND", status: 404 });
});

test("API - a wrong body is refused with the member that is wrong", async () => {
  const bad = { name: "Bus 7" };
  await assert.rejects(node.admin.addThing(bad), {
    code: "BODY_INVALID",
    message: /body\/name is not 1 to 64 of a-z, 0-9 and -$/,
  });
  const typo = { title: "X", topics: ["x/#"], terms: { price, notafter: "2027" } };
  await assert.rejects(node.admin.addProduct(typo), {
    code: "BODY_INVALID",
    message: /terms\/notafter is no member/,
  });
  const response = await fetch(`${node.url}/api/v1/things`, {
    method: "POST",
    headers: { authorization: `Bearer ${node.adminToken}`, "content-type": "application/json" },
    body: "{",
  });
  assert.equal(response.status, 400);
  const body = (await response.json()) as { error: Record<string, string> };
  assert.deepEqual(Object.keys(body.error), ["code", "message", "remedy"]);
});

test("API - a product gets its defaults, is found by its words and removed", async () => {
  const made = await node.admin.addProduct({
    title: "Bus positions, São Paulo",
    topics: ["bus/#"],
    terms: { price },
    keywords: ["gtfs"],
  });
  assert.equal(made.id, "bus-positions-sao-paulo");
  assert.equal(made.delivery, "logged");
  await node.admin.addProduct({ title: "Soil", topics: ["soil/#"], terms: { price } });
  assert.deepEqual(
    (await node.admin.find("sao BUS")).map((offer) => offer.product),
    ["bus-positions-sao-paulo"],
  );
  assert.equal((await node.admin.find("")).length, 2);
  assert.equal((await node.admin.find("bus soil")).length, 0);
  await node.admin.removeProduct("soil");
  await assert.rejects(node.admin.product("soil"), { code: "NOT_FOUND" });
});

test("API - an agreement is made, read with its usage, linked, and revoked once", async () => {
  const made = await node.admin.agree("bus:1");
  assert.equal(made.evidence, "one-sided", "nobody signed this one");
  assert.equal("jws" in made, false);
  const detail = await node.admin.agreement(made.id);
  assert.equal(detail.usage?.messages, 8412);
  assert.deepEqual([detail.evidence, typeof detail.jws], ["one-sided", "object"]);
  await node.admin.link(made.id, "cut");
  assert.deepEqual(node.state.links, [`cut ${made.id}`]);
  assert.equal((await node.admin.receipts(made.id)).length, 3);
  assert.deepEqual(await node.admin.receipts(made.id, { after: 1, limit: 1 }), [{ seq: 2 }]);
  const ended = await node.admin.revoke(made.id);
  assert.equal(ended.ended?.by, "owner admin");
  await assert.rejects(node.admin.revoke(made.id), { code: "AGREEMENT_ENDED", status: 409 });
  await assert.rejects(node.admin.agreement("urn:uuid:none"), { code: "NOT_FOUND" });
});

test("API - an effect is told by the buyer alone, and a provider has no link to cut", async () => {
  node.state.agreements.set("urn:uuid:sold", agreement("urn:uuid:sold", "provider"));
  const effect = { text: "pumping waits for sun", value: 3.5, unit: "kWh" };
  await assert.rejects(node.admin.setEffect("urn:uuid:sold", effect), { code: "STATE_INVALID" });
  await assert.rejects(node.admin.link("urn:uuid:sold", "cut"), { code: "STATE_INVALID" });
  node.state.agreements.set("urn:uuid:bought", agreement("urn:uuid:bought", "consumer"));
  await node.admin.setEffect("urn:uuid:bought", effect);
  const world = await node.admin.world();
  assert.deepEqual(world.agreements.find((one) => one.id === "urn:uuid:bought")?.effect, effect);
});

test("API - usage, statements and bills come from settlement", async () => {
  const month = "2026-11";
  const [first] = await node.admin.statement(month);
  assert.equal(first?.month, month);
  assert.equal((await node.admin.usage())[0]?.amount, "16.824");
  assert.deepEqual(await node.admin.bill(month, first?.agreement ?? ""), { v: 1, month });
  await assert.rejects(node.admin.bill(month, "urn:uuid:none"), { code: "NOT_FOUND" });
  await assert.rejects(node.admin.statement("2026-13"), { code: "BODY_INVALID" });
});

test("API - a log is read from a position as NDJSON, text as text and bytes as base64", async () => {
  const topic = "bus/7";
  node.state.rows.push(
    { position: 0, at: 1, topic, payload: Buffer.from("a") },
    { position: 1, at: 2, topic, payload: Buffer.from([0xff, 0xfe]) },
    { position: 2, at: 3, topic, payload: Buffer.from("ü") },
  );
  const lines = await all(node.admin.readLog("product/bus", { after: 1 }));
  assert.deepEqual(lines, [
    { position: 1, at: 2, topic, payloadBase64: "//4=" },
    { position: 2, at: 3, topic, payload: "ü" },
  ]);
  const none = all(node.admin.readLog("product/none"));
  await assert.rejects(none, { code: "NOT_FOUND", status: 404 });
});

test("API - a Thing publishes bytes under its own topics only", async () => {
  const { token } = await node.admin.addThing({ name: "cam" });
  const thing = new ComityHttp({ url: node.url, token: `cam:${token}` });
  const payload = Buffer.from([0, 255, 1]);
  await thing.publish("cam/pic", payload, { qos: 0, retain: true });
  const [last] = node.state.published.slice(-1);
  assert.deepEqual(Buffer.from(last?.payload ?? []), payload);
  assert.deepEqual([last?.topic, last?.qos, last?.retain], ["cam/pic", 0, true]);
  await assert.rejects(thing.publish("bus/7", "x"), { code: "FORBIDDEN" });
  await assert.rejects(thing.publish("cam/+", "x"), { code: "TOPIC_INVALID" });
  await assert.rejects(thing.things(), { code: "FORBIDDEN" });
  const big = Buffer.alloc(65_537);
  await assert.rejects(thing.publish("cam/pic", big), { code: "PAYLOAD_TOO_LARGE", status: 413 });
});

test("API - a stream arrives as events, and ends when its Thing is removed", async () => {
  const { token } = await node.admin.addThing({ name: "app", subscribe: ["s/#"] });
  const app = new ComityHttp({ url: node.url, token: `app:${token}` });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const message of app.stream("s/#")) {
      seen.push(message);
      if (seen.length === 2) await node.admin.removeThing("app");
    }
  })();
  while (![...node.state.subscribers].some(({ filter }) => filter === "s/#")) await turn();
  await node.admin.publish("s/1", '{"value":1}');
  await node.admin.publish("t/1", "not this");
  await node.admin.publish("s/2", "multi\nline");
  await reading;
  assert.deepEqual(seen, [
    { topic: "s/1", payload: '{"value":1}' },
    { topic: "s/2", payload: "multi\nline" },
  ]);
  while (node.state.subscribers.size > 0) await turn();
});

test("API - a page of another origin is turned away, even with a token", async () => {
  const authorization = `Bearer ${node.adminToken}`;
  for (const headers of [
    { authorization, origin: "http://evil.example" },
    { authorization, "sec-fetch-site": "cross-site" },
  ]) {
    assert.equal(await statusWith("/api/v1/status", headers), 403);
  }
  const origin = node.url;
  assert.equal(await statusWith("/api/v1/status", { authorization, origin }), 200);
});

test("API - answers carry the headers that keep browsers strict", async () => {
  const api = await fetch(`${node.url}/api/v1/health`);
  assert.equal(api.headers.get("x-content-type-options"), "nosniff");
  assert.match(api.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  const page = await fetch(node.url);
  const html = await page.text();
  assert.match(page.headers.get("content-security-policy") ?? "", /script-src 'self'/);
  assert.match(html, /Rotterdam &lt;Transit>/);
});

test("API - an unknown route answers like every other error", async () => {
  const response = await fetch(`${node.url}/api/v1/nothing`);
  assert.equal(response.status, 404);
  const body = (await response.json()) as { error: { code: string } };
  assert.equal(body.error.code, "NOT_FOUND");
});

test("API - the OpenAPI document names every route and who may call it", async () => {
  const document = (await node.admin.openapi()) as {
    openapi: string;
    paths: Record<string, Record<string, { summary?: string }>>;
  };
  assert.equal(document.openapi, "3.1.0");
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => ({
      route: `${method} ${path}`,
      summary,
    })),
  );
  assert.deepEqual(
    routes.filter(({ summary }) => summary === undefined),
    [],
  );
  for (const route of [
    "get /api/v1/status",
    "post /api/v1/things",
    "post /api/v1/agreements/{id}/revoke",
    "get /api/v1/statements/{month}/bills/{agreement}",
    "post /api/v1/publish",
    "post /api/v1/publish/{*}",
    "get /api/v1/streams",
    "get /api/v1/streams/{*}",
  ]) {
    assert.ok(
      routes.some((one) => one.route === route),
      `${route} in ${routes.map((one) => one.route).join(", ")}`,
    );
  }
});

test("API - answers are what the OpenAPI document says they are", async () => {
  const document = (await node.admin.openapi()) as {
    paths: Record<string, { get?: { responses: Record<string, unknown> } }>;
  };
  await node.admin.addProduct({ title: "Heat", topics: ["heat/#"], terms: { price } });
  const [user] = await node.admin.users();
  assert.equal(user?.role, "owner");
  const routes = ["health", "status", "things", "products", "peers", "find", "agreements"].concat([
    "usage",
    "logs",
    "audit",
    "users",
  ]);
  for (const route of routes) {
    const path = `/api/v1/${route}`;
    const described = document.paths[path]?.get?.responses["200"] as {
      content: { "application/json": { schema: TSchema } };
    };
    const schema = Compile(described.content["application/json"].schema);
    const headers = { authorization: `Bearer ${node.adminToken}` };
    const body: unknown = await (await fetch(`${node.url}${path}`, { headers })).json();
    if (Array.isArray(body)) assert.ok(body.length > 0, `${route} has something to look at`);
    assert.deepEqual(schema.Errors(body), [], route);
    assert.equal(schema.Check("something else"), false, `${route} is described`);
  }
});

function statusWith(path: string, headers: Record<string, string>): Promise<number | undefined> {
  // fetch sets Origin and Sec-Fetch-* itself; this sends what it is told
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  httpRequest(`${node.url}${path}`, { headers }, (response) => {
    response.resume();
    resolve(response.statusCode);
  })
    .on("error", reject)
    .end();
  return promise;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}

test("API - digits that should be text are told to be put in quotes", async () => {
  const address = { postCode: 53113, city: "Bonn", country: "DE" };
  const party = { name: "Shade GmbH", address };
  await assert.rejects(node.admin.invoices.set({ party } as never), {
    code: "BODY_INVALID",
    message: /body\/party\/address\/postCode must be text: in a file, put it in quotes/,
  });
});
