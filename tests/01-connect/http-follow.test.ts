/** A node's own apps follow its streams over plain HTTP: from now on, after an event, slowly. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
import { until } from "../two-nodes.ts";
import { type EventReader, followEvents, followFrames, Refused } from "./event-reader.ts";
import { oneNode } from "./one-node.ts";

const { node, http } = await oneNode();
const streams = `${node.httpUrl}/api/v1/streams`;
const price = { amount: "0", currency: "EUR", perMessages: 1 };

async function logged(id: string, topics: string[] = [`${id}/#`]): Promise<void> {
  await http.addProduct({ id, title: id, topics, delivery: "logged", terms: { price } });
}

/** One batch, so that they are logged in order. */
async function publish(topic: string, payloads: readonly (string | number)[]): Promise<void> {
  const lines = payloads.map((payload) => JSON.stringify({ topic, payload: String(payload) }));
  const response = await fetch(`${node.httpUrl}/api/v1/publish`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: lines.join("\n"),
  });
  assert.deepEqual(await response.json(), { accepted: payloads.length, refused: [] });
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

const ways = {
  "event stream": (t: TestContext, query: string, lastId?: string) =>
    followEvents(t, `${streams}?${query}`, lastId === undefined ? {} : { "last-event-id": lastId }),
  WebSocket: (t: TestContext, query: string, lastId?: string): Promise<EventReader> => {
    const more = lastId === undefined ? "" : `&lastEventId=${encodeURIComponent(lastId)}`;
    return followFrames(t, `${streams}?${query}${more}`);
  },
};

