/** Statements and invoices as files that prove themselves, from both nodes' own doors. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { neverCrash } from "../../src/kernel/crash.ts";
import type { Bill, SignedReceipt } from "../../src/settle/bill.ts";
import { EvidenceLog } from "../../src/settle/evidence-log/evidence-log.ts";
import { nameOfLeaf, receiptLeaf } from "../../src/settle/evidence-log/leaf.ts";
import { verifyFile } from "../../src/settle/verify/file.ts";
import { MemoryStore, newDisk } from "../sim/memory-store.ts";
import { bothSigned, twoNodes, type TwoNodes } from "../two-nodes.ts";
import { asked, changedAt, emptyFolder, jsonOf } from "./evidence-files.ts";
import { leavesOf, type Path, verified, withoutProofs } from "./evidence-files.ts";
import { HandClock } from "./sides.ts";
import { newNoteSigner } from "../note-signer.ts";

type Side = "provider" | "consumer";
const month = "2026-11";
const party = (name: string, country: string) => ({ name, address: { city: "Town", country } });

let nodes: TwoNodes;
let folder: Awaited<ReturnType<typeof emptyFolder>>;
const clock = new HandClock();
/** By product: `sun` has charges by the month, `wind` has none. */
const agreements = { sun: "", wind: "" };
let statements: string[];

before(
  async () => {
    folder = await emptyFolder();
    nodes = await twoNodes({ clock });
    const price = {
      currency: "EUR",
      charges: [
        { per: "month", amount: "3.1" } as const,
        { perMessages: 1, graduated: [{ upTo: 6, amount: "0.5" }, { amount: "0.123457" }] },
        { perBytes: 1_000_000, amount: "2.75" },
      ],
    };
    const named = { delivery: "logged" as const };
    const sun = { id: "sun", title: "Sun", topics: ["sun/#"], terms: { price }, ...named };
    agreements.sun = (await nodes.share(sun)).id;
    const plain = { amount: "0.0333", currency: "EUR", perMessages: 1 };
    const wind = {
      id: "wind",
      title: "Wind",
      topics: ["wind/#"],
      terms: { price: plain },
      ...named,
    };
    agreements.wind = (await nodes.share(wind)).id;
    await nodes.provider.http.invoices.set({
      ...{ party: party("Sun B.V.", "NL"), payment: { days: 30 }, series: "S" },
      taxes: [{ category: "O", reason: "Outside the scope of VAT" }],
    });
    await nodes.consumer.http.invoices.set({ party: party("Shade GmbH", "DE") });
    await delivered("sun", 5);
    await delivered("wind", 3);
    const first = await draw();
    await nodes.provider.http.invoices.issue(month, nodes.consumer.node.did);
    for (let i = 0; i < 3; i++) await delivered("sun", 2);
    await delivered("wind", 4);
    clock.at = Date.UTC(2026, 11, 2);
    statements = [first, await draw()];
    await nodes.provider.http.invoices.issue(month, nodes.consumer.node.did);
    const [, second] = statements;
    const { act } = nodes.consumer.http.books;
    await act(second!, {
      ...{ do: "dispute", agreement: agreements.wind, amount: "0.1", reason: "no wind", files: [] },
    });
    await asked(
      nodes.provider,
      ...["dispute", second!, agreements.wind],
      "--credit",
      "0.03",
      "--reason",
      "half",
    );
  },
  { timeout: 60_000 },
);
after(async () => {
  await nodes.close();
  await folder.remove();
});

async function delivered(product: "sun" | "wind", count: number): Promise<void> {
  const usage = await nodes.consumer.http.usage();
  const known = usage.find(({ agreement }) => agreement === agreements[product]);
  const already = known?.receipted?.messages ?? 0;
  const publisher = await nodes.mqtt("provider");
  for (let i = 0; i < count; i++) await publisher.publish(`${product}/${i}`, "12345", { qos: 1 });
  await bothSigned(nodes, agreements[product], already + count);
}

async function draw(): Promise<string> {
  const { id } = await nodes.provider.http.books.draw(nodes.consumer.node.did, month);
  return id;
}

/** Written by the command, on one side. */
async function exported(side: Side, what: "statement" | "invoice", id: string): Promise<string> {
  const file = join(folder.path, `${side}-${what}-${id.replaceAll("/", "-")}.json`);
  const said = await asked(nodes[side], what, "export", id, "--out", file);
  assert.match(said, /check it anywhere with comity verify/);
  return file;
}

async function invoicesOf(side: Side): Promise<string[]> {
  return (await nodes[side].http.invoices.list(month)).map(({ id }) => id).toSorted();
}

/** Any one value changed is refused, for a reason that is told. */
async function assertEveryValueCounts(file: unknown): Promise<void> {
  for (const [i, path] of leavesOf(file).entries()) {
    const forged = JSON.stringify(changedAt(file, path, i * 31));
    await assert.rejects(verifyFile(forged), { code: "EVIDENCE_BROKEN" }, path.join("."));
  }
}

async function assertBroken(file: unknown, path: Path, value: unknown, reason: RegExp) {
  const copy = structuredClone(file) as Record<string | number, unknown>;
  let holder = copy;
  for (const name of path.slice(0, -1)) holder = holder[name] as Record<string | number, unknown>;
  holder[path.at(-1)!] = value;
  await assert.rejects(verifyFile(JSON.stringify(copy)), { message: reason });
}

