/** Recorded data from the device's door to the invoice, and its files where no node is. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";
import type { InvoiceDetail } from "../../src/client/invoices.ts";
import type { InvoiceBody } from "../../src/settle/invoice/document.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import {
  absent,
  expectedRows,
  microOf,
  readWholeLog,
  type Recording,
  replay,
} from "../07-federate/recorded.ts";
import { asked, changedAt, emptyFolder, jsonOf, leavesOf, verified } from "./evidence-files.ts";
import { HandClock } from "./sides.ts";

const bin = fileURLToPath(new URL("../../bin/comity.mjs", import.meta.url));
const month = "2026-11";
const sides = ["provider", "consumer"] as const;

interface Sold {
  readonly id: string;
  readonly currency: string;
  readonly perMessage: { readonly upTo: number; readonly first: string; readonly beyond: string };
  readonly perMegabyte: string;
  readonly recording: Recording;
}

const sold: readonly Sold[] = [
  {
    id: "loops",
    currency: "EUR",
    perMessage: { upTo: 10_000, first: "0.000731", beyond: "0.000419" },
    perMegabyte: "0.173333",
    recording: {
      folder: "transportation/mndot-loops",
      map: `{ topic: "loops/{file}", payload: { at: timestamp, reading: value } }`,
      delimiter: ",",
      topic: (file) => `loops/${file}`,
      members: { at: "timestamp", reading: "value" },
    },
  },
  {
    id: "sun",
    currency: "EUR",
    perMessage: { upTo: 5000, first: "0.0033", beyond: "0.000001" },
    perMegabyte: "1.999999",
    recording: {
      folder: "energy/pv-nrel",
      map: `{ topic: "sun/{file}", payload: "*" }`,
      delimiter: ",",
      topic: (file) => `sun/${file}`,
    },
  },
  {
    id: "pumps",
    currency: "EUR",
    perMessage: { upTo: 1, first: "12", beyond: "0.00777" },
    perMegabyte: "0.01",
    recording: {
      folder: "industry/skab-pump-testbed/other",
      map: `{ topic: "pumps/{file}", payload: "*", delimiter: ";" }`,
      delimiter: ";",
      topic: (file) => `pumps/${file}`,
    },
  },
  {
    id: "soil",
    currency: "JPY",
    perMessage: { upTo: 1000, first: "0.4", beyond: "0.37" },
    perMegabyte: "57.3",
    recording: {
      folder: "agriculture/soil-moisture-sydney",
      map: `{ topic: "soil/{file}", payload: "*" }`,
      delimiter: ",",
      topic: (file) => `soil/${file}`,
    },
  },
];

/** In words of its own: what falls into each tier at its rate, and bytes; each rounded down once. */
function owed({ perMessage, perMegabyte }: Sold, messages: number, bytes: number): bigint {
  const { upTo, first, beyond } = perMessage;
  const low = BigInt(Math.min(messages, upTo)) * microOf(first);
  const high = BigInt(Math.max(0, messages - upTo)) * microOf(beyond);
  return low + high + (BigInt(bytes) * microOf(perMegabyte)) / 1_000_000n;
}

function textOf(micro: bigint): string {
  const digits = String(micro).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, "");
}

async function offer(nodes: TwoNodes, one: Sold): Promise<string> {
  const { id, currency, perMessage, perMegabyte } = one;
  const { upTo, first, beyond } = perMessage;
  const graduated = [{ upTo, amount: first }, { amount: beyond }];
  const charges = [
    { perMessages: 1, graduated },
    { perBytes: 1_000_000, amount: perMegabyte },
  ];
  const agreement = await nodes.share({
    ...{ id, title: one.recording.folder, topics: [`${id}/#`], delivery: "logged" },
    terms: { price: { currency, charges } },
  });
  return agreement.id;
}

/** The month is over; the provider states it, and the consumer's node answers by itself. */
async function stateTheMonth(nodes: TwoNodes): Promise<string> {
  const party = (name: string, country: string) => ({ name, address: { city: "Town", country } });
  const taxes = [{ category: "O", reason: "Outside the scope of VAT" }] as const;
  const seller = { party: party("Seller", "NL"), payment: { days: 30 }, taxes, series: "R" };
  await nodes.provider.http.invoices.set(seller);
  await nodes.consumer.http.invoices.set({ party: party("Buyer", "KE") });
  const { id } = await nodes.provider.http.books.draw(nodes.consumer.node.did, month);
  for (const side of sides) {
    const [statement] = await nodes[side].http.books.statements(month);
    const states = statement?.lines.map(({ state }) => state);
    assert.deepEqual(states, ["accepted", "accepted", "accepted", "accepted"], `the ${side}'s`);
  }
  await nodes.provider.http.invoices.issue(month, nodes.consumer.node.did);
  await until("the buyer's node has compared both invoices", async () => {
    const told = await nodes.provider.http.invoices.list(month);
    return told.length === 2 && told.every(({ state }) => state === "agrees");
  });
  return id;
}

async function invoices(nodes: TwoNodes, side: (typeof sides)[number]): Promise<InvoiceDetail[]> {
  const { http } = nodes[side];
  const listed = (await http.invoices.list(month)).toSorted((a, b) =>
    a.number < b.number ? -1 : 1,
  );
  return Promise.all(listed.map(({ id }) => http.invoices.get(id)));
}

