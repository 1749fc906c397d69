import type { Checkpoint } from "../ports/usage.ts";
import type { Feed } from "./feed.ts";
import type { Flow, StartPosition } from "./flow.ts";
import type { Gate } from "./gate.ts";
import { LiveFeed } from "./live-feed.ts";
import { LogFeed } from "./log-feed.ts";
import type { Outbox } from "./outbox.ts";
import type { StreamLog } from "./stream-log.ts";

export interface FeedRequest {
  readonly flow: Flow;
  readonly gate: Gate;
  readonly outbox: Outbox;
  /** The consumer's last committed checkpoint, where it has one. */
  readonly claimed: Checkpoint | undefined;
  /** The feed cannot go on; the connection has to end. */
  readonly onFailed: (failure: unknown) => void;
}

/**
 * Starts an agreement's stream on a connection, where it stopped last time. A consumer's claim
 * to have stored more than this node knows is taken: it raises nobody's bill but its own.
 */
export async function openFeed(request: FeedRequest): Promise<Feed> {
  const { flow, gate, outbox, claimed, onFailed } = request;
  const { usage, entropy, store, clock } = flow.outside;
  const { agreement, product } = gate.grant;
  const view = flow.viewOf(gate.grant);
  const log = gate.grant.log === undefined ? undefined : flow.logOf(product);
  if (claimed !== undefined && isPlausible(claimed, usage.acknowledged(agreement), log)) {
    await usage.acknowledge(agreement, claimed);
  }
  const known = usage.acknowledged(agreement);
  if (log === undefined) {
    const { router } = flow;
    const epoch = entropy.uuid();
    const live = { base: known, epoch, router, view, onFailed };
    return new LiveFeed({ gate, outbox, usage, clock, ...live });
  }
  // A consumer whose store went back in time is served again from there; positions are billed once.
  const base = claimed !== undefined && claimed.messages < known.messages ? claimed : known;
  const start = await store.get<StartPosition>("start", agreement);
  const position = positionOf(base, start, log);
  return new LogFeed({ gate, outbox, usage, clock, base, log, position, view, onFailed });
}

function positionOf(base: Checkpoint, start: StartPosition | undefined, log: StreamLog): number {
  if (base.epoch === log.epoch) return base.position;
  if (start === undefined) return log.end;
  // A log is given its epoch for good with its first block. Where the node stopped before that,
  // the log that stands here now is younger than the agreement: all of it belongs to it.
  return start.epoch === log.epoch ? start.position : 0;
}

/**
 * Between the last acknowledgement known here and the claim there can be no more than one
 * connection's window: a larger claim is a mistake or a lie, and nothing is counted from it.
 */
const aheadMessagesMax = 10_000_000;

function isPlausible(claimed: Checkpoint, known: Checkpoint, log: StreamLog | undefined): boolean {
  const messages = claimed.messages - known.messages;
  if (messages <= 0 || messages > aheadMessagesMax) return false;
  if (claimed.payloadBytes < known.payloadBytes) return false;
  return log === undefined || (claimed.epoch === log.epoch && claimed.position <= log.end);
}
