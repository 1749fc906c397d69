import type { ClientSocket } from "./client-socket.ts";
import type { Outbox } from "../../flow/outbox.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Principal } from "../../things/access.ts";
import { nameOfPrincipal } from "../../things/access.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { Outgoing } from "./outgoing.ts";

/** Takes fields and words, as pino does. */
export interface DoorLog {
  info(fields: object, text: string): void;
  debug(fields: object, text: string): void;
}

/** What went through the door: sums over all connections since the start. */
interface Passed {
  messagesIn: number;
  payloadBytesIn: number;
  packetsIn: number;
  packetsOut: number;
  messagesOut: number;
  payloadBytesOut: number;
  bytesIn: number;
  bytesOut: number;
}

export interface DoorFacts extends Readonly<Passed> {
  /** Let in and there. */
  readonly connections: number;
  /** The most there were at a time. */
  readonly connectionsMost: number;
  readonly accepted: number;
  /** By reason: those that were not let in. */
  readonly refused: Readonly<Record<string, number>>;
  /** By reason: those that were let in and ended, not by themselves. */
  readonly ended: Readonly<Record<string, number>>;
  /** By whose limit and of what: how often a publisher that was too fast was not read from. */
  readonly slowed: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly sessionsAway: number;
  readonly sessionsExpired: number;
  readonly queuedBytes: number;
}

/** One connection that is let in. */
export interface ClientFacts extends Readonly<Passed> {
  readonly client: string;
  readonly who: string;
  readonly address: string;
  readonly connectedMs: number;
  readonly queuedBytes: number;
  readonly inflight: number;
  readonly dropped: number;
}

/** One connection's counts: plain fields, added to once a run. */
export class ConnectionCounts {
  clientId = "";
  messagesIn = 0;
  payloadBytesIn = 0;
  /** Control packets that are not PUBLISH. */
  packetsIn = 0;
  /** Monotonic. */
  readonly openedAt: number;
  readonly #socket: ClientSocket;
  readonly #outbox: Outbox;
  readonly #clock: Clock;

  constructor(socket: ClientSocket, outbox: Outbox, clock: Clock) {
    this.#socket = socket;
    this.#outbox = outbox;
    this.#clock = clock;
    this.openedAt = clock.monotonic();
  }

  took({ count, payloadBytes }: ScannedRun): void {
    this.messagesIn += count;
    this.payloadBytesIn += payloadBytes;
  }

  get address(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  get messagesOut(): number {
    return this.#outbox.sent.messages;
  }

  passed(): Passed {
    const { messagesIn, payloadBytesIn, packetsIn } = this;
    const { messages, payloadBytes, controls } = this.#outbox.sent;
    const { bytesRead = 0, bytesWritten = 0 } = this.#socket;
    return {
      ...{ messagesIn, payloadBytesIn, packetsIn, packetsOut: controls },
      ...{ messagesOut: messages, payloadBytesOut: payloadBytes },
      ...{ bytesIn: bytesRead, bytesOut: bytesWritten },
    };
  }

  facts(who: string, outgoing: Outgoing | undefined): ClientFacts {
    return {
      ...this.passed(),
      ...{ client: this.clientId, who, address: this.address },
      connectedMs: this.#clock.monotonic() - this.openedAt,
      queuedBytes: this.queuedBytes + (outgoing?.waitingBytes ?? 0),
      inflight: outgoing?.inflight ?? 0,
      dropped: this.#outbox.sent.dropped + (outgoing?.dropped ?? 0),
    };
  }
}

/** Whom a line is about. */
interface Watched {
  readonly counts: ConnectionCounts;
  readonly principal: Principal | undefined;
}

/** Why who said nothing of itself is turned away; MQTT has no code, for nothing is answered. */
type Unheard = "connect-timeout" | "too-many-strangers";

const minuteMs = 60_000;
/** Of one reason; what comes beyond is summed up. */
const linesPerMinuteMax = 10;

/** Who came, went and was refused: counted by reason, and told in lines that a flood cannot fill. */
export class DoorCounts {
  readonly #clock: Clock;
  readonly #log: DoorLog | undefined;
  readonly #past = nothing();
  readonly #refused = new Map<string, number>();
  readonly #ended = new Map<string, number>();
  /** Lines of this minute, by reason. */
  readonly #told = new Map<string, { lines: number; untold: number }>();
  #minuteBegan: number;
  #accepted = 0;
  #there = 0;
  #most = 0;

