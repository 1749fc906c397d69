import { problemOf } from "../kernel/errors.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { noUsage } from "../ports/usage.ts";
import type { Feed } from "./feed.ts";
import type { Flow } from "./flow.ts";
import type { Gate, Holder } from "./gate.ts";
import { LiveFeed } from "./live-feed.ts";
import { dueBetween, openPassage } from "./granted.ts";
import { LogFeed } from "./log-feed.ts";
import type { Outbox } from "./outbox.ts";
import { epochOf, readStart, startOf, type StartPosition, startWrite } from "./start-position.ts";
import type { StreamLog } from "./stream-log.ts";

export interface FeedRequest {
  readonly flow: Flow;
  readonly gate: Gate;
  readonly outbox: Outbox;
  /** The consumer's last committed checkpoint, where it has one. */
  readonly claimed: Checkpoint | undefined;
  /** The feed cannot go on; the connection has to end, told only this. */
  readonly onFailed: (why: string) => void;
}

/** A consumer's node is told why, in these words. */
class LinkRefused extends Error {}

/**
 * An agreement's stream on one connection, from its SUBSCRIBE on: it goes on exactly where the
 * provider's own count of what was acknowledged stands. A claim to have stored more is taken, for
 * it raises nobody's bill but the consumer's; any other claim is refused. The newest connection
 * of an agreement has the stream; whatever is still being opened or served on an older one ends.
 */
export class LinkFeed implements Holder {
  readonly #request: FeedRequest;
  #feed: Feed | undefined;
  #closed = false;

  constructor(request: FeedRequest) {
    this.#request = request;
  }

  async open(): Promise<void> {
    this.#request.gate.hold(this);
    try {
      const feed = await this.#make();
      if (feed === undefined) return;
      this.#feed = feed;
      feed.start();
    } catch (failure) {
      this.#fail(failure);
    }
  }

  acknowledge(said: Checkpoint): void {
    this.#feed?.acknowledge(said);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#request.gate.leave(this);
    this.#feed?.close();
  }

