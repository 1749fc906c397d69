/** A month stated by the provider and answered by the consumer, over both nodes' own doors. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { SignedStatementResource } from "../../src/client/books.ts";
import { monthOf, systemClock } from "../../src/kernel/clock.ts";
import { bothSigned, twoNodes, type TwoNodes, until } from "../two-nodes.ts";

const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
const month = monthOf(systemClock.now());

let nodes: TwoNodes;
let agreement: string;
before(async () => {
  nodes = await twoNodes();
  ({ id: agreement } = await nodes.share({
    ...{ title: "Stated", topics: ["stated/#"], delivery: "logged" },
    terms: { price },
  }));
});
after(() => nodes.close());

type Side = "provider" | "consumer";

async function delivered(count: number): Promise<void> {
  const before = await receipted();
  const publisher = await nodes.mqtt("provider");
  for (let i = 0; i < count; i++) await publisher.publish(`stated/${i}`, "x", { qos: 1 });
  await bothSigned(nodes, agreement, before + count);
}

async function receipted(): Promise<number> {
  const signed = [nodes.provider, nodes.consumer].map(async ({ http }) => {
    const usage = await http.usage();
    return usage.find((one) => one.agreement === agreement)?.receipted?.messages ?? 0;
  });
  return Math.min(...(await Promise.all(signed)));
}

async function draw(): Promise<string> {
  return (await nodes.provider.http.books.draw(nodes.consumer.node.did, month)).id;
}

async function stands(side: Side, id: string): Promise<SignedStatementResource | undefined> {
  return (await nodes[side].http.books.statements(month)).find((one) => one.id === id);
}

/** Both sides' words have arrived: lines and sums are the same. */
async function agreed(id: string, state: string): Promise<SignedStatementResource> {
  let told: SignedStatementResource | undefined;
  await until(`the line is ${state} on both sides`, async () => {
    const both = [await stands("provider", id), await stands("consumer", id)];
    told = both[0];
    const texts = both.map((one) => JSON.stringify([one?.lines, one?.dues]));
    return texts[0] === texts[1] && both.every((one) => one?.lines[0]?.state === state);
  });
  for (const side of ["provider", "consumer"] as const) {
    const { problems, findings } = await nodes[side].http.books.audit();
    assert.equal(problems, 0, JSON.stringify(findings));
  }
  return told!;
}

async function balances(side: Side): Promise<Readonly<Record<string, string>>> {
  const [book] = await nodes[side].http.books.balances();
  return book?.accounts ?? {};
}

test("statement - what both count alike is accepted by itself, and paid in parts", async () => {
  await delivered(4);
  const id = await draw();
  const { lines, dues } = await agreed(id, "accepted");
  assert.deepEqual([lines.length, lines[0]?.stated, lines[0]?.messages], [1, "2", 4]);
  assert.deepEqual(dues, [{ currency: "EUR", accepted: "2", paid: "0", setOff: "0", due: "2" }]);
  const pay = (amount: string) =>
    nodes.provider.http.books.act(id, { do: "paid", amount, currency: "EUR", reference: "" });
  await pay("0.5");
  await assert.rejects(pay("1.6"), { code: "STATEMENT_REFUSES" });
  await pay("1.5");
  assert.deepEqual((await agreed(id, "accepted")).dues[0]?.due, "0");
  assert.equal((await balances("provider"))["receivable"], "0");
  assert.equal((await balances("consumer"))["payable"], "0");
  await assert.rejects(draw(), { code: "NOT_FOUND" }, "nothing is left to state");
});