  constructor(clock: Clock, log?: DoorLog) {
    this.#clock = clock;
    this.#log = log;
    this.#minuteBegan = clock.monotonic();
  }

  accepted(connection: Watched): void {
    this.#accepted++;
    this.#there++;
    this.#most = Math.max(this.#most, this.#there);
    this.#log?.debug({ event: "connected", ...watched(connection) }, "a client is connected");
  }

  /** It was not let in. */
  refused(connection: Watched, reasonCode: number | Unheard, problem: string): void {
    this.#tell("refused", this.#refused, connection, reasonCode, problem);
  }

  /** It was let in, and the connection ends. */
  ended(connection: Watched, reasonCode: number, problem: string): void {
    if (reasonCode !== reason.normalDisconnection) {
      this.#tell("ended", this.#ended, connection, reasonCode, problem);
    }
  }

  /** It is gone, whoever ended it. */
  forget(counts: ConnectionCounts): void {
    add(this.#past, counts.passed());
    if (counts.clientId === "") return;
    this.#there--;
    const fields = { event: "disconnected", client: counts.clientId };
    this.#log?.debug(fields, "a client's connection is gone");
  }

  /** Once a minute: how many more there were of what is not told line by line. */
  tellWhatWasNotTold(): void {
    const now = this.#clock.monotonic();
    if (now - this.#minuteBegan < minuteMs) return;
    this.#minuteBegan = now;
    for (const [key, { untold }] of this.#told) {
      const [event, why] = key.split(" ");
      const fields = { event, reason: why, count: untold };
      if (untold > 0) this.#log?.info(fields, `${untold} more connections: ${why}`);
    }
    this.#told.clear();
  }

  /** The one sum that is asked for every second, whoever looks. */
  messagesOut(here: Iterable<Watched>): number {
    let sum = this.#past.messagesOut;
    for (const { counts } of here) sum += counts.messagesOut;
    return sum;
  }

  facts(
    here: readonly ConnectionCounts[],
  ): Omit<DoorFacts, "connections" | "slowed" | "sessions" | "sessionsAway" | "sessionsExpired"> {
    const sums = { ...this.#past };
    let queuedBytes = 0;
    for (const counts of here) {
      add(sums, counts.passed());
      queuedBytes += counts.queuedBytes;
    }
    return {
      ...sums,
      queuedBytes,
      accepted: this.#accepted,
      connectionsMost: this.#most,
      refused: Object.fromEntries(this.#refused),
      ended: Object.fromEntries(this.#ended),
    };
  }

  #tell(
    event: string,
    counts: Map<string, number>,
    connection: Watched,
    reasonCode: number | Unheard,
    problem: string,
  ): void {
    const why = nameOfReason(reasonCode);
    counts.set(why, (counts.get(why) ?? 0) + 1);
    if (this.#log === undefined) return;
    const key = `${event} ${why}`;
    const told = this.#told.get(key) ?? { lines: 0, untold: 0 };
    this.#told.set(key, told);
    if (told.lines >= linesPerMinuteMax) {
      told.untold++;
      return;
    }
    told.lines++;
    const fields = { event, ...watched(connection), reasonCode, reason: why, problem };
    this.#log.info(fields, event === "refused" ? "a client is refused" : "a connection is ended");
  }
}

function watched({ counts, principal }: Watched): object {
  const { clientId, address } = counts;
  return {
    ...(clientId !== "" && { client: clientId }),
    ...(principal !== undefined && { who: nameOfPrincipal(principal) }),
    ...(principal?.kind === "participant" && { agreement: principal.agreement }),
    address,
  };
}

const reasonNames = new Map<number, string>(
  Object.entries(reason).map(([name, code]) => [code, kebab(name)]),
);

/** As MQTT 5.0 §2.4 names it: `not-authorized`. */
function nameOfReason(code: number | Unheard): string {
  return typeof code === "string" ? code : (reasonNames.get(code) ?? `code-${code}`);
}

function kebab(name: string): string {
  return name.replace(/([a-z])([A-Z0-9])/g, "$1-$2").toLowerCase();
}

function nothing(): Passed {
  return {
    ...{ messagesIn: 0, payloadBytesIn: 0, packetsIn: 0, packetsOut: 0 },
    ...{ messagesOut: 0, payloadBytesOut: 0 },
    ...{ bytesIn: 0, bytesOut: 0 },
  };
}

function add(sums: Passed, more: Passed): void {
  for (const key of Object.keys(sums) as (keyof Passed)[]) sums[key] += more[key];
}
