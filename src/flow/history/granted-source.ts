import { ComityError } from "../../kernel/errors.ts";
import { matches } from "../../kernel/topic.ts";
import type { Shape } from "../../market/grant.ts";
import type { LogBlock } from "../../ports/store.ts";
import type { Refusal } from "../../ports/usage.ts";
import { encodePublish } from "../../wire/mqtt/encode.ts";
import { locate, newPlace } from "../../wire/mqtt/publish.ts";
import { FieldValues } from "../../wire/series/field-values.ts";
import { isTimeMember, MessageTimes } from "../../wire/series/message-time.ts";
import type { Flow } from "../flow.ts";
import type { Gate } from "../gate.ts";
import { openPassage, type Passing, passingOf } from "../granted.ts";
import { Handover, singles } from "../handover.ts";
import type { HistoryKeeping } from "./keeping.ts";
import {
  type AskedSeries,
  type HistoryLine,
  historyLines,
  type HistoryQuery,
  type HistorySource,
  type Row,
  type RowPage,
  type RowRange,
} from "./query.ts";
import { rowPage } from "./own-source.ts";
import type { Passage } from "../passage.ts";
import { readBlocks } from "../read-blocks.ts";
import { layout5 } from "../run.ts";
import type { StreamLog } from "../stream-log.ts";

export interface GrantedHistory {
  readonly flow: Flow;
  readonly keeping: HistoryKeeping;
  readonly gate: Gate;
  readonly log: StreamLog;
  /** Of the agreement, in the log. */
  readonly start: number;
  /** What one answer may be made from: messages, and bytes of their payloads. */
  readonly readingsMax: number;
  readonly bytesMax: number;
}

/** What one answer may look at, let through or not; of a rate, positions in between as well. */
const lookedAtMax = 1_000_000;

/** Answers under an agreement, from what it lets through alone. */
export async function* grantedHistoryLines(
  granted: GrantedHistory,
  query: HistoryQuery,
): AsyncGenerator<HistoryLine> {
  if (granted.gate.grant.shape?.shift !== undefined) throw new ComityError("HISTORY_HIDDEN");
  await granted.keeping.caughtUp(granted.log.name);
  const source = new GrantedSource(granted, query);
  try {
    yield* historyLines(source, query);
  } finally {
    source.close();
  }
}

/**
 * An agreement's part of a log's history. A reading first goes the way of every message: topics,
 * conditions, rate and shape decide what is left of it. Only then is anything made of it, and only
 * if the gate admits it, by which it is counted: a mean of a thousand messages is a thousand
 * messages. So nothing can be learned from a window that its messages would not tell.
 *
 * That goes for the time as well. Where the shape changes or hides members that tell it, time is
 * when the message was logged; a message whose own time does not come through is withheld.
 */
class GrantedSource implements HistorySource {
  readonly #granted: GrantedHistory;
  readonly #by: "time" | "at";
  readonly #passage: Passage;
  readonly #fields: FieldValues;
  readonly #times = new MessageTimes();
  readonly #handover: Handover;
  readonly #passings = new WeakMap<Row, Passing>();
  readonly #admitted = new Set<number>();
  #readings = 0;
  #bytes = 0;
  #lookedAt = 0;

