/**
 * How long two nodes take from request to FINALIZED: each a process of its own on this machine,
 * over HTTP, every step signed, checked and durable (fsync) on both sides before it is answered.
 * Asked by a person's client, which sees the end by looking again; so its looks are in the time.
 *
 *   npm run bench -- negotiation [--json] [--scale X]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { arch, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { twoChildren } from "../tests/07-federate/node-child.ts";
import type { ComityHttp } from "../src/client/http.ts";

interface NegotiationRow {
  readonly what: string;
  readonly negotiations: number;
  /** Milliseconds, from the request to FINALIZED on the consumer, which is the last to know. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

const warmUp = 20;

export async function negotiationBench(options: {
  readonly json: boolean;
  readonly scale: number;
}): Promise<void> {
  const rows = await negotiationRows(options.scale);
  const cpu = `${cpus().length} × ${cpus()[0]?.model ?? arch()}`;
  if (options.json) {
    console.log(JSON.stringify({ bench: "negotiation", node: process.version, cpu, rows }));
    return;
  }
  console.log(`negotiation: ${cpu}, Node ${process.version}; milliseconds, goal < 50`);
  console.table(rows);
}

export async function negotiationRows(scale: number): Promise<readonly NegotiationRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "comity-negotiation-"));
  const { provider, consumer } = await twoChildren(folder, 1000);
  try {
    for (const side of [provider, consumer]) {
      side.start();
      await side.ready();
    }
    await consumer.http.addPeer(provider.url);
    const rows: NegotiationRow[] = [];
    for (const amount of ["0", "0.01"]) {
      const { id } = await provider.http.addProduct({
        title: amount === "0" ? "free" : "priced",
        topics: [`bench/${amount}/#`],
        terms: { price: { amount, currency: "EUR", perMessages: 10 } },
      });
      const offers = await consumer.http.find(id);
      const { offer } = offers.find((one) => one.product === id)!;
      const ask = { provider: provider.settings.did, offer, dataset: id };
      for (let i = 0; i < warmUp; i++) await finalized(consumer.http, ask);
      const count = Math.max(10, Math.round(200 * scale));
      const times: number[] = [];
      for (let i = 0; i < count; i++) times.push(await finalized(consumer.http, ask));
      times.sort((a, b) => a - b);
      const at = (share: number): number => Number(times[Math.floor(count * share)]!.toFixed(1));
      const what = amount === "0" ? "free product" : "priced product, two signatures";
      rows.push({
        ...{ what, negotiations: count, p50: at(0.5), p99: at(0.99) },
        most: Number(times.at(-1)!.toFixed(1)),
      });
    }
    return rows;
  } finally {
    await consumer.stop();
    await provider.stop();
    await rm(folder, { recursive: true });
  }
}

/** Milliseconds until the consumer's node says FINALIZED. */
async function finalized(
  http: ComityHttp,
  ask: { readonly provider: string; readonly offer: string; readonly dataset: string },
): Promise<number> {
  const started = performance.now();
  const { pid } = await http.negotiations.request(ask);
  for (;;) {
    const { state } = await http.negotiations.get(pid);
    if (state === "FINALIZED") return performance.now() - started;
    if (state === "TERMINATED") throw new Error(`negotiation ${pid} ended without an agreement`);
    await sleep(1); // a look costs the consumer's node about as long as that
  }
}
