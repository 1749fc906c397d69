import type { Clock } from "../../kernel/clock.ts";
import type { StreamLog } from "../../flow/stream-log.ts";
import type { Store, Write } from "../../ports/store.ts";
import type { Principal } from "../../things/access.ts";
import type { Will } from "../../wire/mqtt/decode.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import type { Properties } from "../../wire/mqtt/properties.ts";
import type { Subscription } from "../../flow/subscription.ts";
import { Run } from "../../flow/run.ts";
import type { KeptShared, SentMessage, SentMessages } from "./inflight.ts";
import type { RestoredSession, Session, SessionKeeping } from "./session.ts";

/** What of a session lasts: who it is of, how long it stays, what it wants. */
interface SessionDoc {
  readonly principal: Principal;
  /** null: for ever. */
  readonly expirySeconds: number | null;
  readonly subscriptions: readonly SubscriptionDoc[];
  readonly will?: Omit<Will, "payload" | "properties"> & {
    readonly payload: string;
    readonly properties: Omit<Properties, "correlationData"> & { correlationData?: string };
  };
  /** When its client went, milliseconds since the Unix epoch; absent: it was there. */
  readonly awaySince?: number;
}

interface SubscriptionDoc extends Pick<Subscription, "filter" | "qos"> {
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** The name of those it is shared with. */
  readonly share?: string;
  readonly identifier?: string;
  readonly since?: Readonly<Record<string, number>>;
}

/** Where it stands in each log that may hold messages for it. */
interface CursorDoc {
  readonly positions: Readonly<Record<string, { epoch: string; position: number }>>;
}

interface SentDoc {
  readonly version: ProtocolVersion;
  readonly messages: readonly (Omit<SentMessage, "packet" | "since" | "place" | "shared"> & {
    readonly packet: string;
    /** When what is left of its expiry was told, milliseconds since the Unix epoch. */
    readonly at?: number;
    readonly log?: string;
    readonly position?: number;
    readonly shared?: SharedDoc;
  })[];
  /** Absent: none. */
  readonly waiting?: readonly SharedDoc[];
}

/** A message of a shared subscription. */
interface SharedDoc {
  readonly filter: string;
  /** As it was published, without an identifier. */
  readonly packet: string;
  readonly qos: 0 | 1 | 2;
  /** Published as retained. */
  readonly retain?: true;
  /** When what is left of its expiry was told, milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface KeptSessionsOutside {
  readonly store: Store;
  readonly clock: Clock;
  /** The log of what sessions wait for that is in no product's log. */
  readonly log: StreamLog;
  /** The logs that may hold messages of the filters. */
  readonly logsOf: (filters: readonly string[]) => readonly StreamLog[];
  /** Of the session log; who is further behind has lost what is gone. */
  readonly bytesMax: number;
  readonly onFailed: (failure: unknown) => void;
}

const everyMs = 1000;

/**
 * Sessions that outlive their connection outlive the node as well (§4.1). What a session wants and
 * what it received with QoS 2 is durable before it is acknowledged; how far its client has
 * acknowledged is written once a second, so that after a crash some messages of QoS 1 come twice
 * and none is lost; what was under way when the node was closed is kept with its identifiers.
 */
export class KeptSessions implements SessionKeeping {
  readonly #outside: KeptSessionsOutside;
  readonly #changed = new Set<Session>();
  readonly #all = new Set<Session>();
  #working: Promise<void> = Promise.resolve();
  /** How the session log stood when it was last trimmed. */
  #trimmed = { lowest: 0, end: 0 };
  /** Since then a session has acknowledged something, or is gone. */
  #hasMoved = true;
  readonly #timer: NodeJS.Timeout;