  constructor(granted: GrantedHistory, query: HistoryQuery) {
    const { gate, flow } = granted;
    this.#granted = granted;
    this.#by = tellsOwnTime(gate.grant.shape) ? "time" : "at";
    this.#passage = gate.passage();
    this.#fields = new FieldValues(query.field ?? "");
    this.#handover = new Handover(flow, gate, {
      take: ({ position = -1 }) => {
        this.#admitted.add(position);
        return true;
      },
      queueBytesMax: Infinity, // nothing is dropped; what is pushed is bounded
    });
  }

  readonly readingsLeft = (): number =>
    this.#bytes >= this.#granted.bytesMax ? 0 : this.#granted.readingsMax - this.#readings;

  async series(filter: string, after: string | undefined, limit: number): Promise<AskedSeries[]> {
    const { keeping, gate, log, flow } = this.#granted;
    const lastTime = flow.outside.clock.now(); // nothing is told of readings before the gate
    const found: AskedSeries[] = [];
    for (let from = after; found.length < limit;) {
      const query = { log: log.name, filter, limit, ...(from !== undefined && { after: from }) };
      const page = await keeping.history.series(query);
      for (const { topic } of page) {
        const isCovered = gate.grant.filters.some((covered) => matches(covered, topic));
        if (isCovered && found.length < limit) found.push({ log: log.name, topic, lastTime });
        from = topic;
      }
      if (page.length < limit) break;
    }
    return found;
  }

  async read({ topic }: AskedSeries, range: RowRange): Promise<RowPage> {
    const { keeping, log, start } = this.#granted;
    const { field: _, ...whole } = range;
    const query = { log: log.name, topic, by: this.#by, ...whole };
    const { rows, last } = rowPage(await keeping.history.read(query), this.#by);
    this.#look(rows.length);
    const own = rows.filter(({ position }) => position >= start);
    const passings = await this.#passingsOf(topic, own);
    const passed = own.flatMap((row) => this.#passed(row, passings.get(row.position)) ?? []);
    return { rows: passed, last };
  }

  /** What the gate admits of them. */
  async handOut(_topic: string, rows: readonly Row[]): Promise<Row[]> {
    this.#admitted.clear();
    for (const row of rows) {
      const { at, position } = row;
      this.#handover.pushPassed(this.#passings.get(row)!, { at, position });
    }
    await new Promise<void>((resolve) => this.#handover.afterwards(resolve));
    const out = rows.filter(({ position }) => this.#admitted.has(position));
    this.#readings += out.length;
    for (const { payload } of out) this.#bytes += payload.length;
    return out;
  }

  close(): void {
    this.#handover.close();
  }

  /** What is let through of each, by position. */
  async #passingsOf(topic: string, rows: readonly Row[]): Promise<Map<number, Passing>> {
    if (this.#granted.gate.grant.rate !== undefined) return this.#rated(rows);
    const { log } = this.#granted;
    const passings = new Map<number, Passing>();
    for (const { position, at, payload } of rows) {
      const packets = encodePublish(5, { topic, payload });
      const block: LogBlock = {
        ...{ log: log.name, epoch: log.epoch, first: position, next: position + 1, count: 1 },
        ...{ payloadBytes: payload.length, at, packets },
      };
      for (const one of passingOf(block, position, this.#passage, this.#refuse)) {
        passings.set(position, one);
      }
    }
    return passings;
  }

  /** A rate is decided in the log's order, by what came before in the window: it is read there. */
  async #rated(rows: readonly Row[]): Promise<Map<number, Passing>> {
    const { gate, log, start } = this.#granted;
    const wanted = new Set(rows.map(({ position }) => position));
    const passings = new Map<number, Passing>();
    if (wanted.size === 0) return passings;
    const end = rows.reduce((last, { position }) => Math.max(last, position), 0) + 1;
    const from = rows.reduce((first, { position }) => Math.min(first, position), end);
    const passage = await openPassage(gate, log, from, start);
    for await (const block of readBlocks(log, from)) {
      for (const single of singles(block, from)) {
        if (single.first >= end) break;
        const refuse = wanted.has(single.first) ? this.#refuse : ignore;
        const [one] = passingOf(single, single.first, passage, refuse);
        if (one !== undefined && wanted.has(single.first)) passings.set(single.first, one);
      }
      this.#look(block.count);
      if (block.next >= end) break;
    }
    return passings;
  }

  /** The reading as it is let through; undefined where nothing is. */
  #passed(row: Row, passing: Passing | undefined): Row | undefined {
    if (passing === undefined) return undefined;
    const { packets } = passing;
    const place = newPlace();
    locate(packets, layout5, 0, place);
    const payload = packets.subarray(place.payloadAt, place.end);
    const own = this.#times.of(payload, 0, payload.length, row.at);
    if (this.#by === "time" && own !== row.time) {
      this.#refuse("field", 1);
      return undefined;
    }
    const passed: Row = { ...row, payload, value: this.#fields.of(payload) };
    this.#passings.set(passed, passing);
    return passed;
  }

  readonly #refuse = (reason: Refusal, count: number): void =>
    this.#granted.gate.refuse(reason, count);

  #look(count: number): void {
    this.#lookedAt += count;
    if (this.#lookedAt <= lookedAtMax) return;
    const what = "messages that are looked at for one answer (ask for a shorter time)";
    throw new ComityError("LIMIT_REACHED", { limit: lookedAtMax, what });
  }
}

const ignore = (): void => {};

/** Does what is left of a message tell its time as the message did? */
function tellsOwnTime(shape: Shape | undefined): boolean {
  const { allow, drop = [], round = {}, pseudonymise = [] } = shape ?? {};
  const changed = [...drop, ...Object.keys(round), ...pseudonymise];
  return !changed.some(isTimeMember) && (allow === undefined || allow.some(isTimeMember));
}
