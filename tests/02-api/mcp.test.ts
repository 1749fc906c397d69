import assert from "node:assert/strict";
import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { ComityHttp } from "../../src/client/http.ts";
import { published, shapeOf, transcript } from "./agent-transcript.ts";
import { until, type TwoNodes, twoNodes } from "../two-nodes.ts";

/** Two real nodes: one sells, one works for agents; the protocol's own client over both doors. */
let nodes: TwoNodes;
let agentToken: string;
const clients: Client[] = [];

const perMessage = { amount: "0.5", currency: "EUR", perMessages: 1 };
const capped = { price: perMessage, messagesMax: 10 };

before(async () => {
  nodes = await twoNodes();
  const { http } = nodes.provider;
  await http.addProduct({ id: "bus", title: "Bus positions", topics: ["bus/#"], terms: capped });
  const open = { price: perMessage };
  await http.addProduct({ id: "trams", title: "Trams", topics: ["trams/#"], terms: open });
  const kes = { price: { ...perMessage, currency: "KES" }, messagesMax: 1 };
  await http.addProduct({ id: "ships", title: "Ships", topics: ["ships/#"], terms: kes });
  const free = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
  await http.addProduct({ id: "wind", title: "Wind", topics: ["wind/#"], terms: free });
  const budget = { amount: "12", currency: "EUR" };
  agentToken = (await nodes.consumer.http.addUser("agent", "trader", budget)).token;
});
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await nodes.close();
});

async function overHttp(token: string | undefined, headers: Record<string, string> = {}) {
  const client = new Client({ name: "test", version: "1" });
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = new URL("/mcp", nodes.consumer.node.httpUrl);
  const requestInit = { headers: { ...authorization, ...headers } };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  clients.push(client);
  return client;
}

async function overStdio(token: string) {
  const client = new Client({ name: "test", version: "1" });
  const bin = fileURLToPath(new URL("../../bin/comity.mjs", import.meta.url));
  const env = { ...process.env, COMITY_URL: nodes.consumer.node.httpUrl, COMITY_TOKEN: token };
  const args = [bin, "mcp"];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args,
    env,
    stderr: "inherit",
  });
  await client.connect(transport);
  clients.push(client);
  return client;
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const result = await client.callTool({ name, arguments: args });
  const [content] = result.content;
  assert.ok(content?.type === "text");
  return {
    error: result.isError === true,
    text: content.text,
    value: result.structuredContent as any,
  };
}

async function publish(topic: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await nodes.provider.http.publish(topic, JSON.stringify({ n }));
  }
}

test("mcp - both doors give the same eight tools, each with schemas", async () => {
  const names = async (client: Client) => {
    const { tools } = await client.listTools();
    for (const { name, inputSchema, outputSchema } of tools) {
      assert.equal(inputSchema.type, "object", name);
      assert.ok(outputSchema, name);
    }
    return tools.map(({ name }) => name).toSorted();
  };
  const byHttp = await names(await overHttp(agentToken));
  assert.deepEqual(byHttp, [
    "describe_product",
    "explain_refusal",
    "query_history",
    "read_stream",
    "request_contract",
    "sample",
    "search_products",
    "usage_and_cost",
  ]);
  assert.deepEqual(await names(await overStdio(agentToken)), byHttp);
});

test("mcp - an agent sees a sample before it agrees, without its price being asked", async () => {
  await publish("trams/3/position", 1);
  const agent = await overHttp(agentToken);
  const { value, error, text } = await call(agent, "sample", { product: "trams" });
  assert.equal(error, false, text);
  const topics = value.messages.map(({ topic }: { topic: string }) => topic);
  assert.deepEqual(topics, ["trams/3/position"]);
  assert.deepEqual(await nodes.consumer.http.agreements(), []);
});

