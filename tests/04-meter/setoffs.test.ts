/** What two nodes owe each other, cleared by what both sign, over both nodes' own doors. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { SetoffResource } from "../../src/client/setoffs.ts";
import type { CrashPoint } from "../../src/kernel/crash.ts";
import { monthOf, systemClock } from "../../src/kernel/clock.ts";
import { verifyFile } from "../../src/settle/verify/file.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import { asked, changedAt, emptyFolder, jsonOf } from "./evidence-files.ts";
import { leavesOf, verified, withoutProofs } from "./evidence-files.ts";

type Side = "provider" | "consumer";
const month = monthOf(systemClock.now());
const price = { amount: "0.5", currency: "EUR", perMessages: 1 };

let nodes: TwoNodes;
/** Who draws up, and who signs after. */
let first: Side;
let second: Side;
before(async () => {
  nodes = await twoNodes();
  const [provider, consumer] = [nodes.provider.node.did, nodes.consumer.node.did];
  first = provider < consumer ? "provider" : "consumer";
  second = first === "provider" ? "consumer" : "provider";
  const { http } = nodes.provider;
  await http.addPeer(nodes.consumer.node.httpUrl);
  await nodes.share({
    ...{ title: "There", topics: ["there/#"], delivery: "logged", terms: { price } },
  });
  const back = await nodes.consumer.http.addProduct({
    ...{ title: "Back", topics: ["back/#"], delivery: "logged", terms: { price } },
  });
  let offer: string | undefined;
  await until("the offer back is found", async () => {
    offer = (await http.find(back.id)).find((one) => one.product === back.id)?.offer;
    return offer !== undefined;
  });
  await http.agree(offer!, consumer);
});
after(() => nodes.close());

const didOf = (side: Side): string => nodes[side].node.did;
const otherOf = (side: Side): Side => (side === "provider" ? "consumer" : "provider");
const topics = { provider: "there", consumer: "back" };

/** So many messages sold by that side, stated by it and accepted by the other; the statement. */
async function sold(side: Side, count: number): Promise<string> {
  // the consumer has signed a moment before its provider holds that
  const receipted = async (): Promise<number> => {
    const [sells, buys] = [await nodes[side].http.usage(), await nodes[otherOf(side)].http.usage()];
    const sold = sells.find(({ role }) => role === "provider");
    const bought = buys.find(({ role }) => role === "consumer");
    return Math.min(sold?.receipted?.messages ?? 0, bought?.receipted?.messages ?? 0);
  };
  const start = await receipted();
  const publisher = await nodes.mqtt(side);
  for (let i = 0; i < count; i++) await publisher.publish(`${topics[side]}/${i}`, "x", { qos: 1 });
  await until("both have signed for it", async () => (await receipted()) === start + count);
  const { id } = await nodes[side].http.books.draw(didOf(otherOf(side)), month);
  await until("it is accepted on both sides", async () => {
    const both = await Promise.all([stated(side, id), stated(otherOf(side), id)]);
    return both.every((one) => one?.lines[0]?.state === "accepted");
  });
  return id;
}

async function stated(side: Side, id: string) {
  return (await nodes[side].http.books.statements(month)).find((one) => one.id === id);
}

async function dueOf(side: Side, id: string): Promise<string | undefined> {
  return (await stated(side, id))?.dues[0]?.due;
}

async function book(side: Side): Promise<Readonly<Record<string, string>>> {
  const [found] = await nodes[side].http.books.balances();
  return found?.accounts ?? {};
}

/** Both have it signed by both, word for word, and nothing in either's books is odd. */
async function agreed(id: string): Promise<SetoffResource> {
  const all: SetoffResource[] = [];
  await until(`${id} counts on both sides`, async () => {
    all.length = 0;
    for (const side of [first, second]) {
      const found = (await nodes[side].http.setoffs.list()).find((one) => one.id === id);
      if (found?.state === "agreed") all.push(found);
    }
    return all.length === 2;
  });
  assert.deepEqual(all[0]!.signed, all[1]!.signed);
  assert.equal(all[0]!.signed.signatures.length, 2);
  for (const side of [first, second]) {
    const { problems, findings } = await nodes[side].http.books.audit();
    assert.equal(problems, 0, JSON.stringify(findings));
  }
  return all[0]!;
}

async function waiting(side: Side, state: string): Promise<SetoffResource> {
  let found: SetoffResource | undefined;
  await until(`one is ${state}`, async () => {
    found = (await nodes[side].http.setoffs.list()).find((one) => one.state === state);
    return found !== undefined;
  });
  return found!;
}

