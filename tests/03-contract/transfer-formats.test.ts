/** Each format by a real client, both sides of every cut. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import type { NewProduct } from "../../src/client/resources.ts";
import type { NodeOptions } from "../../src/node.ts";
import { twoNodes, until } from "../two-nodes.ts";
import { type Customer, openCustomer } from "./customer.ts";
import { events, type Frame, frames } from "./followed.ts";

const free = { amount: "0", currency: "EUR", perMessages: 1 };
const buses = { id: "buses", title: "Buses", topics: ["bus/#"], terms: { price: free } };

async function customer(
  t: TestContext,
  product: Partial<NewProduct> = {},
  more: Partial<NodeOptions> = {},
): Promise<Customer> {
  const opened = await openCustomer({ ...buses, ...product }, more);
  t.after(() => opened.close());
  return opened;
}

async function json(url: string, headers: Record<string, string>) {
  const response = await fetch(url, { headers });
  return { response, body: await response.json() };
}

function errorOf(body: unknown): string | undefined {
  return (body as { error?: { code?: string } }).error?.code;
}

const follow = { "Sse-PULL": events, "WebSocket-PULL": frames } as const;
const both = ["Sse-PULL", "WebSocket-PULL"] as const;

test("HttpData-PULL - the endpoint answers the latest value of each topic, counted here", async (t) => {
  for (const delivery of ["live", "logged"] as const) {
    const { provider, device, transfer, oneSided } = await customer(t, { delivery });
    await device.publish("bus/1", "kept", { qos: 1, retain: true });
    const key = await transfer("HttpData-PULL");
    assert.equal(key.properties.get("authType"), "bearer");
    await device.publish("bus/2", "first", { qos: 1 });
    await device.publish("bus/2", Buffer.from([0xff]), { qos: 1 });
    await device.publish("depot", "secret", { qos: 1 });
    for (const url of [key.endpoint, `${key.endpoint}/latest`]) {
      const { response, body } = await json(url, key.headers);
      assert.equal(response.status, 200);
      const seen = (body as Frame[]).map((frame) => ({ ...frame, at: 0 }));
      const place = (position: number) => ({ at: 0, ...(delivery === "logged" && { position }) });
      assert.deepEqual(seen, [
        { topic: "bus/1", ...place(0), payload: "kept" },
        { topic: "bus/2", ...place(2), payloadBase64: "/w==" },
      ]);
    }
    assert.equal(await oneSided(), 4);
    const [shown] = await provider.http.agreements();
    assert.equal(shown?.evidence, "one-sided", "the connector signed nothing");
    const { response } = await json(key.endpoint, key.headers);
    const known = { ...key.headers, "if-none-match": response.headers.get("etag") ?? "" };
    assert.equal((await fetch(key.endpoint, { headers: known })).status, 304);
    assert.equal(await oneSided(), 6, "what has not changed is not handed over again");
    await device.publish("bus/2", "new", { qos: 1 });
    assert.equal((await fetch(key.endpoint, { headers: known })).status, 200);
    // other connectors send the address's `authorization` as it stands
    const raw = { authorization: key.properties.get("authorization") ?? "" };
    assert.equal((await fetch(key.endpoint, { headers: raw })).status, 200);
  }
});

test("HttpData-PULL - the history is read on by its links, each position once", async (t) => {
  const { device, transfer } = await customer(t, { delivery: "logged", topics: ["bus/#", "tram"] });
  const key = await transfer("HttpData-PULL"); // the agreement's start in the log is fixed by now
  for (let n = 0; n < 25; n++)
    await device.publish(n % 5 === 0 ? "tram" : "bus/1", `${n}`, { qos: 1 });
  const seen: Frame[] = [];
  let next: string | undefined = `${key.endpoint}/history?limit=10`;
  const pages: number[] = [];
  while (next !== undefined) {
    const response: Response = await fetch(next, { headers: key.headers });
    assert.equal(response.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
    const lines = (await response.text()).trim().split("\n");
    seen.push(...lines.map((line) => JSON.parse(line) as Frame));
    pages.push(lines.length);
    const [, path] = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "") ?? [];
    next = path === undefined ? undefined : new URL(path, key.endpoint).href;
  }
  assert.deepEqual(pages, [10, 10, 5]);
  const all = Array.from({ length: 25 }, (_, n) => n);
  assert.deepEqual(
    seen.map(({ position }) => position),
    all,
  );
  assert.deepEqual(
    seen.map(({ payload }) => payload),
    all.map(String),
  );
  const tail = await fetch(`${key.endpoint}/history?after=23`, { headers: key.headers });
  assert.equal((JSON.parse(await tail.text()) as Frame).position, 24);
  const wrong = await json(`${key.endpoint}/history?after=x`, key.headers);
  assert.deepEqual([wrong.response.status, errorOf(wrong.body)], [400, "BODY_INVALID"]);
});

test("HttpData-PULL - a live product has no history", async (t) => {
  const { transfer } = await customer(t, { delivery: "live" });
  const key = await transfer("HttpData-PULL");
  const { response, body } = await json(`${key.endpoint}/history`, key.headers);
  assert.deepEqual([response.status, errorOf(body)], [404, "NOT_FOUND"]);
});

test("Sse-PULL - resumes after the last event's id, nothing lost and nothing twice", async (t) => {
  const { device, transfer } = await customer(t, { delivery: "logged" });
  await device.publish("bus/1", "before", { qos: 1 });
  const key = await transfer("Sse-PULL");
  const first = await events(t, key);
  for (let n = 0; n < 5; n++) await device.publish("bus/1", `${n}`, { qos: 1 });
  await until("five came", () => first.frames.length === 5);
  const [begun] = first.told;
  assert.equal(begun?.event, "begin");
  const [epoch] = begun.id!.split("/");
  assert.match(begun.id!, /^[0-9a-f-]{36}\/[0-9a-f]{8}:0$/);
  assert.deepEqual(
    first.ids,
    [1, 2, 3, 4, 5].map((position) => begun.id!.replace(/0$/, String(position))),
  );
  assert.deepEqual(
    first.frames.map(({ id }) => id),
    first.ids,
  );
  first.close();
  for (let n = 5; n < 2_000; n++) void device.publish("bus/1", `${n}`, { qos: 1 });
  const second = await events(t, key, first.ids.at(-1));
  await until("the rest came", () => second.frames.length === 1_995);
  assert.deepEqual(
    second.frames.map(({ payload }) => payload),
    Array.from({ length: 1_995 }, (_, n) => String(n + 5)),
  );
  const other = epoch!.replace(/^./, (first) => (first === "0" ? "1" : "0"));
  for (const [lastId, status, code] of [
    [begun.id!.replace(epoch!, other), 410, "POSITION_GONE"],
    [begun.id!.replace(/\/.*$/, "/00000000:3"), 410, "POSITION_GONE"],
    [begun.id!.replace(/0$/, "9999"), 410, "POSITION_GONE"],
    ["5", 400, "BODY_INVALID"],
  ] as const) {
    const { response, body } = await json(key.endpoint, {
      ...key.headers,
      "last-event-id": lastId,
    });
    assert.deepEqual([response.status, errorOf(body)], [status, code], lastId);
  }
  const { response, body } = await json(`${key.endpoint}?after=2005`, key.headers);
  assert.deepEqual([response.status, errorOf(body)], [410, "POSITION_GONE"], "behind the end");
});

test("WebSocket-PULL - text frames with topic, time, position and payload", async (t) => {
  const { device, transfer, oneSided } = await customer(t, { delivery: "logged" });
  for (let n = 0; n < 3; n++) await device.publish("bus/1", `${n}`, { qos: 1 });
  const key = await transfer("WebSocket-PULL");
  assert.match(key.endpoint, /^ws:.*\/stream$/);
  const followed = await frames(t, key, "?after=0");
  await until("two came", () => followed.frames.length === 2);
  const [one] = followed.frames;
  const { id, ...message } = one!;
  assert.deepEqual({ ...message, at: 0 }, { topic: "bus/1", at: 0, position: 1, payload: "1" });
  followed.close();
  const again = await frames(t, key, `?lastEventId=${encodeURIComponent(id!)}`);
  await until("the third came", () => again.frames.length === 1);
  assert.equal(again.frames[0]?.position, 2);
  const wrong = frames(t, key, `?lastEventId=${encodeURIComponent(id!.replace(/1$/, "7"))}`);
  await assert.rejects(wrong, /410/);
  assert.ok(Math.abs((one?.at ?? 0) - Date.now()) < 10_000);
  assert.equal(await oneSided(), 3);
});

test("streams - a live product as it comes, and only what the agreement lets through", async (t) => {
  for (const format of both) {
    const terms = { price: free, fields: ["n"] };
    const { device, transfer, refused } = await customer(t, { delivery: "live", terms });
    const followed = await follow[format](t, await transfer(format));
    await device.publish("bus/1", '{"n":1.50,"driver":"A"}', { qos: 1 });
    await device.publish("depot", '{"n":0}', { qos: 1 });
    await device.publish("bus/1", "no JSON", { qos: 1 });
    await device.publish("bus/1", '{"n":2}', { qos: 1 });
    await until("two came", () => followed.frames.length === 2);
    assert.deepEqual(
      followed.frames.map(({ payload }) => payload),
      ['{"n":1.50}', '{"n":2}'],
    );
    assert.equal(followed.frames[0]?.position, undefined);
    assert.equal(await refused("field"), 1);
  }
});

test("streams - positions that the provider keeps no longer are told as a gap", async (t) => {
  const retention = { bytesMax: 1_048_576 };
  const opened = await customer(t, { delivery: "logged", retention }, { retentionMs: 50 });
  const big = "x".repeat(400_000);
  await opened.device.publish("bus/1", "first", { qos: 1 });
  for (let n = 1; n < 8; n++) await opened.device.publish("bus/1", `${n} ${big}`, { qos: 1 });
  await until("the oldest are gone", async () => {
    const [log] = await opened.provider.http.logs();
    return log!.messages <= 3;
  });
  for (const format of both) {
    const key = await opened.transfer(format);
    const after = { ...key, endpoint: `${key.endpoint}?after=0` };
    let followed = await follow[format](t, after);
    // what is gone from the disk may be in memory for a moment yet: then nothing is missing
    await until("a gap is told", async () => {
      await until("the last came", () => followed.frames.at(-1)?.position === 7);
      if (followed.told.some(({ event }) => event === "gap")) return true;
      followed.close();
      followed = await follow[format](t, after);
      return false;
    });
    const gap = followed.told.find(({ event }) => event === "gap");
    const to = followed.frames[0]!.position!;
    assert.deepEqual([gap?.from, gap?.to, gap?.messages], [1, to, to - 1]);
  }
});

test("streams - a cap is met to the message, and ends them", async (t) => {
  for (const format of both) {
    for (const delivery of ["live", "logged"] as const) {
      const terms = { price: free, messagesMax: 7 };
      const { device, transfer, oneSided } = await customer(t, { delivery, terms });
      const key = await transfer(format);
      const followed = await follow[format](t, key);
      for (let n = 0; n < 20; n++) await device.publish("bus/1", `${n}`, { qos: 1 });
      await until("it has ended", () => followed.ended.length === 1);
      const what = `${format} ${delivery}`;
      assert.match(followed.ended[0] ?? "", /ended: cap/, what);
      assert.deepEqual(
        followed.frames.map(({ payload }) => payload),
        ["0", "1", "2", "3", "4", "5", "6"],
        what,
      );
      assert.equal(await oneSided(), 7, what);
      const url = key.endpoint.replace(/^ws/, "http");
      const { response, body } = await json(url, key.headers);
      assert.deepEqual([response.status, errorOf(body)], [409, "AGREEMENT_ENDED"], what);
    }
  }
});

test("streams - revocation and expiry cut what is open at once", async (t) => {
  for (const format of both) {
    const { device, transfer, provider, agreement } = await customer(t, { delivery: "live" });
    const followed = await follow[format](t, await transfer(format));
    await device.publish("bus/1", "before", { qos: 1 });
    await until("it flows", () => followed.frames.length === 1);
    await provider.http.revoke(agreement);
    await device.publish("bus/1", "after", { qos: 1 });
    await until("it has ended", () => followed.ended.length === 1);
    assert.match(followed.ended[0] ?? "", /ended: revoked/);
    assert.equal(followed.frames.length, 1);
  }
  const notAfter = new Date(Date.now() + 2_000).toISOString();
  const { device, transfer } = await customer(t, { terms: { price: free, notAfter } });
  const key = await transfer("Sse-PULL");
  const followed = await events(t, key);
  await device.publish("bus/1", "before", { qos: 1 });
  await until("it flows", () => followed.frames.length === 1);
  await until("it has ended", () => followed.ended.length === 1);
  assert.match(followed.ended[0] ?? "", /ended: expired/);
  await device.publish("bus/1", "after", { qos: 1 });
  assert.equal(followed.frames.length, 1);
});

test("streams - a suspended transfer closes what it opened, and opens again when it goes on", async (t) => {
  for (const format of both) {
    const { device, transfer, say } = await customer(t, { delivery: "logged" });
    const key = await transfer(format);
    const followed = await follow[format](t, key);
    await device.publish("bus/1", "one", { qos: 1 });
    await until("it flows", () => followed.frames.length === 1);
    assert.equal(await say(key, "/suspension", "TransferSuspensionMessage"), 200);
    await until("it has ended", () => followed.ended.length === 1);
    assert.match(followed.ended[0] ?? "", /SUSPENDED/);
    await assert.rejects(follow[format](t, key), /401/);
    await device.publish("bus/1", "two", { qos: 1 });
    assert.equal(await say(key, "/start", "TransferStartMessage"), 200);
    const again =
      format === "Sse-PULL"
        ? await events(t, key, followed.frames[0]?.id)
        : await frames(t, key, "?after=0");
    await until("what came meanwhile is there", () => again.frames.length === 1);
    assert.equal(again.frames[0]?.payload, "two");
    assert.equal(await say(key, "/completion", "TransferCompletionMessage"), 200);
    await until("it has ended too", () => again.ended.length === 1);
  }
});

test("streams - what the provider suspends rests by every way it is received, until resumed", async (t) => {
  const { device, transfer, provider, say } = await customer(t, { delivery: "logged" });
  const act = async (pid: string, what: "suspend" | "resume"): Promise<void> => {
    const url = `${provider.node.httpUrl}/api/v1/transfers/${encodeURIComponent(pid)}/${what}`;
    const headers = { authorization: `Bearer ${provider.token}` };
    assert.equal((await fetch(url, { method: "POST", headers })).status, 200);
  };
  const [socket, event] = [await transfer("WebSocket-PULL"), await transfer("Sse-PULL")];
  const open = await frames(t, socket);
  await act(event.pid, "suspend");
  await device.publish("bus/1", "while suspended", { qos: 1 });
  const status = async () => (await fetch(event.endpoint, { headers: event.headers })).status;
  assert.equal(await status(), 401);
  assert.deepEqual(open.frames, []);
  await act(event.pid, "resume");
  await until("it goes on", () => open.frames.length === 1);
  // a suspended transfer that is over holds nothing back any more
  const mqtt = await transfer("Mqtt5-PULL");
  assert.equal(await say(mqtt, "/suspension", "TransferSuspensionMessage"), 200);
  assert.equal(await say(mqtt, "/termination", "TransferTerminationMessage"), 200);
  await device.publish("bus/1", "afterwards", { qos: 1 });
  await until("it goes on again", () => open.frames.length === 2);
});

test("data door - without the transfer's token nothing is handed out", async (t) => {
  const { transfer, refused, provider } = await customer(t);
  const key = await transfer("HttpData-PULL");
  for (const headers of [{}, { authorization: "Bearer guessed" }, { authorization: "" }]) {
    const { response, body } = await json(key.endpoint, headers);
    assert.deepEqual([response.status, errorOf(body)], [401, "TOKEN_REFUSED"]);
  }
  assert.equal(await refused("no-agreement"), 3);
  const other = `${provider.node.httpUrl}/data/urn:uuid:another/latest`;
  assert.equal((await fetch(other, { headers: key.headers })).status, 401);
  const wrong = new WebSocket(other.replace(/^http/, "ws").replace("latest", "stream"));
  wrong.on("error", () => {});
  const [response] = (await new Promise<unknown[]>((resolve) =>
    wrong.on("unexpected-response", (...told) => resolve(told.slice(1))),
  )) as [{ statusCode: number }];
  assert.equal(response.statusCode, 401);
});

test("data door - a participant that asks without end is told to slow down", async (t) => {
  const { transfer } = await customer(t);
  const { endpoint, headers } = await transfer("HttpData-PULL");
  const ask = async () => (await fetch(endpoint, { headers })).status;
  const answers: number[] = [];
  while (answers.length < 5_000 && !answers.includes(429)) {
    answers.push(...(await Promise.all(Array.from({ length: 100 }, ask))));
  }
  assert.ok(answers.filter((status) => status === 200).length >= 500);
  assert.deepEqual(new Set(answers), new Set([200, 429]));
  await until("it is heard again", async () => (await ask()) === 200);
});

test("data door - what costs money is asked for as a link alone", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const terms = { price: { ...free, amount: "0.01" } };
  const agreement = await world.share({ ...buses, delivery: "live", terms });
  for (const format of ["HttpData-PULL", ...both]) {
    const { pid } = await world.consumer.http.transfers.request(agreement.id, format);
    await until("the provider has answered", async () => {
      return (await world.consumer.http.transfers.get(pid)).state === "TERMINATED";
    });
    const { problem } = await world.consumer.http.transfers.get(pid);
    assert.match(problem ?? "", /unbilled.*Mqtt5-PULL/);
  }
  const link = (await world.provider.http.transfers.list()).find(
    ({ state }) => state === "STARTED",
  );
  assert.equal(link?.format, "Mqtt5-PULL", "the link stands");
});

test("transfer token - it expires for new connections, not for what is open", async (t) => {
  const more = { tokenLifetimeMs: 1_500 };
  const { device, transfer, post, stranger, agreement } = await customer(t, {}, more);
  const key = await transfer("Sse-PULL");
  const followed = await events(t, key);
  const url = `${key.endpoint.replace("/stream", "")}/latest`;
  assert.equal((await fetch(url, { headers: key.headers })).status, 200);
  await until(
    "it has expired",
    async () => (await fetch(url, { headers: key.headers })).status === 401,
  );
  await device.publish("bus/1", "still", { qos: 1 });
  await until("what is open goes on", () => followed.frames.length === 1);
  const { callbackAddress } = stranger;
  await post("/transfers/request", {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "TransferRequestMessage",
    ...{
      consumerPid: key.consumerPid,
      agreementId: agreement,
      format: "Sse-PULL",
      callbackAddress,
    },
  });
  const starts = () => stranger.received.filter(({ path }) => path.endsWith("/start"));
  await until("another token came", () => starts().length === 2);
  const address = starts()[1]?.body["dataAddress"] as {
    endpointProperties: { name: string; value: string }[];
  };
  const token = address.endpointProperties.find(({ name }) => name === "authorization")?.value;
  const renewed = { authorization: `Bearer ${token}` };
  assert.equal((await fetch(url, { headers: renewed })).status, 200);
  assert.deepEqual(followed.ended, []);
});
