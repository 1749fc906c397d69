import type { Run } from "./run.ts";

/** Who receives: an MQTT session, an event stream, a link's feed. */
export interface Receiver {
  /** Takes a run that one of its subscriptions matched; must not throw. */
  receive(run: Run, subscription: Subscription): void;
}

export interface Subscription {
  readonly filter: string;
  readonly receiver: Receiver;
  /** The most the receiver wants. */
  readonly qos: 0 | 1 | 2;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** MQTT 5 subscription identifiers, as encoded properties. */
  readonly identifier?: Buffer;
  /** What it receives with QoS 1 or 2 waits for it over restarts. */
  readonly kept?: boolean;
  /** It is one of several that share it: each message goes to one of them (§4.8.2). */
  readonly share?: Share;
  /** Where logs stood when it was made; what stands before is not for it. Absent: nothing waited. */
  readonly since?: ReadonlyMap<string, number>;
}

export interface Share {
  readonly name: string;
  readonly member: SharingMember;
}

/** Who can be one of several that share a subscription. */
export interface SharingMember extends Receiver {
  /** Its client is there to take messages. */
  readonly isPresent: boolean;
  /** What it was given and is not done with. */
  readonly load: number;
  /** Messages of the QoS that would leave at once. */
  roomFor(qos: 0 | 1 | 2): number;
  /** Messages of the run that could wait for it, as far as can be said before they do. */
  queueRoomFor(run: Run): number;
}

/** Messages that a member of a share was given and is not done with. */
export interface LeftOver {
  readonly subscription: Subscription;
  readonly run: Run;
}

/** One delivery for both: all the identifiers [MQTT-3.3.4-4], and no more withheld than by either. */
export function together(a: Subscription, b: Subscription): Subscription {
  const identifiers = [a.identifier, b.identifier].filter((one) => one !== undefined);
  return {
    ...(a.qos < b.qos ? b : a),
    noLocal: a.noLocal === true && b.noLocal === true,
    retainAsPublished: a.retainAsPublished === true || b.retainAsPublished === true,
    ...(identifiers.length === 0 ? {} : { identifier: Buffer.concat(identifiers) }),
  };
}
