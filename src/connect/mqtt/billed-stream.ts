import { packetsOf } from "../../flow/block-part.ts";
import type { Gate, Holder } from "../../flow/gate.ts";
import { openPassage } from "../../flow/granted.ts";
import { MonthlyAllowance } from "../../flow/monthly-allowance.ts";
import type { Passage } from "../../flow/passage.ts";
import { layout5, type Run, splitByTopic } from "../../flow/run.ts";
import { startIn } from "../../flow/start-position.ts";
import type { StreamLog } from "../../flow/stream-log.ts";
import { problemOf } from "../../kernel/errors.ts";
import { covers } from "../../kernel/topic.ts";
import type { MonthlyCeiling } from "../../market/grant.ts";
import type { LogBlock } from "../../ports/store.ts";
import { type Checkpoint, noUsage } from "../../ports/usage.ts";
import { packetIdAfter, reason } from "../../wire/mqtt/protocol.ts";
import type { ClientLine, ClientTakes } from "./client.ts";

/** Handed over and not durably billed; less where the client takes less. */
const unbilledMessagesMax = 1_000;
const unbilledBytesMax = 4_194_304;
/** Timers are set again in steps: the wall clock may be set. */
const timerStepMs = 3_600_000;

/** One message of the log, before the agreement's passage. */
interface Logged {
  readonly position: number;
  readonly at: number;
  readonly run: Run;
}

interface Sent {
  /** What is billed once this one and all before it are acknowledged. */
  readonly upTo: Checkpoint;
  isAcknowledged: boolean;
}

/**
 * The stream of a partner without a node that is billed: served from the log with QoS 1, message
 * by message, on one connection at a time. What it acknowledges without a gap is billed, durably,
 * by its position in the log, so that a message sent again is not billed again. So much may be
 * under way and no more, and in a month so much that it cannot cost more than the ceiling.
 */
export class BilledStream implements Holder {
  readonly #line: ClientLine;
  readonly #gate: Gate;
  readonly #takes: ClientTakes;
  readonly #allowance: MonthlyAllowance;
  readonly #filters = new Set<string>();
  #log: StreamLog | undefined;
  #passage: Passage | undefined;
  #stops: (() => void)[] = [];
  #started = false;
  #closed = false;
  #pumping = false;
  #reporting = false;
  #timer: NodeJS.Timeout | undefined;
  /** Read from here on, and billed before here already. */
  #position = 0;
  #from = 0;
  /** Of one block, read and not handed over; the next stands last. */
  #waiting: Logged[] = [];
  #handed: Checkpoint = noUsage;
  #acknowledged: Checkpoint = noUsage;
  #durable: Checkpoint = noUsage;
  readonly #sent: Sent[] = [];
  readonly #byId = new Map<number, Sent>();
  #nextId = 1;

  constructor(line: ClientLine, gate: Gate, terms: MonthlyCeiling, takes: ClientTakes) {
    this.#line = line;
    this.#gate = gate;
    this.#takes = takes;
    this.#allowance = new MonthlyAllowance(terms, line.flow.outside.clock);
  }