  lost(why: string): void {
    if (this.#closed) return;
    this.close();
    this.#request.onFailed(why);
  }

  /** Undefined where the connection went or lost the stream while something was waited for. */
  async #make(): Promise<Feed | undefined> {
    const { flow, gate, outbox, claimed = noUsage } = this.#request;
    const { usage, entropy, store, clock } = flow.outside;
    const { agreement } = gate.grant;
    const log = this.#log();
    let start = log && (await readStart(store, agreement));
    if (this.#closed) return undefined;
    const before = usage.acknowledged(agreement);
    const common = log && commonEnd(claimed, start, log);
    if (log !== undefined && common !== undefined && mayHaveMore(claimed, before)) {
      // Never back before the start, nor before what was acknowledged on both sides.
      const position = Math.max(common, positionOf(before, start, log));
      start = await this.#restored(log, position, claimed, start);
    }
    const isTaken =
      log === undefined || common !== undefined
        ? mayHaveMore(claimed, before)
        : await isAheadLogged(claimed, before, {
            log,
            epoch: epochOf(start, log),
            from: positionOf(before, start, log),
            start: startOf(start, log),
            gate,
          });
    if (this.#closed) return undefined;
    // Also where there is nothing to take: what an older connection acknowledged has to be known.
    await usage.acknowledge(agreement, isTaken ? claimed : before);
    if (this.#closed) return undefined;
    const known = usage.acknowledged(agreement);
    const base = (log && (await this.#earlier(log, claimed, known, start))) ?? known;
    if (this.#closed) return undefined;
    requireSame(claimed, base);
    gate.goOnFrom(base.messages);
    const onFailed = (failure: unknown): void => this.#fail(failure);
    const line = { gate, outbox, usage, clock, base, onFailed };
    if (log !== undefined) {
      const position = positionOf(base, start, log);
      const passage = await openPassage(gate, log, position, startOf(start, log));
      if (this.#closed) return undefined;
      return new LogFeed({ ...line, log, epoch: epochOf(start, log), position, passage });
    }
    return new LiveFeed({ ...line, epoch: entropy.uuid(), router: flow.router });
  }

  /**
   * The consumer has stored what this log does not hold: the node was restored from a backup. It
   * goes on where both pasts part, under another epoch; what was stored is billed, and not again.
   */
  async #restored(
    log: StreamLog,
    position: number,
    claimed: Checkpoint,
    before: StartPosition | undefined,
  ): Promise<StartPosition> {
    const { flow, gate } = this.#request;
    // The same for all agreements that find it out: their consumers keep the stream once.
    const servedAs = `${log.epoch}/${log.lineage.runs.at(-1)?.id ?? "0"}`;
    const doc: StartPosition = { epoch: log.epoch, position, servedAs };
    if (before?.servedAs === servedAs) throw new LinkRefused("the log has no such past");
    await flow.outside.store.commit([startWrite(gate.grant.agreement, doc)]);
    gate.tell(
      "link.restored",
      `This node was restored from a backup: ${gate.grant.consumer} has the stream up to ` +
        `position ${claimed.position}, the same up to ${position}; it goes on there in a new epoch`,
    );
    return doc;
  }

  /**
   * The consumer was restored from a backup and has less than it acknowledged: it is served again
   * from there, where the log still tells that it was just that. A position is billed once.
   */
  async #earlier(
    log: StreamLog,
    claimed: Checkpoint,
    known: Checkpoint,
    started: StartPosition | undefined,
  ): Promise<Checkpoint | undefined> {
    const { gate } = this.#request;
    const epoch = epochOf(started, log);
    const start = startOf(started, log);
    const isNothing = claimed.epoch === "" && claimed.messages === 0;
    if (claimed.messages >= known.messages || known.epoch !== epoch) return undefined;
    if (!isNothing && claimed.epoch !== epoch) return undefined;
    const position = isNothing ? start : claimed.position;
    if (position < start || known.position - position > aheadMessagesMax) return undefined;
    const passage = await openPassage(gate, log, position, start);
    const due = await dueBetween(log, position, known.position, passage);
    const { messages, payloadBytes } = claimed;
    if (due?.messages !== known.messages - messages) return undefined;
    if (due.payloadBytes !== known.payloadBytes - payloadBytes) return undefined;
    gate.tell(
      "link.again",
      `${gate.grant.consumer} came back with less than it acknowledged, as from a backup: served ` +
        `again from position ${position}, and not billed again up to ${known.position}`,
    );
    return { epoch, position, messages, payloadBytes };
  }

  /** A stream that was sold as logged is never served as live: it would not be whole. */
  #log(): StreamLog | undefined {
    const { flow, gate } = this.#request;
    const log = flow.logUnder(gate.grant);
    if (log !== undefined || gate.grant.log === undefined) return log;
    throw new LinkRefused("the stream's log is not open");
  }

  /** The other side hears our own words alone; what failed here is for the node's owner. */
  #fail(failure: unknown): void {
    if (this.#closed) return;
    this.close();
    const { gate, onFailed } = this.#request;
    const isRefused = failure instanceof LinkRefused;
    gate.tell(
      isRefused ? "link.refused" : "link.failed",
      `A link could not be served: ${problemOf(failure)}`,
    );
    if (isRefused) gate.refuse("claim", 1);
    onFailed(isRefused ? failure.message : "the stream cannot be served now");
  }
}

/** Where the log is read on from, never before the agreement's start. */
function positionOf(base: Checkpoint, start: StartPosition | undefined, log: StreamLog): number {
  return base.epoch === epochOf(start, log) ? base.position : startOf(start, log);
}

/** Where what the consumer has parts from what the log holds; undefined where it does not. */
function commonEnd(
  { epoch, position, lineage }: Checkpoint,
  start: StartPosition | undefined,
  log: StreamLog,
): number | undefined {
  if (epoch !== epochOf(start, log)) return undefined;
  return log.lineage.commonWith(lineage, position, log.end);
}

/**
 * Between the last acknowledgement known here and the claim there can be no more than one
 * connection's window: a larger claim is a mistake or a lie, and nothing is counted from it.
 */
const aheadMessagesMax = 10_000_000;

function mayHaveMore(claimed: Checkpoint, known: Checkpoint): boolean {
  const messages = claimed.messages - known.messages;
  return (
    messages >= 0 && messages <= aheadMessagesMax && claimed.payloadBytes >= known.payloadBytes
  );
}

/** A claim must count what the log holds up to its position: not less, which would be free. */
async function isAheadLogged(
  claimed: Checkpoint,
  known: Checkpoint,
  served: { log: StreamLog; epoch: string; from: number; start: number; gate: Gate },
): Promise<boolean> {
  const { log, from, start, gate } = served;
  const { epoch, position, messages, payloadBytes } = claimed;
  if (epoch !== served.epoch || position <= from || position > log.end) return false;
  if (position - from > aheadMessagesMax) return false;
  const due = await dueBetween(log, from, position, await openPassage(gate, log, from, start));
  return (
    due !== undefined &&
    messages === known.messages + due.messages &&
    payloadBytes === known.payloadBytes + due.payloadBytes
  );
}

function requireSame(claimed: Checkpoint, known: Checkpoint): void {
  const { messages, payloadBytes } = known;
  if (claimed.messages === messages && claimed.payloadBytes === payloadBytes) return;
  throw new LinkRefused(
    claimed.messages < messages
      ? "your last checkpoint is behind what you acknowledged"
      : "your last checkpoint does not go on from what was delivered",
  );
}
