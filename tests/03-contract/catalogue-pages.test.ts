import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Seat, type Side, takeSeat } from "./side.ts";

const path = "/dsp/2025-1/catalog/request";
const token = JSON.stringify({ clientId: "an-edc" });
const count = 250;

let seat: Seat;
let side: Side;

before(async () => {
  seat = await takeSeat("shop");
  const edc = { did: "an-edc", url: "http://127.0.0.1:1", identity: "mock" } as const;
  side = await openSide(seat, [edc]);
  for (let n = 0; n < count; n++) {
    const id = `p-${String(n).padStart(4, "0")}`;
    const sector = n % 10 === 0 ? "energy" : "transport";
    const keywords = n % 50 === 0 ? ["Äther"] : [];
    await side.catalogue.add({ ...freeProduct, id, title: `Stream ${n}`, sector, keywords });
  }
});

after(async () => {
  await side.stop();
  await leaveSeat(seat);
});

async function ask(filter?: unknown, url = `${side.url}${path}`) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: token },
    body: JSON.stringify(message("CatalogRequestMessage", filter === undefined ? {} : { filter })),
  });
  const body = (await response.json()) as {
    "@type": string;
    reason?: string[];
    dataset?: { "@id": string }[];
  };
  const link = response.headers.get("link");
  const next = /^<([^>]+)>; rel="next"$/.exec(link ?? "")?.[1];
  return { status: response.status, body, next, ids: body.dataset?.map((one) => one["@id"]) ?? [] };
}

test("catalogue - comes in pages of 100, each naming the next, every product once", async () => {
  const sizes: number[] = [];
  const ids: string[] = [];
  for (let url: string | undefined = `${side.url}${path}`; url !== undefined;) {
    const page = await ask(undefined, url);
    sizes.push(page.ids.length);
    ids.push(...page.ids);
    url = page.next;
  }
  assert.deepEqual(sizes, [100, 100, 50]);
  assert.deepEqual(
    ids,
    Array.from({ length: count }, (_, n) => `p-${String(n).padStart(4, "0")}`),
  );
});

test("catalogue - a page is as long as asked for; its cursor carries the filter on", async () => {
  const first = await ask([{ sector: "energy" }], `${side.url}${path}?limit=20`);
  assert.equal(first.ids.length, 20);
  const second = await ask(undefined, first.next);
  assert.deepEqual([second.ids.length, second.next], [5, undefined]);
  assert.equal((await ask(undefined, `${side.url}${path}?limit=100000`)).ids.length, count);
});

test("catalogue - filters by id, sector, keyword and words, all of which must hold", async () => {
  assert.deepEqual((await ask([{ id: "p-0007" }])).ids, ["p-0007"]);
  assert.deepEqual((await ask([{ keyword: "ather" }])).ids.length, 5);
  assert.deepEqual((await ask([{ text: "stream 24" }, { sector: "energy" }])).ids, ["p-0240"]);
  const none = await ask([{ id: "p-0007" }, { sector: "energy" }]);
  assert.deepEqual([none.status, "dataset" in none.body], [200, false]);
});

test("catalogue - EDC's QuerySpec is understood on the id, with offset and limit", async () => {
  const one = { operandLeft: "id", operator: "=", operandRight: "p-0007" };
  const spec = { "@type": "QuerySpec", offset: 0, limit: 50, sortOrder: "ASC", sortField: null };
  assert.deepEqual((await ask({ ...spec, filterExpression: [one] })).ids, ["p-0007"]);
  const listed = [{ ...spec, filterExpression: [one] }]; // what the protocol's context makes of it
  assert.deepEqual((await ask(listed)).ids, ["p-0007"]);
  const full = { operandLeft: "https://w3id.org/edc/v0.0.1/ns/id", operator: "in" };
  const two = { ...full, operandRight: ["p-0007", "p-0009", "none"] };
  assert.deepEqual((await ask({ ...spec, filterExpression: two })).ids, ["p-0007", "p-0009"]);
  const paged = await ask({ ...spec, offset: 240, limit: 5, filterExpression: [] });
  assert.deepEqual([paged.ids[0], paged.ids.length], ["p-0240", 5]);
});

for (const [named, filter, query] of [
  ["colour", [{ colour: "red" }], ""],
  ["distance", { distance: 5 }, ""],
  ["price", { filterExpression: [{ operandLeft: "price", operator: "=", operandRight: "0" }] }, ""],
  ["like", { filterExpression: [{ operandLeft: "id", operator: "like", operandRight: "%" }] }, ""],
  ["sector is not text", [{ sector: 5 }], ""],
  ["no object", ["energy"], ""],
  ["no object", "energy", ""],
  ["limit", { limit: -1 }, ""],
  ["limit", undefined, "?limit=many"],
  ["parts", Array.from({ length: 17 }, () => ({ sector: "energy" })), ""],
  ["cursor", undefined, "?cursor=bm9uc2Vuc2U"],
  ["cursor", undefined, `?cursor=${Buffer.from('{"conditions":[{"x":1}]}').toString("base64url")}`],
] as const) {
  test(`catalogue - what is not understood is refused by name: ${named} ${query}`, async () => {
    const { status, body } = await ask(filter, `${side.url}${path}${query}`);
    assert.deepEqual([status, body["@type"]], [400, "CatalogError"]);
    const [reason = ""] = body.reason ?? [];
    assert.ok(reason.includes(named), reason);
  });
}