  constructor(outside: KeptSessionsOutside) {
    this.#outside = outside;
    this.#timer = setInterval(() => {
      this.#working = this.#work().catch((failure: unknown) => outside.onFailed(failure));
    }, everyMs);
    this.#timer.unref();
  }

  /** All that were kept when the node stopped, however it did. */
  async restored(): Promise<RestoredSession[]> {
    const [sessions, cursors, allSent, received] = await Promise.all([
      this.#docs<SessionDoc>("session"),
      this.#docs<CursorDoc>("session-position"),
      this.#docs<SentDoc>("session-sent"),
      this.#docs<readonly number[]>("session-received"),
    ]);
    return [...sessions].map(([key, doc]) => {
      const logs = this.#outside.logsOf(doc.subscriptions.map(({ filter }) => filter));
      const sent = allSent.get(key);
      return {
        key,
        principal: doc.principal,
        expirySeconds: doc.expirySeconds ?? Infinity,
        awaySince: doc.awaySince,
        will: doc.will && willOf(doc.will),
        subscriptions: doc.subscriptions.map(subscriptionOf),
        incomingQos2: received.get(key) ?? [],
        sent: sent && sentOf(sent, logs, this.#outside.clock),
        waiting: logs.map((log) => [log, positionIn(log, cursors.get(key)), log.end] as const),
      };
    });
  }

  async #docs<T>(kind: (typeof sessionKinds)[number]): Promise<ReadonlyMap<string, T>> {
    const stored = await this.#outside.store.list<T>(kind);
    return new Map(stored.map(({ id, doc }) => [id, doc]));
  }

  save(session: Session): Promise<void> {
    this.#all.add(session);
    const { key: id } = session;
    const doc = docOf(session);
    return this.#outside.store.commit([
      { op: "put", kind: "session", id, doc },
      ...this.#standing(session),
    ]);
  }

  received({ key: id, incomingQos2 }: Session): Write {
    if (incomingQos2.size === 0) return { op: "remove", kind: "session-received", id };
    return { op: "put", kind: "session-received", id, doc: [...incomingQos2] };
  }

  saveReceived(session: Session): Promise<void> {
    return this.#outside.store.commit([this.received(session)]);
  }

  changed(session: Session): void {
    this.#hasMoved = true;
    this.#changed.add(session);
  }

  remove(session: Session): void {
    if (!this.#all.delete(session)) return;
    this.#hasMoved = true;
    this.#changed.delete(session);
    const { key: id } = session;
    const writes = sessionKinds.map((kind): Write => ({ op: "remove", kind, id }));
    this.#outside.store.commit(writes).catch((failure: unknown) => this.#outside.onFailed(failure));
  }

  adopt(session: Session): void {
    this.#all.add(session);
  }

  /** All sessions as they are now, with what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
    const writes: Write[] = [];
    for (const session of this.#all) {
      const { key: id } = session;
      const sent = session.everOutgoing?.sent() ?? nothingSent;
      const isSentKept = sent.messages.length > 0 || sent.waiting.length > 0;
      writes.push({ op: "put", kind: "session", id, doc: docOf(session) });
      writes.push(this.#position(session, isSentKept));
      if (isSentKept) {
        const doc = sentDoc(sent, this.#outside.clock);
        writes.push({ op: "put", kind: "session-sent", id, doc });
      }
    }
    if (writes.length > 0) await this.#outside.store.commit(writes);
  }

  /**
   * How far it is; what was under way at the last stop is read from the logs again from now on. Of
   * a share no log tells whom a message was for: that stays written down until it is acknowledged.
   */
  #standing(session: Session): Write[] {
    const { key: id } = session;
    const left = session.everOutgoing?.sentRestored();
    const sent: Write =
      left === undefined
        ? { op: "remove", kind: "session-sent", id }
        : { op: "put", kind: "session-sent", id, doc: sentDoc(left, this.#outside.clock) };
    return [this.#position(session), sent];
  }

  /** `isSentKept`: what is under way is kept beside it, and not read from the log again. */
  #position(session: Session, isSentKept = false): Write {
    const { everOutgoing: outgoing, subscriptions, key: id } = session;
    const filters = [...subscriptions.values()].map(({ filter }) => filter);
    const positions: Record<string, { epoch: string; position: number }> = {};
    for (const { name, epoch, end } of this.#outside.logsOf(filters)) {
      const position = isSentKept
        ? outgoing?.waitsFrom(name, end)
        : outgoing?.positionIn(name, end);
      positions[name] = { epoch, position: position ?? end };
    }
    const doc: CursorDoc = { positions };
    return { op: "put", kind: "session-position", id, doc };
  }

  async #work(): Promise<void> {
    const { store, log } = this.#outside;
    const writes = [...this.#changed].flatMap((session) => this.#standing(session));
    this.#changed.clear();
    if (writes.length > 0) await store.commit(writes);
    // Nobody moved and nothing came: what was trimmed is trimmed.
    if (!this.#hasMoved && log.end === this.#trimmed.end) return;
    this.#hasMoved = false;
    await this.#trim();
  }

  /** What all have had is kept no longer, nor what is more than may wait. */
  async #trim(): Promise<void> {
    const { log, store, clock, bytesMax } = this.#outside;
    const { name, end } = log;
    let lowest = end;
    for (const { everOutgoing: outgoing } of this.#all) {
      lowest = Math.min(lowest, outgoing?.positionIn(name, end) ?? end);
    }
    if (end === 0 || (lowest === this.#trimmed.lowest && end === this.#trimmed.end)) return;
    const [block] = await log.read(lowest, 1);
    const olderThan = block === undefined ? clock.now() : block.at;
    await store.commit([{ op: "trim", log: name, olderThan, bytesMax }]);
    this.#trimmed = { lowest, end };
  }
}

const sessionKinds = ["session", "session-position", "session-received", "session-sent"] as const;

const nothingSent: SentMessages = { version: 4, messages: [], waiting: [] };

function docOf(session: Session): SessionDoc {
  const { principal, expirySeconds, subscriptions, will, awaySince } = session;
  return {
    principal,
    expirySeconds: expirySeconds === Infinity ? null : expirySeconds,
    subscriptions: [...subscriptions.values()].map(subscriptionDoc),
    ...(will === undefined ? {} : { will: willDoc(will) }),
    ...(awaySince === undefined ? {} : { awaySince }),
  };
}

function subscriptionDoc(subscription: Subscription): SubscriptionDoc {
  const { filter, qos, noLocal = false, retainAsPublished = false } = subscription;
  const { identifier, since, share } = subscription;
  return {
    ...{ filter, qos, noLocal, retainAsPublished },
    ...(share === undefined ? {} : { share: share.name }),
    ...(identifier === undefined ? {} : { identifier: identifier.toString("base64") }),
    ...(since === undefined ? {} : { since: Object.fromEntries(since) }),
  };
}

function subscriptionOf({ identifier, since, ...plain }: SubscriptionDoc) {
  return {
    ...plain,
    ...(identifier === undefined ? {} : { identifier: Buffer.from(identifier, "base64") }),
    ...(since === undefined ? {} : { since: new Map(Object.entries(since)) }),
  };
}

function willDoc({ payload, properties, ...plain }: Will): NonNullable<SessionDoc["will"]> {
  const { correlationData, ...others } = properties;
  const encoded = correlationData && { correlationData: correlationData.toString("base64") };
  return { ...plain, payload: payload.toString("base64"), properties: { ...others, ...encoded } };
}

function willOf({ payload, properties, ...plain }: NonNullable<SessionDoc["will"]>): Will {
  const { correlationData, ...others } = properties;
  const decoded =
    correlationData === undefined
      ? {}
      : { correlationData: Buffer.from(correlationData, "base64") };
  return {
    ...plain,
    payload: Buffer.from(payload, "base64"),
    properties: { ...others, ...decoded },
  };
}

function sentDoc({ version, messages, waiting }: SentMessages, clock: Clock): SentDoc {
  return {
    version,
    messages: messages.map(({ packet, since, place, shared, ...plain }) => ({
      ...plain,
      packet: packet.toString("base64"),
      at: wallTime(since, clock),
      ...(place === undefined ? {} : { log: place.log.name, position: place.position }),
      ...(shared === undefined ? {} : { shared: sharedDoc(shared, clock) }),
    })),
    ...(waiting.length === 0 ? {} : { waiting: waiting.map((one) => sharedDoc(one, clock)) }),
  };
}

function sentOf(doc: SentDoc, logs: readonly StreamLog[], clock: Clock): SentMessages {
  return {
    version: doc.version,
    messages: doc.messages.map(({ packet, at, log: name, position = 0, shared, ...plain }) => {
      const log = logs.find((one) => one.name === name);
      return {
        ...plain,
        packet: Buffer.from(packet, "base64"),
        since: at === undefined ? clock.monotonic() : monotonicTime(at, clock),
        place: log && { log, position, next: position + 1 },
        shared: shared && sharedOf(shared, clock),
      };
    }),
    waiting: (doc.waiting ?? []).map((one) => sharedOf(one, clock)),
  };
}

function sharedDoc({ filter, run, since }: KeptShared, clock: Clock): SharedDoc {
  const packet = run.encoded(5).toString("base64");
  const { qos, retain } = run;
  return { filter, packet, qos, ...(retain && { retain }), at: wallTime(since, clock) };
}

function sharedOf({ filter, packet, qos, retain, at }: SharedDoc, clock: Clock): KeptShared {
  const run = Run.ofPacket(Buffer.from(packet, "base64"), qos, retain);
  return { filter, run, since: monotonicTime(at, clock) };
}

function wallTime(monotonic: number, clock: Clock): number {
  return clock.now() - (clock.monotonic() - monotonic);
}

function monotonicTime(at: number, clock: Clock): number {
  return clock.monotonic() - Math.max(0, clock.now() - at);
}

/** A log that was not there, or is another one now, has had nothing for it: all of it is new. */
function positionIn(log: StreamLog, cursor: CursorDoc | undefined): number {
  const known = cursor?.positions[log.name];
  return known?.epoch === log.epoch ? Math.min(known.position, log.end) : 0;
}