for (const [way, follow] of Object.entries(ways)) {
  const name = way === "WebSocket" ? "ws" : "sse";

  test(`${way} - several filters at once; what is logged has ids, what is live has none`, async (t) => {
    await logged(`${name}-a`);
    await http.publish(`${name}-live/kept`, "kept", { retain: true });
    const query = `filter=${name}-a/%23&filter=${name}-live/%2B&filter=${name}-a/x`;
    const reader = await follow(t, query);
    await until("it has begun", () => reader.events.length === 2);
    const [begun, kept] = reader.events;
    assert.deepEqual(begun?.filters, [
      { filter: `${name}-a/#`, delivery: "logged" },
      { filter: `${name}-live/+`, delivery: "live" },
      { filter: `${name}-a/x`, delivery: "logged" },
    ]);
    assert.deepEqual(kept, { topic: `${name}-live/kept`, payload: "kept", retain: true });
    await publish(`${name}-a/x`, ["1"]);
    await http.publish(`${name}-live/y`, "2");
    await http.publish(`${name}-live/y/deeper`, "not asked for");
    await publish(`${name}-a/z`, ["3"]);
    await until("all came", () => reader.messages.length === 4);
    const { id, at, ...first } = reader.messages[1]!;
    assert.deepEqual(first, { topic: `${name}-a/x`, payload: "1" });
    assert.ok(Math.abs((at ?? 0) - Date.now()) < 10_000);
    assert.match(id ?? "", /^[0-9a-f-]{36}\/[0-9a-f]{8}:0$/);
    assert.equal(begun?.id?.split("/")[0], id?.split("/")[0]);
    const byTopic = reader.messages.map(({ topic, id: one }) => [topic, one !== undefined]);
    assert.deepEqual(
      new Map(byTopic as [string, boolean][]),
      new Map([
        [`${name}-live/kept`, false],
        [`${name}-a/x`, true],
        [`${name}-live/y`, false],
        [`${name}-a/z`, true],
      ]),
    );
  });

  test(`${way} - goes on after an event, of two logs at once, nothing missed and nothing twice`, async (t) => {
    await logged(`${name}-b`);
    await logged(`${name}-c`);
    const query = `filter=${name}-b/%23&filter=${name}-c/%23`;
    await publish(`${name}-b/t`, ["before"]);
    const first = await follow(t, query);
    await until("it has begun", () => first.told("begin").length === 1);
    first.close();
    await publish(`${name}-b/t`, numbers(0, 3));
    await publish(`${name}-c/t`, numbers(0, 3));
    // from the event that it began with, though no message came
    const second = await follow(t, query, first.lastId);
    await until("six came", () => second.messages.length === 6);
    // after the fourth: both logs stand in its id
    const { id } = second.messages[3]!;
    const third = await follow(t, query, id);
    await until("the last two came", () => third.messages.length === 2);
    await publish(`${name}-b/t`, ["last"]);
    await until("and what is new", () => third.messages.length === 3);
    assert.deepEqual(
      [...second.messages.slice(0, 4), ...third.messages]
        .map(({ topic, payload }) => `${topic} ${payload}`)
        .toSorted(),
      [
        ...numbers(0, 3).flatMap((n) => [`${name}-b/t ${n}`, `${name}-c/t ${n}`]),
        `${name}-b/t last`,
      ].toSorted(),
    );
  });

  test(`${way} - one that reads slowly misses nothing of a log, and of what is live the oldest`, async (t) => {
    await logged(`${name}-slow`);
    const many = 12_000;
    const big = "x".repeat(1000);
    const reader = await follow(t, `filter=${name}-slow/%23&filter=${name}-quick/%23`);
    await until("it has begun", () => reader.told("begin").length === 1);
    reader.pause();
    const dropped = async (): Promise<number> => (await http.status()).dropped;
    const before = await dropped();
    for (let i = 0; i < many; i += 1000) {
      const own = numbers(i, i + 1000).map((n) => `${n} ${big}`);
      await publish(`${name}-slow/t`, own);
      await publish(`${name}-quick/t`, own);
    }
    const counted = (await dropped()) - before;
    assert.ok(counted > 0, "more than may wait");
    reader.resume();
    const of = (topic: string): number[] =>
      reader.messages
        .filter((one) => one.topic === `${name}-${topic}/t`)
        .map(({ payload }) => Number.parseInt(payload!, 10));
    await until("all of the log came", () => of("slow").length === many);
    await until("and the newest that is live", () => of("quick").at(-1) === many - 1);
    assert.deepEqual(of("slow"), numbers(0, many).map(Number));
    const told = reader.told("dropped").reduce((sum, { messages }) => sum + messages!, 0);
    assert.equal(told, counted);
    assert.equal(of("quick").length, many - told);
    // where they are missing it is said, before the next that is there
    const at = reader.events.findIndex(({ event }) => event === "dropped");
    const live = (one: { readonly topic?: string }): boolean => one.topic === `${name}-quick/t`;
    const [gapFrom, gapTo] = [
      reader.events.slice(0, at).findLast(live),
      reader.events.slice(at).find(live),
    ];
    const missing =
      Number.parseInt(gapTo!.payload!, 10) - Number.parseInt(gapFrom?.payload ?? "-1", 10) - 1;
    assert.equal(missing, reader.events[at]!.messages);
  });

  test(`${way} - an id that means nothing here is refused`, async (t) => {
    const id = `${name}-gone`;
    await logged(id);
    await publish(`${id}/t`, numbers(0, 5));
    const reader = await follow(t, `filter=${id}/%23`);
    await until("it has begun", () => reader.lastId !== undefined);
    const told = reader.lastId!;
    assert.match(told, /:4$/);
    for (const [wrong, status, code] of [
      ["nonsense", 400, "BODY_INVALID"],
      [told.replace(/:4$/, ""), 400, "BODY_INVALID"],
      [`${told},x`, 400, "BODY_INVALID"],
      [`${told},${told}`, 400, "BODY_INVALID"],
      [told.replace(/^[0-9a-f]{8}/, "00000000"), 410, "POSITION_GONE"],
      [told.replace(/\/.*:/, "/00000000:"), 410, "POSITION_GONE"],
      [told.replace(/:4$/, ":5"), 410, "POSITION_GONE"],
    ] as const) {
      const refused = await follow(t, `filter=${id}/%23`, wrong).then(
        () => assert.fail(wrong),
        (failure: unknown) => failure as Refused,
      );
      assert.deepEqual([refused.status, refused.code], [status, code], wrong);
    }
    // of another stream's log
    await assert.rejects(follow(t, `filter=${name}-a/%23`, told), { code: "POSITION_GONE" });
  });

  test(`${way} - a product made while it is followed is followed from its log at once`, async (t) => {
    const id = `${name}-late`;
    const reader = await follow(t, `filter=${id}/%23`);
    await until("it has begun", () => reader.told("begin").length === 1);
    await http.publish(`${id}/t`, "live");
    await until("it came", () => reader.messages.length === 1);
    await logged(id);
    await publish(`${id}/t`, numbers(0, 3));
    await until("they came", () => reader.messages.length === 4);
    assert.deepEqual(reader.payloads, ["live", "0", "1", "2"]);
    const again = await follow(t, `filter=${id}/%23`, reader.messages[1]!.id);
    await until("the last two came", () => again.messages.length === 2);
    // one that is of both comes by one of them
    await logged(`${id}-too`, [`${id}/t`, `${id}-too/#`]);
    await publish(`${id}/t`, ["both"]);
    await publish(`${id}-too/t`, ["other"]);
    await until("it came there", () => again.payloads.at(-1) === "both");
    const wide = `filter=${id}/%23&filter=${id}-too/%23`;
    const both = await follow(t, wide, again.lastId);
    await until("the other came", () => both.messages.length === 1);
    assert.deepEqual(both.payloads, ["other"]);
    await http.removeProduct(`${id}-too`);
    await until("its end is told", () => both.isEnded);
    assert.match(both.told("end")[0]?.why ?? "", /offered no more/);
  });

  test(`${way} - who may not, and what is no filter, is refused as at every door`, async (t) => {
    const scoped = await http.keys.add({ id: `${name}-key`, subscribe: [`${name}-a/#`] });
    const headers = { authorization: `Bearer ${name}-key:${scoped.token}` };
    const open = (query: string, more = headers): Promise<EventReader> =>
      way === "WebSocket"
        ? followFrames(t, `${streams}${query}`, more)
        : followEvents(t, `${streams}${query}`, more);
    const allowed = await open(`?filter=${name}-a/%23`);
    await until("it has begun", () => allowed.told("begin").length === 1);
    const both = `?filter=${name}-a/%23&filter=${name}-b/%23`;
    await assert.rejects(open(both), { status: 403, code: "FORBIDDEN" });
    const wrong = { authorization: `Bearer ${name}-key:wrong` };
    await assert.rejects(open(`?filter=${name}-a/%23`, wrong), { status: 401 });
    const foreign = { ...headers, origin: "https://elsewhere.example" };
    await assert.rejects(open(`?filter=${name}-a/%23`, foreign), { status: 403 });
    for (const query of ["", "?filter=", "?filter=a/%23/b"]) {
      await assert.rejects(open(query), { status: 400 }, query);
    }
    const many = numbers(0, 65).map((n) => `filter=${name}-a/${n}`);
    await assert.rejects(open(`?${many.join("&")}`), { status: 400 });
    await http.keys.remove(`${name}-key`);
    await until("it ends with its key", () => allowed.isEnded);
  });
}

