/** What one participant may take of a node by itself: bounded, whoever it is. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { message } from "../../src/wire/dsp/messages.ts";
import { type Customer, openCustomer } from "./customer.ts";

const free = { amount: "0", currency: "EUR", perMessages: 1 };
const buses = { id: "buses", title: "Buses", topics: ["bus/#"], terms: { price: free } };

async function customer(t: TestContext, agreementsPerPeerMax: number): Promise<Customer> {
  const opened = await openCustomer(buses, { agreementsPerPeerMax });
  t.after(() => opened.close());
  return opened;
}

async function ask({ post, stranger }: Customer, consumerPid: string) {
  const dataset = await post("/catalog/request", message("CatalogRequestMessage", {}));
  const [found] = dataset.body["dataset"] as { hasPolicy: Record<string, unknown>[] }[];
  const { callbackAddress } = stranger;
  const offer = { ...found?.hasPolicy[0], "@type": "Offer", target: "buses" };
  const asked = { consumerPid, offer, callbackAddress };
  return post("/negotiations/request", message("ContractRequestMessage", asked));
}

test("one participant - no more agreements at a time than it may have", async (t) => {
  const opened = await customer(t, 1);
  const { status, body } = await ask(opened, "urn:uuid:one-more");
  assert.equal(status, 429, JSON.stringify(body));
  assert.match(JSON.stringify(body), /The limit of 1 agreements of one participant is reached/);
  assert.equal((await opened.provider.http.negotiations.list()).length, 1, "nothing is kept of it");
  await opened.provider.http.revoke(opened.agreement);
  const again = await ask(opened, "urn:uuid:after-an-end");
  assert.equal(again.status, 201, JSON.stringify(again.body));
});

test("one participant - no more streams at a time than it may have, by whatever agreement", async (t) => {
  const { agree, agreement, transfer } = await customer(t, 10);
  const agreements = [agreement];
  while (agreements.length < 5) agreements.push(await agree(`urn:uuid:${agreements.length}`));
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const opened: Response[] = []; // held, so that none is closed by the way
  for (const agreementId of agreements) {
    const { endpoint, headers } = await transfer("Sse-PULL", { agreementId });
    for (let one = 0; one < 17; one++) {
      opened.push(await fetch(endpoint, { headers, signal: leaving.signal }));
    }
  }
  const statuses = opened.map(({ status }) => status);
  const served = statuses.filter((status) => status === 200).length;
  assert.deepEqual(new Set(statuses), new Set([200, 429]));
  assert.equal(served, 64);
  assert.deepEqual(statuses.slice(0, 17), [...Array<number>(16).fill(200), 429], "16 of one");
});

test("data door - a WebSocket's address that is none is answered 400, with what is wrong", async (t) => {
  const { provider } = await customer(t, 2);
  const { port } = new URL(provider.node.httpUrl);
  for (const path of ["/data/%zz/stream", "/data/%/stream", "/data/%C3%28/stream"]) {
    const answer = await upgrade(Number(port), path);
    assert.match(answer, /^HTTP\/1\.1 400 /, path);
    assert.match(answer, /BODY_INVALID.*is no address/);
  }
});

/** What a WebSocket's handshake on this path is answered, as it comes. */
async function upgrade(port: number, path: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const head = [
    `GET ${path} HTTP/1.1`,
    ...["host: a", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"],
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
