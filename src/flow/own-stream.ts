import { problemOf } from "../kernel/errors.ts";
import { covers, matches, overlaps } from "../kernel/topic.ts";
import type { LogBlock } from "../ports/store.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { packetsOf } from "./block-part.ts";
import type { Flow } from "./flow.ts";
import {
  type Followed,
  type FollowedLog,
  type FollowedPlace,
  requireRoom,
  topicsOf,
} from "./follow-from.ts";
import { singles } from "./handover.ts";
import type { Line, LineEvent } from "./lines.ts";
import { LiveQueue } from "./live-queue.ts";
import { payloadText } from "./payload-text.ts";
import { layout5, type Run } from "./run.ts";
import { placeText } from "./stream-id.ts";
import type { Receiver } from "./subscription.ts";

const readBytes = 262_144;
/** Of logs, each time the line has drained, however much that is live waits for it. */
const turnBytes = 65_536;
/** So that the last words arrive, however slowly they are read. */
const farewellMs = 1000;

/**
 * Streams of this node's own, by filters, on one connection that takes single messages. What is
 * logged is read from its log at the connection's pace: nothing is lost and nothing comes twice,
 * over any number of connections. What is live waits within bounds, and the oldest is given up.
 */
export class OwnStream implements Receiver {
  readonly line: Line;
  readonly #flow: Flow;
  readonly #filters: readonly string[];
  readonly #places: FollowedPlace[];
  readonly #isLive: boolean;
  /** What is not logged and waits for room. */
  readonly #live: LiveQueue<string>;
  #stops: (() => void)[] = [];
  #isFull = false;
  #turnBytesLeft = turnBytes;
  /** Of logs. */
  #turn = 0;
  #pumping = false;
  #closed = false;
  #toldId = "";

  constructor(options: {
    readonly flow: Flow;
    readonly followed: Followed;
    /** `onReady`: to be called when the line takes more again. */
    readonly line: (onReady: () => void) => Line;
    readonly queueBytesMax: number;
  }) {
    const { flow, followed, queueBytesMax } = options;
    this.#flow = flow;
    this.#filters = followed.filters;
    this.#isLive = followed.isLive;
    this.#places = followed.places.map((place) => ({ ...place }));
    this.#live = new LiveQueue(queueBytesMax);
    this.line = options.line(() => this.#ready());
    this.#begin(followed.isResumed);
    this.#stops.push(flow.router.subscribeAll(this.#filters, this));
    for (const { log } of this.#places) this.#listen(log);
    this.#stops.push(
      flow.onWithdrawn((log) => {
        if (this.#isFollowed(log)) this.end("a logged stream of it is offered no more");
      }),
      flow.received.onNew((log, from) => {
        const isAsked = this.#filters.some((filter) => overlaps(`${log.prefix}#`, filter));
        if (isAsked && !this.#isLive) this.#follow(log, from);
      }),
    );
    void this.#pump();
  }

  /** What is logged comes from its log. */
  receive(run: Run): void {
    if (this.#closed || (run.isReceived && this.#isStored(run.topic))) return;
    if (run.place !== undefined && !this.#isLive) {
      const { logs } = this.#flow.router.route(run.topic);
      if (logs.some((log) => this.#isFollowed(log))) return;
      const log = logs.find(({ name }) => name === run.place!.log.name);
      if (log !== undefined) {
        this.#follow(log, run.place.position);
        return;
      }
    }
    this.#sendLive(run, false);
  }

  beat(): void {
    const id = this.#id();
    this.line.beat(id === this.#toldId ? undefined : (this.#toldId = id));
  }

  end(why: string): void {
    if (this.#closed) return;
    this.close();
    setTimeout(() => this.line.destroy(), farewellMs).unref();
    this.line.end(why);
  }

  /** Nothing more is taken in. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
  }

  /** What is told first: how each filter is delivered, from where on; then what is retained. */
  #begin(isResumed: boolean): void {
    const id = this.#id();
    const filters = this.#filters.map((filter) => {
      const own = this.#places.flatMap(({ topics }) => topics);
      const isLogged = own.some((one) => covers(one, filter));
      const isLive = !own.some((one) => overlaps(one, filter));
      return { filter, delivery: isLogged ? "logged" : isLive ? "live" : "both" };
    });
    const begin = { ...(id !== "" && { id }), filters };
    this.#toldId = id;
    this.#send({ event: "begin", ...(id !== "" && { id }), data: JSON.stringify(begin) });
    const seen = new Set<string>();
    for (const run of this.#filters.flatMap((filter) => this.#flow.retainedFor(filter))) {
      // who goes on has had what its log says of a topic
      const isKnown = isResumed && this.#isLogged(run.topic);
      if (!isKnown && !seen.has(run.topic)) this.#sendLive(run, true);
      seen.add(run.topic);
    }
  }

  #sendLive(run: Run, retain: boolean): void {
    const { topic, packets } = run;
    let dropped = 0;
    run.walk(({ payloadAt, end }) => {
      const payload = payloadText(packets.subarray(payloadAt, end));
      const data = JSON.stringify({ topic, ...payload, ...(retain && { retain }) });
      if (this.#isFull || !this.#live.isEmpty)
        dropped += this.#live.push(data, Buffer.byteLength(data));
      else this.#send({ data });
    });
    if (dropped > 0) this.#flow.counts.drop("queue-full", dropped);
  }

  #ready(): void {
    if (this.#closed) return;
    this.#isFull = false;
    this.#turnBytesLeft = turnBytes;
    while (!this.#isFull) {
      const next = this.#live.next();
      if (next === undefined) break;
      if ("item" in next) this.#send({ data: next.item });
      else this.#send({ event: "dropped", data: JSON.stringify({ messages: next.dropped }) });
    }
    void this.#pump();
  }

  #send(event: LineEvent): void {
    if (!this.line.send(event)) this.#isFull = true;
  }

  /** How far each log was read; empty where nothing is logged. */
  #id(): string {
    return this.#places.map(({ log, position }) => placeText(log, position - 1)).join(",");
  }

  #isFollowed(log: FollowedLog): boolean {
    return this.#places.some((place) => place.log === log);
  }

  #isLogged(topic: string): boolean {
    return this.#places.some(({ topics }) => topics.some((filter) => matches(filter, topic)));
  }

  /** What was received comes from its log. */
  #isStored(topic: string): boolean {
    return this.#places.some(({ log }) => log.prefix && topic.startsWith(log.prefix));
  }

