import type { LinkResource } from "../client/link-resource.ts";
import type { ListenerResource } from "../client/resources.ts";
import type { LinkState } from "../client/world.ts";
import type { Followed } from "../flow/follow-from.ts";
import type { HistoryLine, HistoryQuery } from "../flow/history/query.ts";
import type { Line } from "../flow/lines.ts";
import type { MessageSeen, Published } from "../flow/local-streams.ts";
import type { LogState } from "../ports/store.ts";
import type { Principal } from "../things/access.ts";

export interface LogsApi {
  list(): Promise<readonly LogState[]>;
  /** Messages at positions ≥ `after`, in order, at most `limit`. NOT_FOUND where there is no log. */
  read(log: string, after: number, limit: number): AsyncIterable<LogRow>;
}

export interface HistoryApi {
  /** Up to the last commit. NOT_FOUND where a log is named that is none, HISTORY_BEHIND. */
  lines(query: HistoryQuery): AsyncIterable<HistoryLine>;
}

export interface LogRow {
  readonly position: number;
  readonly at: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface MessageToPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** 1: resolves when a logged stream's message is durable. */
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** What it says of itself to subscribers. */
  readonly contentType?: string;
  /** A logged stream takes a publisher's number once, however often it is sent. */
  readonly origin?: { readonly producer: string; readonly seq: number };
}

/** The data plane; who may do what was decided before it is called. */
export interface StreamsApi {
  publish(principal: Principal, message: MessageToPublish): Promise<Published>;
  /** Retained messages first, then as they come; returns what ends it. */
  subscribe(
    principal: Principal,
    filter: string,
    onMessage: (message: MessageSeen) => void,
  ): () => void;
  /** What is followed after `lastId`, else from now on. BODY_INVALID, POSITION_GONE, LIMIT_REACHED. */
  followFrom(filters: readonly string[], lastId: string | undefined): Promise<Followed>;
  /** Logged streams from their logs, the others as they come, on a line of its own. */
  follow(
    followed: Followed,
    line: (onReady: () => void) => Line,
    queueBytesMax: number,
  ): FollowedStream;
}

/** What was opened; it goes on until either side ends it. */
export interface FollowedStream {
  beat(): void;
  end(why: string): void;
  /** The other side has gone. */
  close(): void;
}

export interface TrafficApi {
  mqttConnections(): number;
  /** Ways in for MQTT clients. */
  mqttListeners(): readonly ListenerResource[];
  messagesPerSecond(): number;
  links(): readonly LinkResource[];
  /** Messages withheld since the start, by reason. */
  refusals(): Readonly<Record<string, number>>;
  /** Messages given up since the start because a queue was full or a publisher had no right. */
  dropped(): number;
  /** How each agreement flows on this side. */
  flows(): readonly FlowFacts[];
}

export interface FlowFacts {
  readonly agreement: string;
  readonly link: LinkState;
  readonly ratePerSecond: number;
  readonly messages: number;
  readonly amountMicro: bigint;
  readonly latencyMs?: number;
}
