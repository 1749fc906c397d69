/** What the directory tells: events, the node's own Things, searches. Assertions in brackets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../two-nodes.ts";
import { directoryNode, lamp, problem, type Td } from "./directory-node.ts";

const directory = await directoryNode();
const { node, ask, put, patch, get } = directory;

interface Event {
  readonly event: string;
  readonly data: Record<string, unknown>;
  readonly id: string;
}

async function follow(path: string, lastId?: string) {
  const stop = new AbortController();
  const seen: Event[] = [];
  const answer = await fetch(`${directory.url}${path}`, {
    signal: stop.signal,
    headers: {
      authorization: `Bearer ${directory.token}`,
      ...(lastId !== undefined && { "last-event-id": lastId }),
    },
  });
  assert.equal(answer.status, 200);
  // [tdd-notification-sse]
  assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reading = (async () => {
    let text = "";
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields = new Map(
          block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
        );
        const event = fields.get("event");
        if (event === undefined) continue;
        seen.push({
          event,
          data: JSON.parse(fields.get("data") ?? ""),
          id: fields.get("id") ?? "",
        });
      }
    }
  })().catch(() => {});
  const end = async (): Promise<void> => {
    stop.abort();
    await reading;
  };
  return { seen, end };
}

test("events - each type alone or all, with what changed where asked, and what was missed on return", async () => {
  const id = "urn:example:told";
  const all = await follow("/events");
  const diff = await follow("/events?diff=true");
  const deleted = await follow("/events/thing_deleted?diff=true");
  await put(id, lamp({ id, description: "one" }));
  await patch(id, { description: null, title: "Two" });
  await until("two are told", () => all.seen.length === 2);
  await all.end();
  await ask(`/things/${id}`, { method: "DELETE" });
  await until("the last is told", () => deleted.seen.length === 1 && diff.seen.length === 3);
  // [tdd-notification-event-types], [tdd-notification-data-td-id]
  assert.deepEqual(
    all.seen.map(({ event, data }) => [event, data]),
    [
      ["thing_created", { id }],
      ["thing_updated", { id }],
    ],
  );
  // [tdd-notification-data-create-full]
  assert.equal(diff.seen[0]?.data["@context"] !== undefined, true);
  // [tdd-notification-data-update-diff], [tdd-notification-data-update-id]
  assert.deepEqual(diff.seen[1]?.data, { id, title: "Two", description: null });
  // [tdd-notification-filter-type], [tdd-notification-data-delete-diff]
  assert.deepEqual(
    deleted.seen.map(({ event, data }) => [event, data]),
    [["thing_deleted", { id }]],
  );
  await diff.end();
  await deleted.end();

  // [tdd-notification-event-id]: also over a restart of the node
  await directory.restart();
  const back = await follow("/events", all.seen[0]?.id);
  await until("what was missed comes", () => back.seen.length >= 2);
  assert.deepEqual(
    back.seen.map(({ event }) => event),
    ["thing_updated", "thing_deleted"],
  );
  await put(id, lamp({ id }));
  await until("and what is new", () => back.seen.length === 3);
  await back.end();
  const head = await ask("/events", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.equal((await ask("/events/thing_seen")).status, 400);
});

test("own Things - each stands in the directory whole, is told of, and changed through it", async () => {
  const events = await follow("/events");
  const { thing } = await node.http.addThing({
    name: "pump",
    properties: { rpm: { type: "number" } },
  });
  const list = (await (await ask("/things")).json()) as Td[];
  const own = list.find((td) => td["title"] === "pump");
  assert.ok(own);
  assert.equal(
    (await patch(own.id, { title: "Pump 3", properties: { rpm: { maximum: 9 } } })).status,
    204,
  );
  const changed = await get(own.id);
  assert.equal(changed["title"], "Pump 3");
  const { rpm } = changed["properties"] as Record<string, { maximum: number; forms: unknown[] }>;
  assert.equal(rpm?.maximum, 9);
  assert.equal(rpm?.forms.length, 4, "the node's forms are there once");
  // what comes out goes in again
  const { registration: _registration, ...same } = changed;
  assert.equal((await put(own.id, same)).status, 204);
  const { registration: _again, ...after2 } = await get(own.id);
  assert.deepEqual(after2, same);
  assert.equal(
    (await ask(`/things/${encodeURIComponent(own.id)}`, { method: "DELETE" })).status,
    204,
  );
  await assert.rejects(node.http.thing(thing.id), { code: "NOT_FOUND" });
  await until("all is told", () => events.seen.length === 4);
  assert.deepEqual(
    events.seen.map(({ event, data }) => `${event} ${data["id"] === own.id}`),
    ["thing_created true", "thing_updated true", "thing_updated true", "thing_deleted true"],
  );
  await events.end();
  const acts = (await node.http.audit({ limit: 1000 })).map(({ act, what }) => `${act} ${what}`);
  assert.ok(acts.includes("thing.describe pump") && acts.includes("thing.remove pump"));
});

test("JSONPath - finds whole Descriptions and parts, sees what changed, and is bounded", async () => {
  const find = (query: string) => ask(`/search/jsonpath?query=${encodeURIComponent(query)}`);
  await put("urn:j:1", lamp({ id: "urn:j:1", title: "One" }));
  await put("urn:j:2", lamp({ id: "urn:j:2", title: "Two" }));
  const one = await find("$[?@.title=='One']");
  assert.match(one.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(
    ((await one.json()) as Td[]).map(({ id }) => id),
    ["urn:j:1"],
  );
  await patch("urn:j:2", { title: "One" });
  await ask("/things/urn:j:1", { method: "DELETE" });
  const ids = await find("$[?@.title=='One'].id");
  assert.deepEqual(await ids.json(), ["urn:j:2"]);
  for (const wrong of ["", "$[", "title"]) {
    const refused = await find(wrong);
    assert.equal(refused.status, 400, wrong);
    assert.equal((await problem(refused))["code"], "QUERY_REFUSED");
  }
  await put("urn:j:3", lamp({ id: "urn:j:3", description: "a".repeat(40) + "!" }));
  const explodes = await find("$[?search(@.description, '(a|a|aa)+$')]");
  assert.equal(explodes.status, 400);
  assert.match(String((await problem(explodes))["detail"]), /takes longer than 2000 ms/);
  assert.equal((await find("$[0].id")).status, 200, "the next one is answered");
});