test("set-off - what both owe is cleared to the micro-unit, the oldest first, the rest stays", async () => {
  const there = await sold(first, 4);
  const older = await sold(second, 1);
  const newer = await sold(second, 7);
  const [open] = await nodes[second].http.setoffs.open();
  assert.deepEqual(open, {
    ...{ with: didOf(first), currency: "EUR" },
    ...{ owedToUs: "4", owedByUs: "2", clears: "2" },
  });
  const { setoff } = await nodes[first].http.setoffs.propose(didOf(second), "EUR");
  assert.equal(setoff?.state, "drawn");
  const { id } = await waiting(second, "offered");
  assert.equal(id, setoff?.id);
  assert.equal((await book(first))["receivable"], "2", "nothing counts before both signed");
  await nodes[second].http.setoffs.accept(id);
  const { claims, cleared, items } = await agreed(id);
  assert.equal(cleared, "2");
  assert.deepEqual(claims, [
    { provider: didOf(first), owed: "2", left: "0" },
    { provider: didOf(second), owed: "4", left: "2" },
  ]);
  assert.deepEqual(
    items.map((one) => [one.statement, one.due, one.cleared]),
    [
      [there, "2", "2"],
      [older, "0.5", "0.5"],
      [newer, "3.5", "1.5"],
    ],
  );
  assert.deepEqual(
    [await book(first), await book(second)].map(({ receivable, payable }) => [receivable, payable]),
    [
      ["0", "-2"],
      ["2", "0"],
    ],
  );
  for (const side of [first, second]) {
    const dues = [there, older, newer].map((one) => dueOf(side, one));
    assert.deepEqual(await Promise.all(dues), ["0", "0", "2"]);
  }
  await assert.rejects(nodes[second].http.setoffs.propose(didOf(first), "EUR"), {
    code: "SETOFF_REFUSED",
  });
  const dispute = { do: "dispute", amount: "0", reason: "too late", files: [] };
  const agreement = (await stated(first, there))!.lines[0]!.agreement;
  await assert.rejects(nodes[second].http.books.act(there, { ...dispute, agreement }), /set off/);
});

test("set-off - who does not draw up asks for it, and its person's word is taken as given", async () => {
  await sold(first, 2); // 1 there against 2 left back
  await nodes[first].http.setoffs.always(didOf(second), true);
  assert.deepEqual(await nodes[second].http.setoffs.propose(didOf(first), "EUR"), {});
  let id = "";
  await until("it is signed without another word", async () => {
    const all = await nodes[second].http.setoffs.list();
    id = all.find(({ number }) => number === 2)?.id ?? "";
    return id !== "";
  });
  const { claims } = await agreed(id);
  assert.deepEqual(
    claims.map(({ left }) => left),
    ["0", "1"],
  );
  await nodes[first].http.setoffs.always(didOf(second), false);
});

test("set-off - stands in the file of a statement that it cleared, and is checked there", async (t) => {
  const folder = await emptyFolder();
  t.after(() => folder.remove());
  const all = await nodes[first].http.books.statements(month);
  const { id } = all.find(({ dues }) => dues[0]?.setOff === "2.5")!; // by two, one after the other
  const files: unknown[] = [];
  for (const side of [first, second]) {
    const file = join(folder.path, `${side}.json`);
    await asked(nodes[side], "statement", "export", id, "--out", file);
    const { code, text } = await verified(file);
    assert.equal(code, 0, text);
    assert.match(text, /EUR +3.5 accepted, 0 paid, 1 due/);
    assert.match(text, /1.5 set off by \S+-1-\w+, signed by both/);
    assert.match(text, /1 set off by \S+-2-\w+, signed by both/);
    files.push(await jsonOf(file));
  }
  const [ours, theirs] = files.map((file) => withoutProofs(file));
  assert.deepEqual(ours, theirs);

  const file = files[0] as { setoffs: SetoffResource["signed"][] };
  for (const [i, path] of leavesOf(file.setoffs, ["setoffs"]).entries()) {
    const forged = JSON.stringify(changedAt(file, path, i * 31));
    await assert.rejects(verifyFile(forged), { code: "EVIDENCE_BROKEN" }, path.join("."));
  }
  const [one, other] = file.setoffs as [SetoffResource["signed"], SetoffResource["signed"]];
  const half = { ...one, signatures: one.signatures.slice(0, 1) };
  const wrong: [unknown[], RegExp][] = [
    [[half, other], /set-off \S+: \S+ has not signed it/],
    [[one, one], /set-off \S+: it does not come after set-off 1/],
    [[other, one], /set-off \S+: it does not come after set-off 2/],
    [[other, other], /set-off \S+: it does not come after set-off 2/],
  ];
  for (const [setoffs, problem] of wrong) {
    const forged = JSON.stringify({ ...file, setoffs });
    await assert.rejects(verifyFile(forged), { message: problem });
  }
  const paidOff = all.find(({ dues }) => dues[0]?.setOff === "0.5")!;
  const elsewhere = (await nodes[first].http.books.evidence(paidOff.id)) as object;
  const moved = JSON.stringify({ ...elsewhere, setoffs: [other] });
  await assert.rejects(verifyFile(moved), /set-off \S+: it clears nothing of the statement/);
});