  /** A log that was made after this stream was opened. */
  #follow(log: FollowedLog, position: number): void {
    try {
      requireRoom(this.#places.length + 1);
    } catch (failure) {
      this.end(problemOf(failure));
      return;
    }
    this.#places.push({ log, topics: topicsOf(this.#flow, log), position });
    this.#listen(log);
    void this.#pump();
  }

  #listen(log: FollowedLog): void {
    this.#stops.push(log.onCommitted(() => void this.#pump()));
  }

  /** Each log has its turn. */
  #nextBehind(): FollowedPlace | undefined {
    for (let i = 0; i < this.#places.length; i++) {
      const place = this.#places[this.#turn++ % this.#places.length]!;
      if (place.position < place.log.end) return place;
    }
    return undefined;
  }

  get #mayRead(): boolean {
    return !this.#closed && (!this.#isFull || this.#turnBytesLeft > 0);
  }

  /** Reads on, log after log, as long as the line takes it. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      let place: FollowedPlace | undefined;
      while (this.#mayRead && (place = this.#nextBehind()) !== undefined) {
        const blocks = await place.log.read(place.position, readBytes);
        if (blocks.length === 0) throw new Error(`${place.log.name} does not hold what it should`);
        for (const block of blocks) if (this.#mayRead) this.#handOn(block, place);
      }
    } catch {
      this.end("the stream cannot be served now");
    } finally {
      this.#pumping = false;
    }
  }

  #handOn(block: LogBlock, place: FollowedPlace): void {
    if (block.first > place.position) this.#tellGap(place, block.first);
    for (const { first, at, packets } of singles(block, place.position)) {
      if (!this.#mayRead) return;
      place.position = first + 1;
      const whole = packetsOf({ packets });
      walkPublishes(whole, layout5, ({ topicAt, topicEnd, payloadAt, end }) => {
        const topic = (place.log.prefix ?? "") + whole.toString("utf8", topicAt, topicEnd);
        if (!this.#isFrom(place.log, topic)) return;
        const id = this.#id();
        const payload = payloadText(whole.subarray(payloadAt, end));
        const data = JSON.stringify({ id, topic, at, ...payload });
        this.#turnBytesLeft -= data.length;
        this.#toldId = id;
        this.#send({ id, data });
      });
    }
    place.position = Math.max(place.position, block.next);
  }

  /** Whether a filter asks for the topic, and no log before this one has it as well. */
  #isFrom(log: FollowedLog, topic: string): boolean {
    if (!this.#filters.some((filter) => matches(filter, topic))) return false;
    // nobody but its link puts anything into the log of what is received
    if (log.prefix !== undefined) return true;
    const { logs } = this.#flow.router.route(topic);
    const first = this.#places.find((place) => logs.some((one) => one === place.log));
    return first === undefined || first.log === log;
  }

  /** Positions that the log keeps no longer. */
  #tellGap(place: FollowedPlace, to: number): void {
    const { log, position: from } = place;
    place.position = to;
    const id = this.#id();
    const data = JSON.stringify({ id, log: log.name, from, to, messages: to - from });
    this.#send({ event: "gap", id, data });
  }
}