test("statement file - proves each line and word, on either side, to who has nothing else", async () => {
  for (const id of statements) {
    const files = [
      await exported("provider", "statement", id),
      await exported("consumer", "statement", id),
    ];
    const [sold, bought] = await Promise.all(files.map(jsonOf));
    assert.deepEqual(withoutProofs(sold), withoutProofs(bought));
    for (const file of files) {
      const { code, text } = await verified(file);
      assert.equal(code, 0, text);
      assert.match(text, new RegExp(`statement +${id}, number \\d of 2026-11`));
      assert.match(text, /line 1 +Sun, [^]*each signed by both[^]*the last stands in the log of/);
    }
  }
  const { text } = await verified(join(folder.path, `consumer-statement-${statements[1]}.json`));
  assert.match(text, /line 2 +Wind[^]*0.1332 EUR, disputed, evidence: no wind/);
  assert.match(text, /words +3, each signed/);
});

test("statement file - names what is wrong, and no value in it can change", async () => {
  const file = await jsonOf(join(folder.path, `provider-statement-${statements[1]}.json`));
  await assertEveryValueCounts(file);
  const body = ["dossier", "statement", "body"];
  const signature = /statement \S+: the provider's signature does not verify/;
  await assertBroken(file, [...body, "lines", 0, "amount"], "99", signature);
  await assertBroken(
    file,
    ["earlier"],
    [],
    /line 1: it says from \d+, and what both signed says 0/,
  );
  await assertBroken(file, ["lines"], [], /no statement's file of version 1/);
  const steps = (file as { dossier: { steps: { body: { by: string } }[] } }).dossier.steps;
  const [, ...later] = steps;
  await assertBroken(file, ["dossier", "steps"], later, /step 1 of \S+ comes next, not 2/);
  const { lines } = file as { lines: object[] };
  await assertBroken(file, ["lines"], lines.toReversed(), /line 1: its bill is of another agree/);
});

test("invoice file - proves every line by receipts, and the month's statements with them", async () => {
  const [sold, bought] = [await invoicesOf("provider"), await invoicesOf("consumer")];
  assert.deepEqual([sold.length, bought.length], [2, 2]);
  for (const [i, id] of sold.entries()) {
    const files = [
      await exported("provider", "invoice", id),
      await exported("consumer", "invoice", bought[i]!),
    ];
    const [ours, theirs] = await Promise.all(files.map(jsonOf));
    assert.deepEqual(withoutProofs(ours), withoutProofs(theirs));
    for (const file of files) {
      const { code, text } = await verified(file);
      assert.equal(code, 0, text);
      assert.match(text, new RegExp(`invoice +S-2026-00000${i + 1} of 2026-11`));
    }
  }
  const { text } = await verified(join(folder.path, `provider-invoice-${sold[1]}.json`));
  assert.match(text, /Sun, [^]*accepted by the buyer in statement 2026-11-1-\w+, 2026-11-2-\w+/);
});

test("invoice file - names what is wrong, and no value in it can change", async () => {
  const [, second] = await invoicesOf("provider");
  const file = await jsonOf(join(folder.path, `provider-invoice-${second}.json`));
  await assertEveryValueCounts(file);
  await assertBroken(file, ["earlier"], [], /line 1: it says exact amount \S+, and its evidence/);
  const [bill, other] = (file as { bills: Record<string, unknown>[] }).bills;
  await assertBroken(file, ["bills"], [bill], /line 2: its bill is not in the file/);
  const { statements: said } = file as { statements: unknown[] };
  await assertBroken(file, ["statements"], said.slice(1), /line 1: the month's statements do not/);
  const swapped = [{ ...bill, proof: other?.["proof"] }, other];
  await assertBroken(file, ["bills"], swapped, /bill 1 in it: the proof: it is not of the month's/);
});

test("bill - carries the place of its last receipt in the log of the side that wrote it", async () => {
  for (const side of ["provider", "consumer"] as const) {
    const file = join(folder.path, `${side}-bill.json`);
    await asked(nodes[side], "bill", month, agreements.sun, "--out", file);
    const { code, text } = await verified(file);
    assert.equal(code, 0, text);
    const place = new RegExp(`log +receipt \\d+ is entry \\d+ of \\d+ of ${nodes[side].node.did}`);
    assert.match(text, place);
    const bill = (await jsonOf(file)) as { proof: string };
    const [, index] = /^index (\d+)$/m.exec(bill.proof) ?? [];
    const moved = bill.proof.replace(/^index \d+$/m, `index ${Number(index) + 1}`);
    await assertBroken(bill, ["proof"], moved, /the proof: entry \d+ (does not|is beyond)/);
    const lied = join(folder.path, "lied.json");
    await writeFile(lied, JSON.stringify({ ...bill, proof: `${bill.proof}x` }));
    assert.match((await verified(lied)).text, /The evidence does not verify: the proof: its check/);
  }
});

test("bill - is not proved by a log that somebody made up in a side's name", async () => {
  const bill = (await jsonOf(join(folder.path, "provider-bill.json"))) as Bill;
  const { body } = bill.receipts.at(-1) as SignedReceipt;
  const store = new MemoryStore(newDisk());
  const log = await EvidenceLog.open({
    ...{ store, clock, crash: neverCrash, onFailed: (error) => assert.fail(String(error)) },
    signer: newNoteSigner(nodes.provider.node.did),
  });
  await store.commit([receiptLeaf(body)]);
  const { agreement: of, seq } = body;
  const proof = await log.prove(nameOfLeaf({ kind: "receipt", of, seq }));
  await log.close();
  await assertBroken(bill, ["proof"], proof, /the proof: the agreement pins another key of the/);
});
