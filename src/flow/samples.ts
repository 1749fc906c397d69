import type { Grant } from "../market/grant.ts";
import type { Product } from "../market/product.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { packetsOf } from "./block-part.ts";
import type { Flow } from "./flow.ts";
import type { Passage } from "./passage.ts";
import { readBlocks } from "./read-blocks.ts";
import { layout5, Run, splitByTopic } from "./run.ts";
import type { Receiver } from "./subscription.ts";
import type { StreamLog } from "./stream-log.ts";

/** One message as the offer would let it through. */
export interface SampleMessage {
  readonly topic: string;
  /** When it came, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly payload: Uint8Array;
}

interface Kept {
  readonly run: Run;
  readonly at: number;
}

export const sampleMessagesMax = 10;
/** Of the payloads of one sample. */
const sampleBytesMax = 131_072;
/** Of the packets kept of one live product. */
const keptBytesMax = 65_536;
/** One message a second is looked at, however many come. */
const everyMs = 1_000;
/** How far back a log is looked at for messages that would be let through; so many bytes each. */
const positionsBack = [16, 256, 4_096] as const;
const readBytesMax = 4_194_304;

/**
 * What a product's messages look like, for somebody who is still deciding: the last few through
 * the very grant an agreement would have. Of a logged product they are read from the end of its
 * log; of a live one a few are kept as they pass. Nothing is leased, counted or billed, and what
 * is withheld is not even counted.
 */
export class Samples {
  readonly #flow: Flow;
  readonly #kept = new Map<string, KeptMessages>();

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** From now on the last messages of a live product are kept, where its owner gives samples. */
  keep({ id, topics, terms, delivery, sample }: Product): void {
    if (delivery !== "live" || sample === false || this.#kept.has(id)) return;
    this.#kept.set(id, new KeptMessages(this.#flow, terms.topics ?? topics));
  }

  forget(product: string): void {
    this.#kept.get(product)?.close();
    this.#kept.delete(product);
  }

  /** Oldest first, at most ten; none before the offer's time has come, and none after it. */
  async of(grant: Grant): Promise<readonly SampleMessage[]> {
    const now = this.#flow.outside.clock.now();
    if (now < (grant.notBefore ?? 0) || now >= (grant.notAfter ?? Infinity)) return [];
    // when each came is told with it, which an agreement that moves dates hides
    if (grant.shape?.shift !== undefined) return [];
    const most = Math.min(sampleMessagesMax, grant.messagesMax ?? Infinity);
    const log = this.#flow.logUnder(grant);
    const passed = log === undefined ? this.#live(grant) : await this.#logged(grant, log, most);
    return fitting(passed.slice(-most), Math.min(sampleBytesMax, grant.bytesMax ?? Infinity));
  }

  close(): void {
    for (const product of [...this.#kept.keys()]) this.forget(product);
  }

  /** What was retained, where nothing came since the node started. */
  #live(grant: Grant): SampleMessage[] {
    const { retained, grants } = this.#flow;
    const passage = grants.preview(grant);
    const came = this.#kept.get(grant.product)?.list() ?? [];
    const kept = came.length > 0 ? came : grant.filters.flatMap((one) => retained.keptOf(one));
    return kept.flatMap(({ run, at }) => passedOf(passage, run, at));
  }

  async #logged(grant: Grant, log: StreamLog, most: number): Promise<SampleMessage[]> {
    let passed: SampleMessage[] = [];
    for (const back of positionsBack) {
      const from = Math.max(0, log.end - back);
      passed = await this.#readFrom(grant, log, from);
      if (passed.length >= most || from === 0) break;
    }
    return passed;
  }

  async #readFrom(grant: Grant, log: StreamLog, from: number): Promise<SampleMessage[]> {
    const passage = this.#flow.grants.preview(grant);
    let passed: SampleMessage[] = [];
    let bytes = 0;
    for await (const block of readBlocks(log, from)) {
      splitByTopic(packetsOf(block), (run) => {
        passed = [...passed, ...passedOf(passage, run, block.at)].slice(-sampleMessagesMax);
      });
      bytes += block.packets.length;
      if (bytes >= readBytesMax) break;
    }
    return passed;
  }
}

/** The last message of a run a second, copied: a slice would hold the whole chunk it came in. */
class KeptMessages implements Receiver {
  readonly #flow: Flow;
  readonly #unsubscribe: () => void;
  #kept: Kept[] = [];
  #bytes = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(flow: Flow, topics: readonly string[]) {
    this.#flow = flow;
    this.#unsubscribe = flow.router.subscribeAll(topics, this);
  }

  receive(run: Run): void {
    const at = (run.at ??= this.#flow.outside.clock.now());
    if (at - this.#lookedAt < everyMs && at >= this.#lookedAt) return;
    this.#lookedAt = at;
    const last = run.last();
    if (last.packets.length > keptBytesMax || last.payloadBytes === 0) return;
    this.#kept.push({ run: last, at });
    this.#bytes += last.packets.length;
    while (this.#kept.length > sampleMessagesMax || this.#bytes > keptBytesMax) {
      this.#bytes -= this.#kept.shift()!.run.packets.length;
    }
  }

  list(): readonly Kept[] {
    return this.#kept;
  }

  close(): void {
    this.#unsubscribe();
  }
}

function passedOf(passage: Passage, run: Run, at: number): SampleMessage[] {
  const passed = passage.pass(run, at).run;
  if (passed === undefined) return [];
  const messages: SampleMessage[] = [];
  walkPublishes(passed.encoded(5), layout5, ({ payloadAt, end }) => {
    const payload = Buffer.from(passed.encoded(5).subarray(payloadAt, end));
    messages.push({ topic: run.topic, at, payload });
  });
  return messages;
}

/** The newest that fit. */
function fitting(messages: readonly SampleMessage[], bytesMax: number): SampleMessage[] {
  let left = bytesMax;
  const first = messages.findLastIndex(({ payload }) => (left -= payload.length) < 0);
  return messages.slice(first + 1);
}