test("mcp - an agent buys within its budget, reads, pays, and is refused beyond it", async () => {
  const agent = await overHttp(agentToken);
  const found = await call(agent, "search_products", { words: "bus" });
  const [{ offer, price }] = found.value.products;
  assert.equal(price, "0.5 EUR per message");
  const bought = await call(agent, "request_contract", { product: offer });
  assert.equal(bought.error, false, bought.text);
  const { agreement, budget } = bought.value;
  assert.deepEqual([budget.committed, budget.left], ["5", "7"]);

  const reading = call(agent, "read_stream", { agreement, messages: 3, seconds: 20 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await publish("bus/7/position", 4);
  const { messages, endedBecause } = (await reading).value;
  assert.equal(endedBecause, "messages");
  assert.deepEqual(
    messages.map((one: { topic: string; payload: string }) => [one.topic, one.payload]),
    [1, 2, 3].map((n) => ["bus/7/position", `{"n":${n}}`]),
  );

  const stdio = await overStdio(agentToken);
  await until("all four are kept", async () => {
    const history = await call(stdio, "query_history", { agreement });
    return history.value.end === 4;
  });
  const page = await call(stdio, "query_history", { agreement, after: 1, messages: 2 });
  assert.deepEqual(
    page.value.messages.map((one: { position: number }) => one.position),
    [1, 2],
  );
  assert.equal(page.value.next, 3);
  const cost = await call(stdio, "usage_and_cost", { agreement });
  assert.deepEqual(cost.value.bought, [{ currency: "EUR", amount: "2" }]);
  assert.equal(cost.value.usage[0].messages, 4);

  const tooMuch = await call(agent, "request_contract", { product: "trams", spendMax: "7.01" });
  assert.equal(tooMuch.error, true);
  assert.match(tooMuch.text, /^BUDGET_EXCEEDED: .*may cost up to 7\.01 EUR; 7 of 12 EUR are left/);
  assert.match(tooMuch.text, /What to do: /);
  const unbounded = await call(agent, "request_contract", { product: "trams" });
  assert.match(unbounded.text, /^BUDGET_EXCEEDED: .*no limit of its own/);
  const foreign = await call(agent, "request_contract", { product: "ships" });
  assert.match(foreign.text, /^BUDGET_EXCEEDED: .*it is paid in KES/);
  assert.equal((await nodes.provider.http.agreements()).length, 1);
});

test("mcp - two purchases at once cannot share what is left", async () => {
  const { token } = await nodes.consumer.http.addUser("pair", "trader", {
    amount: "3",
    currency: "EUR",
  });
  const agent = await overHttp(token);
  const ask = () => call(agent, "request_contract", { product: "trams", spendMax: "2" });
  const both = await Promise.all([ask(), ask()]);
  assert.equal(both.filter(({ error }) => error).length, 1);
  const made = both.find(({ error }) => !error)!.value;
  await nodes.consumer.http.revoke(made.agreement);
  const { value } = await call(agent, "usage_and_cost");
  assert.deepEqual([value.budget.committed, value.budget.left], ["0", "3"]);
});

test("mcp - a stream is ended at its limit: never billed beyond it, nothing more kept", async () => {
  const { token } = await nodes.consumer.http.addUser("limited", "trader", {
    amount: "2",
    currency: "EUR",
  });
  const agent = await overHttp(token);
  const bought = await call(agent, "request_contract", { product: "trams", spendMax: "1.5" });
  const { agreement } = bought.value;
  await until("the link is up", async () => {
    const { links } = await nodes.consumer.http.status();
    return links.some((one) => one.agreement === agreement && one.state === "up");
  });
  const ended = async () => (await nodes.consumer.http.agreement(agreement)).state === "ended";
  for (let n = 0; n < 40 && !(await ended()); n++) await publish("trams/1", 1);
  await until("it is ended", ended);
  const { usage } = await nodes.provider.http.agreement(agreement);
  assert.ok(Number(usage!.amount) <= 1.5, `billed ${usage!.amount}`);
  assert.equal((await nodes.consumer.http.agreement(agreement)).usage!.messages, usage!.messages);
  const why = await call(agent, "explain_refusal", { of: agreement });
  assert.match(why.value.explanation, /"Trams" ended at .*one side ended it/);
});

test("mcp - a budget outlives a restart of its node", async () => {
  const before = (await call(await overHttp(agentToken), "usage_and_cost")).value.budget;
  assert.equal(before.committed, "5");
  await nodes.restart("consumer");
  const { value } = await call(await overHttp(agentToken), "usage_and_cost");
  assert.deepEqual(value.budget, before);
});

test("mcp - a viewer's agent reads and may not agree; a budget closes what counts against none", async () => {
  const { token } = await nodes.consumer.http.addUser("looker", "viewer");
  const looker = await overHttp(token);
  assert.equal((await call(looker, "search_products")).value.found, 4);
  const refused = await call(looker, "request_contract", { product: "wind" });
  assert.match(refused.text, /^FORBIDDEN: viewer looker may not agreement\.agree/);
  await assert.rejects(
    nodes.consumer.http.addUser("w", "viewer", { amount: "1", currency: "EUR" }),
    {
      code: "BODY_INVALID",
    },
  );
  const agent = await overHttp(agentToken);
  const free = await call(agent, "request_contract", { product: "wind" });
  assert.equal(free.error, false, free.text);
  // a trader's acts that the guard does not know to be harmless to a budget
  for (const path of ["transfers/urn:uuid:none/suspend", "negotiations", "wants", "products"]) {
    const url = `${nodes.consumer.node.httpUrl}/api/v1/${path}`;
    const headers = { authorization: `Bearer ${agentToken}` };
    const closed = await fetch(url, { method: "POST", headers });
    const { error } = (await closed.json()) as { error: { code: string; message: string } };
    assert.equal(error.code, "FORBIDDEN", path);
    assert.match(error.message, /trader agent, who has a budget, may not/);
  }
});

test("mcp - who has a budget ends what it bought, and nothing that this node sells", async () => {
  const budget = { amount: "1", currency: "EUR" };
  const { token } = await nodes.provider.http.addUser("seller-agent", "trader", budget);
  const own = new ComityHttp({ url: nodes.provider.node.httpUrl, token });
  const agreements = await nodes.provider.http.agreements();
  const sold = agreements.find(({ role, state }) => role === "provider" && state === "active");
  const what = { code: "FORBIDDEN", message: /who has a budget, may not end what this node sells/ };
  await assert.rejects(own.revoke(sold?.id ?? ""), what);
  await assert.rejects(own.removeProduct("wind"), { code: "FORBIDDEN" });
  const again = await nodes.provider.http.agreement(sold?.id ?? "");
  assert.equal(again.state, "active");
});

test("mcp - errors are explained from the catalogue, unknown ones refused", async () => {
  const agent = await overHttp(agentToken);
  const { value } = await call(agent, "explain_refusal", { of: "BUDGET_EXCEEDED" });
  assert.match(value.explanation, /^The budget of <who>/);
  assert.match((await call(agent, "explain_refusal", { of: "NOPE" })).text, /^NOT_FOUND: /);
  const read = await call(agent, "read_stream", { agreement: "urn:uuid:none" });
  assert.match(read.text, /^NOT_FOUND: There is no agreement urn:uuid:none/);
  const wrong = await call(agent, "read_stream", { agreement: "urn:uuid:none", seconds: 3600 });
  assert.equal(wrong.error, true);
  assert.match(wrong.text, /seconds must be <= 50/);
});

test("mcp - of many products the one that is named is found, and counted are all", async () => {
  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  for (let n = 0; n < 120; n++) {
    const id = `meter-${n}`;
    const place = n === 7 ? { place: { lat: 10, lon: 10 } } : {};
    const product = { id, title: `Meter ${n}`, topics: [`${id}/#`], terms: { price }, ...place };
    await nodes.consumer.http.addProduct(product);
  }
  const agent = await overHttp(agentToken);
  const { value } = await call(agent, "search_products", { words: "meter", limit: 5 });
  assert.deepEqual([value.products.length, value.found], [5, 120]);
  const near = await call(agent, "search_products", { words: "meter", near: "10,10,1" });
  assert.deepEqual(
    near.value.products.map((one: { product: string }) => one.product),
    ["meter-7"],
  );
  for (const n of [0, 63, 119]) {
    const one = await call(agent, "describe_product", { product: `meter-${n}` });
    assert.equal(one.value?.product.title, `Meter ${n}`, one.text);
    const again = await call(agent, "describe_product", { product: one.value.product.offer });
    assert.equal(again.value.product.product, `meter-${n}`);
  }
  const none = await call(agent, "describe_product", { product: "meter-120" });
  assert.match(none.text, /^NOT_FOUND: /);
});

test("mcp - products are resources with their terms", async () => {
  const agent = await overHttp(agentToken);
  const { resources } = await agent.listResources();
  const bus = resources.find((one) => one.name === "bus");
  assert.ok(bus);
  const { contents } = await agent.readResource({ uri: bus.uri });
  const [content] = contents as { text: string }[];
  assert.deepEqual(JSON.parse(content!.text).terms.slice(0, 1), ["Price: 0.5 EUR per message."]);
});

test("mcp - without a token, from another page or under another name nobody comes in", async () => {
  await assert.rejects(overHttp(undefined), /401|token/i);
  await assert.rejects(overHttp("wrong"), /401|token/i);
  assert.equal(await statusOf({ origin: "http://evil.example" }), 403);
  assert.equal(await statusOf({ host: "evil.example", origin: "http://evil.example" }), 403);
  assert.equal(await statusOf({ "content-type": "text/plain" }), 415);
  assert.equal(await statusOf({}, `{"x":"${"y".repeat(300_000)}"}`), 413);
  assert.equal(await statusOf({}), 200);
});

async function statusOf(headers: Record<string, string>, body?: string): Promise<number> {
  const url = new URL("/mcp", nodes.consumer.node.httpUrl);
  const initialize = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "raw", version: "1" },
    },
  };
  const authorization = `Bearer ${agentToken}`;
  const types = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  return new Promise((resolve, reject) => {
    const all = { authorization, ...types, ...headers };
    const asked = request(url, { method: "POST", headers: all }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end(body ?? JSON.stringify(initialize));
  });
}

test("mcp - the guide's transcript is what really happens", async () => {
  assert.equal(shapeOf(await transcript()), shapeOf(published()));
});