test("set-off - a draft holds its statements until it is taken back, or answered", async () => {
  const there = await sold(first, 1);
  const { setoff } = await nodes[first].http.setoffs.propose(didOf(second), "EUR");
  const id = setoff!.id;
  const paid = { do: "paid", amount: "0.1", currency: "EUR", reference: "" };
  await assert.rejects(nodes[first].http.books.act(there, paid), { code: "STATEMENT_REFUSES" });
  await waiting(second, "offered");
  await nodes[first].http.setoffs.giveUp(id, "later");
  await until("the other side gives it up as well", async () => {
    return (await nodes[second].http.setoffs.list()).every((one) => one.id !== id);
  });
  await nodes[first].http.books.act(there, paid);
  await until("both know of the payment", async () => {
    return (await dueOf(second, there)) === "0.4" && (await dueOf(first, there)) === "0.4";
  });
  const again = await nodes[first].http.setoffs.propose(didOf(second), "EUR");
  assert.equal(again.setoff?.number, 3, "the number was not used up");
  await waiting(second, "offered");
  await nodes[second].http.setoffs.giveUp(again.setoff.id, "we would rather be paid");
  assert.deepEqual((await nodes[first].http.setoffs.list()).length, 2, "refused and gone");
  await nodes[first].http.books.act(there, { ...paid, amount: "0.4" });
});

test("set-off - a draft and a signature wait for who is away, over restarts of both", async () => {
  await sold(first, 1);
  let id = "";
  await nodes.restart(second, {}, async () => {
    const { setoff } = await nodes[first].http.setoffs.propose(didOf(second), "EUR");
    assert.equal(setoff?.state, "drawn");
    ({ id } = setoff!);
    await nodes.restart(first);
  });
  await waiting(second, "offered");
  await nodes.restart(first, {}, async () => {
    assert.equal((await nodes[second].http.setoffs.accept(id)).state, "agreed");
    await nodes.restart(second);
  });
  await agreed(id);
});

test("set-off - a process that ends right after a commit goes on from it", async () => {
  await sold(first, 1);
  await sold(second, 1);
  const dyingAt = (point: CrashPoint) => ({
    crash: (passed: CrashPoint) => {
      if (passed === point) throw new Error("the process ends here");
    },
  });
  await nodes.restart(first, dyingAt("setoff.drawn"));
  await assert.rejects(nodes[first].http.setoffs.propose(didOf(second), "EUR"));
  await nodes.restart(first, {}, () => nodes.restart(second, dyingAt("setoff.agreed")));
  const { id } = await waiting(second, "offered");
  await assert.rejects(nodes[second].http.setoffs.accept(id));
  await nodes.restart(second);
  await agreed(id);
});

test("set-off - a side that is put back to an older copy takes what both had signed", async (t) => {
  const copy = await mkdtemp(join(tmpdir(), "comity-older-"));
  t.after(() => rm(copy, { recursive: true, force: true }));
  await sold(first, 1);
  await sold(second, 1);
  for (const lost of [first, second]) {
    const { data } = nodes[lost].options;
    await nodes.restart(lost, {}, () => cp(data, copy, { recursive: true }));
    const { setoff } = await nodes[first].http.setoffs.propose(didOf(second), "EUR");
    await waiting(second, "offered");
    await nodes[second].http.setoffs.accept(setoff!.id);
    await agreed(setoff!.id);
    const books = await book(lost);
    await nodes.restart(lost, {}, async () => {
      await rm(data, { recursive: true });
      await cp(copy, data, { recursive: true });
    });
    await agreed(setoff!.id);
    assert.deepEqual(await book(lost), books);
    await rm(copy, { recursive: true });
    await sold(first, 1);
    await sold(second, 1);
  }
});
