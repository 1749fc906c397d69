import { partOf } from "../flow/block-part.ts";
import type { Agreement } from "../market/agreement.ts";
import type { LogBlock, Store, Write } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";

/** Where what an agreement gave begins in this node's logs; kind `received`, by agreement. */
export interface ReceivedDoc {
  readonly log: string;
  /** As its provider counts; of a log that is fetched here, as this node does. */
  readonly epoch: string;
  readonly from: number;
  /** Where its last checkpoint does not say how far it came. */
  readonly to?: number;
}

/** What an agreement gave, from its first message to its last, in positions of the log here. */
export interface Stretch {
  readonly log: string;
  readonly from: number;
  readonly to: number;
  /** The same as its provider counts. */
  readonly begin: { readonly epoch: string; readonly position: number };
  readonly end: { readonly epoch: string; readonly position: number };
}

/** Positions that another agreement paid for as well. */
export interface Spared {
  readonly agreement: string;
  readonly from: number;
  readonly to: number;
  /** Nothing of it has come yet: what was logged from then on may. */
  readonly since?: number;
}

export type Interval = readonly [from: number, to: number];

/** One commit's worth of an erasure: the blocks of one reading. */
export interface ErasureStep {
  readonly writes: readonly Write[];
  readonly erased: Counted;
  readonly kept: Counted;
  /** Where the log then holds nothing of the stretch, erased now or before. */
  readonly gone: readonly Interval[];
  /** Where reading goes on. */
  readonly next: number;
}

interface Counted {
  readonly messages: number;
  readonly bytes: number;
}

export function beginning(agreement: string, doc: ReceivedDoc): Write {
  return { op: "put", kind: "received", id: agreement, doc };
}

/** Undefined where nothing of it was ever stored. */
export async function stretchOf(store: Store, agreement: string): Promise<Stretch | undefined> {
  const doc = await store.get<ReceivedDoc>("received", agreement);
  if (doc === undefined) return undefined;
  const { log, epoch, from, to } = doc;
  const last = await store.get<Checkpoint>("checkpoint", agreement);
  const end = to === undefined && last !== undefined ? last : { epoch, position: to ?? from };
  return {
    log,
    from: from + (await shiftOf(store, log, epoch)),
    to: end.position + (await shiftOf(store, log, end.epoch)),
    begin: { epoch, position: from },
    end: { epoch: end.epoch, position: end.position },
  };
}

/** Where a provider that was restored counts anew, its positions stand elsewhere here. */
async function shiftOf(store: Store, log: string, epoch: string): Promise<number> {
  const doc = await store.get<{ readonly by: number }>("log-shift", `${log} ${epoch}`);
  return doc?.by ?? 0;
}

/**
 * What other agreements paid for in the same log: up to where they came, and of those that stand
 * whatever may still come, for a position is stored once, whoever brings it first.
 */
export async function sparedBy(
  store: Store,
  others: readonly Agreement[],
  log: string,
): Promise<Spared[]> {
  const spared: Spared[] = [];
  for (const { id: agreement, state, signedAt, delivery } of others) {
    const stretch = await stretchOf(store, agreement);
    const isActive = state === "active";
    if (stretch?.log === log) {
      const to = isActive ? Number.MAX_SAFE_INTEGER : stretch.to;
      spared.push({ agreement, from: stretch.from, to });
    } else if (stretch === undefined && isActive && delivery === "logged") {
      const since = Date.parse(signedAt);
      spared.push({ agreement, from: 0, to: Number.MAX_SAFE_INTEGER, since });
    }
  }
  return spared;
}

/** What of the blocks, as they were read one after the other, goes and what stays. */
export function stepOf(
  blocks: readonly LogBlock[],
  stretch: Pick<Stretch, "log" | "from" | "to">,
  spared: readonly Spared[],
): ErasureStep {
  const { log } = stretch;
  const writes: Write[] = [];
  const erased = { messages: 0, bytes: 0 };
  const kept = { messages: 0, bytes: 0 };
  const gone: Interval[] = [];
  /** Neighbours that go whole. */
  let run: { from: number; to: number } | undefined;
  const endRun = (): void => {
    if (run !== undefined) writes.push({ op: "erase", log, ...run });
    run = undefined;
  };
  for (const block of blocks) {
    const own = clip(block.first, block.next, stretch);
    if (block.count === 0) {
      endRun();
      if (own !== undefined) gone.push(own);
      continue;
    }
    const stays = own === undefined ? [] : sparedIn(block, own, spared);
    for (const [from, to] of stays) add(kept, partOf(block, from, to));
    const goes = own === undefined ? [] : without(own, stays);
    gone.push(...goes);
    if (goes.length === 1 && goes[0]![0] === block.first && goes[0]![1] === block.next) {
      run = { from: run?.from ?? block.first, to: block.next };
      add(erased, block);
      continue;
    }
    endRun();
    const parts = goes.map(([from, to]) => partOf(block, from, to)).filter(hasMessages);
    if (parts.length === 0) continue;
    for (const part of parts) add(erased, part);
    const gaps = parts.map(({ first, next }) => [first, next] as const);
    const left = without([block.first, block.next], gaps).map(([a, b]) => partOf(block, a, b));
    writes.push({ op: "erase", log, from: block.first, to: block.next, left });
  }
  endRun();
  return { writes, erased, kept, gone: joined(gone), next: blocks.at(-1)?.next ?? stretch.to };
}

function clip(from: number, to: number, within: { from: number; to: number }) {
  const clipped: Interval = [Math.max(from, within.from), Math.min(to, within.to)];
  return clipped[0] < clipped[1] ? clipped : undefined;
}

function sparedIn(block: LogBlock, [from, to]: Interval, spared: readonly Spared[]): Interval[] {
  const found = spared
    .filter(({ since }) => since === undefined || block.at >= since)
    .map((one) => clip(from, to, one))
    .filter((one) => one !== undefined);
  return joined(found);
}

/** In order, none touching another. */
export function joined(intervals: readonly Interval[]): Interval[] {
  const whole: Interval[] = [];
  for (const [from, to] of intervals.toSorted(([a], [b]) => a - b)) {
    const last = whole.at(-1);
    if (last === undefined || from > last[1]) whole.push([from, to]);
    else whole[whole.length - 1] = [last[0], Math.max(last[1], to)];
  }
  return whole;
}

function without([from, to]: Interval, holes: readonly Interval[]): Interval[] {
  const rest: Interval[] = [];
  let at = from;
  for (const [a, b] of holes) {
    if (a > at) rest.push([at, a]);
    at = b;
  }
  if (at < to) rest.push([at, to]);
  return rest;
}

function hasMessages({ count }: LogBlock): boolean {
  return count > 0;
}

function add(sum: { messages: number; bytes: number }, block: LogBlock): void {
  sum.messages += block.count;
  sum.bytes += block.payloadBytes;
}