/** All that either side can hand out of the month. */
async function exportAll(
  nodes: TwoNodes,
  { folder, ids, statement }: { folder: string; ids: readonly string[]; statement: string },
): Promise<string[]> {
  const files: string[] = [];
  for (const side of sides) {
    const write = async (name: string, ...words: string[]): Promise<void> => {
      const file = join(folder, `${side}-${name}`);
      await asked(nodes[side], ...words, "--out", file);
      files.push(file);
    };
    for (const [i, id] of ids.entries()) {
      const name = sold[i]?.id;
      await write(`bill-${name}.json`, "bill", month, id);
      await write(`agreement-${name}.tlog-proof`, "evidence", "prove", id);
      const usage = await nodes[side].http.usage();
      const { receipted } = usage.find(({ agreement }) => agreement === id) ?? {};
      const last = String(receipted?.seq);
      const words = ["evidence", "prove", id, "--receipt", last];
      await write(`receipt-${name}.tlog-proof`, ...words);
    }
    await write("statement.json", "statement", "export", statement);
    for (const { id, number } of await invoices(nodes, side)) {
      await write(`invoice-${number}.json`, "invoice", "export", id);
    }
  }
  return files;
}

/** As its own process, in a folder with no node and no data, with nothing in its environment. */
async function verifyElsewhere(file: string, cwd: string): Promise<string> {
  const env = { PATH: process.env["PATH"] ?? "" };
  const words = [bin, "verify", file];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd, env });
  return stdout;
}

/** A letter of it changed is found, and what it is about is named. */
async function assertForgeriesFail(file: string, forged: string): Promise<void> {
  const tryOne = async (text: string, what: string): Promise<void> => {
    await writeFile(forged, text);
    const { code, text: said } = await verified(forged);
    assert.equal(code, 1, `${file}, ${what}: ${said}`);
    assert.match(said, /^comity: The evidence does not verify: \S/, `${file}, ${what}`);
  };
  if (file.endsWith(".tlog-proof")) {
    const text = await readFile(file, "utf8");
    const [, index = ""] = /^index (\d+)$/m.exec(text) ?? [];
    await tryOne(text.replace(/^index \d+$/m, `index ${Number(index) + 1}`), "its index");
    const signature = /^— did:web:\S+ ([^\n]{20})([^\n])/m;
    const other = (letter: string): string => (letter === "A" ? "B" : "A");
    const flip = (all: string, kept: string, at: string): string =>
      all.replace(`${kept}${at}`, `${kept}${other(at)}`);
    await tryOne(text.replace(signature, flip), "a byte of a signature");
    return;
  }
  const value = await jsonOf(file);
  const leaves = leavesOf(value);
  const amounts = leaves.filter((path) => /amount|usage|^to$/i.test(String(path.at(-1))));
  const every = Math.ceil(leaves.length / 25);
  const some = leaves.filter((_, i) => i % every === 0);
  assert.ok(some.length > 10 && amounts.length > 0, file);
  for (const [i, path] of [...some, ...amounts.slice(0, 10)].entries()) {
    await tryOne(JSON.stringify(changedAt(value, path, i * 13)), path.join("."));
  }
}

const title =
  "recorded data - has the same invoice on both sides to the micro-unit, proved by files alone";
const skip = sold.map(({ recording }) => absent(recording.folder)).find((why) => why !== false);
test(title, { skip: skip ?? false, timeout: 240_000 }, async (t) => {
  const clock = new HandClock();
  const nodes = await twoNodes({ clock });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await nodes.close();
    isOpen = false;
  };
  const folder = await emptyFolder();
  t.after(async () => {
    await close();
    await folder.remove();
  });
  const ids: string[] = [];
  for (const one of sold) ids.push(await offer(nodes, one));
  const counts = new Map<string, number>();
  for (const { id, recording } of sold) {
    const rows = expectedRows(recording).length;
    assert.equal(await replay(nodes.provider, folder.path, recording), rows);
    counts.set(id, rows);
  }
  for (const side of sides) {
    await until(
      `the ${side} has both signatures for every row`,
      async () => {
        const usage = await nodes[side].http.usage();
        return sold.every(({ id }, i) => {
          const own = usage.find(({ agreement }) => agreement === ids[i]);
          return own?.receipted?.messages === counts.get(id);
        });
      },
      60_000,
    );
  }
  clock.at = Date.UTC(2026, 11, 3);
  const statement = await stateTheMonth(nodes);

  const [ours, theirs] = [await invoices(nodes, "provider"), await invoices(nodes, "consumer")];
  assert.deepEqual(
    theirs.map(({ body }) => body),
    ours.map(({ body }) => body),
  );
  assert.deepEqual(
    theirs.map(({ signed }) => signed),
    ours.map(({ signed }) => signed),
  );
  const lines = ours.flatMap(({ body }) => (body as InvoiceBody).lines);
  assert.equal(lines.length, sold.length);
  for (const [i, one] of sold.entries()) {
    const delivered = await readWholeLog(nodes.consumer.http, `from/provider/${one.id}`);
    const bytes = delivered.reduce((sum, { payload = "" }) => sum + Buffer.byteLength(payload), 0);
    const line = lines.find(({ agreement }) => agreement === ids[i]);
    const expected = [counts.get(one.id), bytes, textOf(owed(one, delivered.length, bytes))];
    assert.deepEqual([line?.messages, line?.bytes, line?.exact], expected, one.id);
  }
  for (const { body } of ours) {
    const { lines: own, totals } = body as InvoiceBody;
    const exact = own.reduce((sum, line) => sum + microOf(line.exact), 0n);
    assert.equal(microOf(totals.exact), exact);
  }

  const files = await exportAll(nodes, { folder: folder.path, ids, statement });
  await close();
  const empty = await emptyFolder();
  t.after(empty.remove);
  for (const file of files) {
    assert.match(await verifyElsewhere(file, empty.path), /^\S+ verifies\.\n/, file);
  }
  for (const file of files) await assertForgeriesFail(file, join(empty.path, "forged"));
});
