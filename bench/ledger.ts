/**
 * Claim: rating and posting takes one core less than 10 µs a window. A window is rated as a
 * receipt is and becomes the ledger's balanced entry and the agreement's running sum. The second
 * figure is the same with both made durable in the embedded store, one window of each of 1,000
 * agreements in a commit: nearly all of it is SQLite's, which writes a page for each agreement.
 * CPU time of the whole process, the store's thread included.
 *
 *   npm run bench -- ledger [--json] [--rounds N] [--scale X]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../src/engines/embedded/store.ts";
import type { Agreement } from "../src/market/agreement.ts";
import { rate } from "../src/meter/rated.ts";
import type { ReceiptBody } from "../src/meter/receipt.ts";
import type { Store } from "../src/ports/store.ts";
import { balancesOf, postingsOf } from "../src/settle/ledger.ts";
import { type Figure, median } from "./figures.ts";

const agreementsCount = 1000;
const windowsPerRound = 200;

export async function ledgerBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "comity-ledger-"));
  const store = await openEmbeddedStore({ path: join(folder, "store.db") });
  try {
    const made = await microsOf(options, async () => {});
    const durable = await microsOf(options, (writes) => store.commit(writes));
    await balancesOf(store); // throws where the books do not balance
    return [
      figureOf("windows rated and posted by one core", made, [{ atLeast: 100_000 }]),
      figureOf("the same, durable in the embedded store", durable, []),
    ];
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

function figureOf(what: string, micros: number, goals: Figure["goals"]): Figure {
  return {
    claim: "ledger",
    what: `${what}, ${micros.toFixed(2)} µs of CPU each`,
    unit: "windows/s",
    comity: Math.round(1e6 / micros),
    peers: [],
    goals,
  };
}

/** CPU time of a window, the median of the rounds. */
async function microsOf(
  { rounds, scale }: { rounds: number; scale: number },
  commit: Store["commit"],
): Promise<number> {
  const agreements = Array.from({ length: agreementsCount }, (_, i) => agreementOf(i));
  const last = new Map<Agreement, ReceiptBody>();
  const windows = Math.max(1, Math.round(windowsPerRound * scale));
  const micros: number[] = [];
  await post(commit, agreements, last, Math.ceil(windows / 4));
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    await post(commit, agreements, last, windows);
    const { user, system } = process.cpuUsage(before);
    micros.push((user + system) / (windows * agreementsCount));
  }
  return median(micros);
}

async function post(
  commit: Store["commit"],
  agreements: readonly Agreement[],
  last: Map<Agreement, ReceiptBody>,
  windows: number,
): Promise<void> {
  const under = new Set<Promise<void>>();
  for (let window = 0; window < windows; window++) {
    const writes = agreements.flatMap((agreement) => {
      const before = last.get(agreement);
      const body = nextOf(agreement, before);
      last.set(agreement, body);
      return postingsOf(agreement, body, before);
    });
    const one = commit(writes).finally(() => under.delete(one));
    under.add(one);
    if (under.size > 4) await Promise.race(under);
  }
  await Promise.all(under);
}

/** A window of a minute; half of the agreements have charges by the month. */
function nextOf(agreement: Agreement, before: ReceiptBody | undefined): ReceiptBody {
  const seq = (before?.seq ?? 0) + 1;
  const [messages, bytes, month] = [seq * 60, seq * 60 * 130, "2026-11"];
  return {
    v: 1,
    agreement: agreement.id,
    policyHash: agreement.policyHash,
    seq,
    epoch: "bench",
    from: before?.to ?? 0,
    to: messages,
    messages,
    bytes,
    ...rate(agreement, before, { messages, bytes, month, at: Date.UTC(2026, 10, 20) }),
    currency: agreement.price.currency,
    month,
    at: "2026-11-20T12:00:00.000Z",
    prevHash: "",
  };
}

/** Half of them have charges by the month. */
export function agreementOf(index: number): Agreement {
  const currency = index % 3 === 0 ? "KES" : "EUR";
  return {
    id: `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
    role: index % 2 === 0 ? "provider" : "consumer",
    provider: "did:web:provider.example",
    consumer: `did:web:consumer-${index % 50}.example`,
    product: "bench",
    title: "Bench",
    delivery: "logged",
    topics: ["bench/#"],
    price:
      index % 4 < 2
        ? { amount: "0.002", currency, perMessages: 1 }
        : {
            currency,
            charges: [
              { perMessages: 1000, graduated: [{ upTo: 10_000, amount: "1" }, { amount: "0.8" }] },
              { perBytes: 1_000_000, amount: "0.01" },
            ],
            cap: "5000",
          },
    policy: {},
    policyHash: "sha256:bench",
    evidence: { payload: "", signatures: [] },
    keys: {},
    signedAt: "2026-11-01T00:00:00.000Z",
    state: "active",
  };
}