test("HTTP - more logs than an id can name are given as they come, and that is said", async (t) => {
  for (let n = 0; n < 64; n++) await logged(`many-${n}`, [`many/${n}/#`]);
  const whole = await followEvents(t, `${streams}?filter=many/%23`);
  await until("it has begun", () => whole.lastId !== undefined);
  assert.equal(whole.lastId!.split(",").length, 64);
  await logged("many-64", ["many/64/#"]);
  await publish("many/64/t", ["x"]);
  // the one that has ids cannot go on with them
  await until("its end is told", () => whole.isEnded);
  assert.match(whole.told("end")[0]?.why ?? "", /limit of 64 logged streams/);
  const headers = { "last-event-id": whole.lastId! };
  const again = followEvents(t, `${streams}?filter=many/%23`, headers);
  await assert.rejects(again, { status: 429, code: "LIMIT_REACHED" });
  const live = await followEvents(t, `${streams}?filter=many/%23`);
  await until("it has begun", () => live.told("begin").length === 1);
  assert.deepEqual(live.events[0], {
    ...{ event: "begin", filters: [{ filter: "many/#", delivery: "live" }] },
  });
  await publish("many/64/t", ["y"]);
  await until("it came", () => live.messages.length === 1);
  assert.deepEqual(live.messages, [{ topic: "many/64/t", payload: "y" }]);
});

test("WebSocket - a page offers its token as a subprotocol, which is not answered", async (t) => {
  const { token } = await http.keys.add({ id: "page", subscribe: ["page/#"] });
  const offer = (text: string): string[] => [
    "comity.json",
    `bearer.${Buffer.from(text).toString("base64url")}`,
  ];
  const url = `${streams}/page/%23`;
  const reader = await followFrames(t, url, {}, offer(`page:${token}`));
  assert.equal(reader.protocol, "comity.json");
  await until("it has begun", () => reader.told("begin").length === 1);
  await assert.rejects(followFrames(t, url, {}, offer("page:wrong")), { status: 401 });
  const other = `${streams}/other`;
  await assert.rejects(followFrames(t, other, {}, offer(`page:${token}`)), { status: 403 });
  await assert.rejects(followFrames(t, `${node.httpUrl}/api/v1/status`), { status: 404 });
  await assert.rejects(followFrames(t, `${node.httpUrl}/elsewhere`), { status: 404 });
});

test("HTTP - the client's own stream shows ids where there are any", async () => {
  await logged("client");
  const own = new ComityHttp({ url: node.httpUrl });
  const stream = own.stream("client/#");
  const next = stream.next();
  await until("it is there", async () => {
    await own.publish("client/t", "x");
    return true;
  });
  const { value } = await next;
  assert.match(value?.id ?? "", /:\d+$/);
  await stream.return(undefined);
});