test("statement - a disputed line is settled by a credit note, and both books say so", async () => {
  await delivered(6);
  const id = await draw();
  await agreed(id, "accepted");
  const { books } = nodes.consumer.http;
  const dispute = {
    do: "dispute",
    agreement,
    amount: "1",
    reason: "sensor 3 was broken",
    files: [],
  };
  await books.act(id, dispute);
  const disputed = await agreed(id, "disputed");
  assert.equal(disputed.dues[0]?.due, "0", "frozen");
  await assert.rejects(books.act(id, dispute), { code: "STATEMENT_REFUSES" });
  await assert.rejects(nodes.provider.http.books.act(id, { do: "withdraw", agreement }), {
    code: "STATEMENT_REFUSES",
  });
  const credit = { do: "credit", agreement, amount: "2", reason: "you are right" };
  await nodes.provider.http.books.act(id, credit);
  await agreed(id, "disputed");
  const hash = (await stands("consumer", id))?.lines[0]?.dispute?.credit?.hash;
  await books.act(id, { do: "agree", agreement, credit: hash });
  const settled = await agreed(id, "settled");
  assert.equal(settled.lines[0]?.amount, "1");
  assert.deepEqual(settled.dues[0]?.due, "1");
  assert.equal((await balances("provider"))["receivable"], "1");
  assert.equal((await balances("consumer"))["payable"], "-1");
});

test("statement - a word that its side signed while the other was away arrives, over a restart", async () => {
  await delivered(2);
  const id = await draw();
  await agreed(id, "accepted");
  await nodes.restart("provider", {}, async () => {
    const act = { do: "dispute", agreement, amount: "0", reason: "late", files: [] };
    await nodes.consumer.http.books.act(id, act);
    await nodes.restart("consumer");
  });
  await agreed(id, "disputed");
  await nodes.consumer.http.books.act(id, { do: "withdraw", agreement });
  const upheld = await agreed(id, "settled");
  assert.equal(upheld.lines[0]?.dispute?.state, "upheld");
  assert.equal(upheld.lines[0]?.amount, "1");
});

test("statement - what is paid in another currency stands in two books, linked by its rate", async () => {
  await delivered(4);
  const id = await draw();
  await agreed(id, "accepted");
  const came = { currency: "JPY", rate: "162.3456", source: "ECB, 2026-11-20" };
  const pay = (amount: string, exchanged: object) => {
    const act = { do: "paid", amount, currency: "EUR", reference: "" };
    return nodes.provider.http.books.act(id, { ...act, exchanged });
  };
  // 1.5 EUR are 243.5184 JPY: a yen more or less is rounding
  for (const amount of ["242", "245", "0", "24300"]) {
    await assert.rejects(pay("1.5", { ...came, amount }), { code: "STATEMENT_REFUSES" }, amount);
  }
  const wrong = [
    { ...came, amount: "1.5", currency: "EUR", rate: "1" },
    { ...came, amount: "244", currency: "XAU" },
    { ...came, amount: "244", rate: "0" },
  ];
  for (const one of wrong) await assert.rejects(pay("1.5", one), { code: "STATEMENT_REFUSES" });
  await assert.rejects(pay("1.5", { ...came, amount: "244", rate: "-1" }), {
    code: "BODY_INVALID",
  });
  const before = (await balances("provider"))["receivable"];
  await pay("1.5", { ...came, amount: "244" });
  const { dues } = await agreed(id, "accepted");
  assert.equal(dues[0]?.due, "0.5");
  const books = async (side: Side) => {
    const all = await nodes[side].http.books.balances();
    return Object.fromEntries(all.map(({ currency, accounts }) => [currency, accounts]));
  };
  const [sold, bought] = [await books("provider"), await books("consumer")];
  assert.equal(sold["EUR"]?.["exchange"], "1.5");
  assert.equal(Number(sold["EUR"]?.["receivable"]), Number(before) - 1.5);
  assert.deepEqual([sold["JPY"]?.["paid"], sold["JPY"]?.["exchange"]], ["244", "-244"]);
  assert.deepEqual([bought["JPY"]?.["paid"], bought["JPY"]?.["exchange"]], ["-244", "244"]);
  assert.equal(bought["EUR"]?.["exchange"], "-1.5");
});

test("statement - who was put back to an older copy asks for the receipts it lost, and answers", async (t) => {
  const copy = await mkdtemp(join(tmpdir(), "comity-older-"));
  t.after(() => rm(copy, { recursive: true }));
  const { data } = nodes.consumer.options;
  await nodes.restart("consumer", {}, () => cp(data, copy, { recursive: true }));
  const before = await receipted();
  await delivered(2);
  await nodes.restart("consumer", {}, async () => {
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
  });
  await agreed(await draw(), "accepted");
  assert.equal(await receipted(), before + 2, "without another message");
});