  /**
   * False where the filter leaves out part of what it touches: one position cannot tell which
   * topics were received, so that the stream is served whole, once all of it is subscribed to.
   */
  subscribe(filter: string): boolean {
    const { filters } = this.#gate.grant;
    if (!filters.some((granted) => covers(filter, granted))) return false;
    this.#filters.add(filter);
    if (!this.#isWhole) return true;
    if (this.#started) void this.#pump();
    else void this.#start();
    return true;
  }

  unsubscribe(filter: string): boolean {
    return this.#filters.delete(filter);
  }

  has(filter: string): boolean {
    return this.#filters.has(filter);
  }

  get filterCount(): number {
    return this.#filters.size;
  }

  /** PUBACK, whatever its reason code: the message came. */
  acknowledge(id: number): void {
    const sent = this.#byId.get(id);
    if (sent === undefined || this.#closed) return;
    this.#byId.delete(id);
    sent.isAcknowledged = true;
    // with a gap before it, it would be sent again
    while (this.#sent[0]?.isAcknowledged === true) this.#acknowledged = this.#sent.shift()!.upTo;
    void this.#report();
  }

  lost(why: string): void {
    if (this.#closed) return;
    this.close();
    this.#line.end(reason.sessionTakenOver, why);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#gate.leave(this);
  }

  get #isWhole(): boolean {
    const filters = [...this.#filters];
    return this.#gate.grant.filters.every((one) => filters.some((filter) => covers(filter, one)));
  }

  async #start(): Promise<void> {
    this.#started = true;
    this.#gate.hold(this);
    const { flow } = this.#line;
    const { usage, store } = flow.outside;
    const { agreement } = this.#gate.grant;
    try {
      const log = flow.logUnder(this.#gate.grant);
      if (log === undefined) throw new Error("the stream's log is not open");
      const start = await startIn(log, store, agreement);
      // what an older connection acknowledged has to be known
      await usage.acknowledge(agreement, usage.acknowledged(agreement), true);
      const base = usage.acknowledged(agreement);
      this.#handed = this.#acknowledged = this.#durable = base;
      this.#from = base.epoch === log.epoch ? Math.max(start, base.position) : start;
      this.#position = await blockStart(log, this.#from);
      this.#passage = await openPassage(this.#gate, log, this.#position, start);
      this.#log = log;
      if (this.#closed) return;
      const pump = (): void => void this.#pump();
      this.#stops = [log.onCommitted(pump), this.#gate.onResumed(pump)];
      pump();
    } catch (failure) {
      this.#fail(failure);
    }
  }

  /** Everything acknowledged while a commit is under way is in the next one. */
  async #report(): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    const { usage } = this.#line.flow.outside;
    const { agreement } = this.#gate.grant;
    try {
      while (this.#durable !== this.#acknowledged) {
        const upTo = this.#acknowledged;
        await usage.acknowledge(agreement, upTo, true);
        // What frees the window must be in the count that is billed.
        if (usage.acknowledged(agreement).messages < upTo.messages) {
          throw new Error("an acknowledgement was not counted");
        }
        this.#durable = upTo;
        void this.#pump();
      }
    } catch (failure) {
      this.#fail(failure);
    } finally {
      this.#reporting = false;
    }
  }

  get #mayHandOver(): boolean {
    const { ended, suspended } = this.#gate;
    if (this.#closed || ended !== undefined || suspended || !this.#isWhole) return false;
    const messages = this.#handed.messages - this.#durable.messages;
    const bytes = this.#handed.payloadBytes - this.#durable.payloadBytes;
    const messagesMax = Math.min(unbilledMessagesMax, this.#takes.receiveMaximum);
    return messages < messagesMax && bytes < unbilledBytesMax;
  }

  async #pump(): Promise<void> {
    const log = this.#log;
    if (this.#pumping || log === undefined) return;
    this.#pumping = true;
    try {
      while (this.#mayHandOver) {
        if (this.#allowance.isOver) await this.#beginMonth();
        else if (this.#waiting.length > 0) {
          if (!this.#handOver(log)) return;
        } else if (!(await this.#read(log))) return;
      }
    } catch (failure) {
      this.#fail(failure);
    } finally {
      this.#pumping = false;
    }
  }

  async #beginMonth(): Promise<void> {
    const { usage } = this.#line.flow.outside;
    const { agreement } = this.#gate.grant;
    await this.#allowance.begin((month) => usage.acknowledgedBefore(agreement, month));
  }

  /** False at the end of the log. */
  async #read(log: StreamLog): Promise<boolean> {
    if (this.#position >= log.end) return false;
    const [block] = await log.read(this.#position, 1);
    if (block === undefined) return false;
    this.#waiting = messagesOf(block).toReversed();
    this.#position = block.next;
    return true;
  }

  /** The next message, or what is left of it; false where the month's ceiling is reached. */
  #handOver(log: StreamLog): boolean {
    const { position, at, run } = this.#waiting.at(-1)!;
    const isNew = position >= this.#from;
    if (isNew && !this.#allowance.allows(this.#handed.messages + 1)) {
      this.#restForTheMonth();
      return false;
    }
    this.#waiting.pop();
    // what was billed before is passed as well: a rate remembers it
    const checked = this.#passage!.pass(run, at);
    if (!isNew) return true;
    for (const withheld of checked.withheld) this.#gate.refuse(withheld.reason, withheld.count);
    if (checked.run !== undefined) this.#send(checked.run, log.epoch, position + 1);
    return true;
  }

  #send(run: Run, epoch: string, position: number): void {
    const { version, outbox } = this.#line;
    const id = this.#nextId;
    const packets = run.encodeFor(version, { flags: 2, nextId: () => id });
    if (packets.length > this.#takes.packetBytesMax) {
      this.#gate.refuse("queue-full", 1); // [MQTT-3.1.2-24]
      return;
    }
    this.#nextId = packetIdAfter(id);
    const { payloadBytes } = run;
    const messages = this.#handed.messages + 1;
    const bytes = this.#handed.payloadBytes + payloadBytes;
    this.#handed = { epoch, position, messages, payloadBytes: bytes };
    const sent: Sent = { upTo: this.#handed, isAcknowledged: false };
    this.#sent.push(sent);
    this.#byId.set(id, sent);
    const layout = { version, withIds: true };
    const parcel = { packets, count: 1, payloadBytes, layout, gate: this.#gate };
    outbox.push({ ...parcel, tally: undefined, droppable: false });
  }

  #restForTheMonth(): void {
    const { leftMs } = this.#allowance;
    const { clock } = this.#line.flow.outside;
    const until = new Date(clock.now() + leftMs).toISOString().slice(0, 10);
    const text = `Delivery rests until ${until}: the month's ceiling is reached`;
    this.#gate.tell("delivery.rests", text);
    clearTimeout(this.#timer);
    const waitMs = Math.min(leftMs, timerStepMs);
    this.#timer = setTimeout(() => void this.#pump(), waitMs).unref();
  }

  /** The partner hears our own words alone; what failed here is for the node's owner. */
  #fail(failure: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#gate.tell("link.failed", `A stream could not be served: ${problemOf(failure)}`);
    this.#line.end(reason.implementationSpecific, "the stream cannot be served now");
  }
}

/** Where the block begins that holds the position; the position itself where there is none yet. */
async function blockStart(log: StreamLog, position: number): Promise<number> {
  if (position >= log.end) return position;
  const [block] = await log.read(position, 1);
  return Math.min(position, block?.first ?? position);
}

function messagesOf(block: LogBlock): Logged[] {
  const out: Logged[] = [];
  splitByTopic(packetsOf(block), (run) => {
    run.walk((place) => {
      const packet = run.packets.subarray(place.start, place.end);
      const one = run.with([packet], layout5, place.end - place.payloadAt);
      out.push({ position: block.first + out.length, at: block.at, run: one });
    });
  });
  return out;
}
