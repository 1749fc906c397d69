import { encodeAcknowledgement } from "../../wire/mqtt/encode.ts";
import {
  packetIdAfter,
  packetIdMax,
  packetType,
  type ProtocolVersion,
} from "../../wire/mqtt/protocol.ts";
import {
  locate,
  lowerExpiry,
  newPlace,
  offsetAfter,
  qosIn,
  repack,
  walkPublishes,
  type Layout,
} from "../../wire/mqtt/publish.ts";
import type { LogPlace, Run } from "../../flow/run.ts";
import { writtenFilter } from "../../flow/share-group.ts";
import type { LeftOver, Subscription } from "../../flow/subscription.ts";

/** Messages sent with one QoS and not all acknowledged: consecutive packet identifiers. */
interface SentBatch {
  readonly firstId: number;
  readonly count: number;
  readonly qos: 1 | 2;
  /** As sent, for sending again. */
  packets: Buffer;
  /** When what is left of their expiry was told, monotonic milliseconds. */
  readonly since: number;
  /** How many from the front are done. */
  acked: number;
  /** Indexes done out of order. */
  early?: Set<number>;
  /** Indexes received and not complete: of these the identifier is kept, the message is not. */
  received?: Set<number>;
  /** Where in a log the first message stands, the others behind it. */
  readonly place?: LogPlace | undefined;
  /** Of a shared subscription: what is to go to another one if this client goes. */
  readonly shared?: LeftOver | undefined;
}

/** Messages, and the shared subscription they came by. */
export interface Shared extends LeftOver {
  /** When what is left of their expiry was told, monotonic milliseconds. */
  readonly since: number;
}

/** One message of those, with the shared subscription as its client wrote it. */
export interface KeptShared {
  readonly filter: string;
  readonly run: Run;
  readonly since: number;
}

/** One message under way, as it is kept over a restart. */
export interface SentMessage {
  readonly id: number;
  readonly qos: 1 | 2;
  readonly isReceived: boolean;
  readonly packet: Buffer;
  /** When what is left of its expiry was told, monotonic milliseconds. */
  readonly since: number;
  readonly place?: LogPlace | undefined;
  readonly shared?: KeptShared | undefined;
}

/** What is under way, and in which version's form. */
export interface SentMessages {
  readonly version: ProtocolVersion;
  readonly messages: readonly SentMessage[];
  /** Of shared subscriptions, of which no log tells whom it is for. */
  readonly waiting: readonly KeptShared[];
}

/**
 * The outgoing half of QoS 1 and 2: identifiers are given out in sequence, acknowledgements
 * normally return in sequence, so a batch is a range and an acknowledgement a step.
 */
export class Inflight {
  /** Oldest first, so by identifier, counted from the oldest one's. */
  readonly #batches: SentBatch[] = [];
  #nextId = 1;
  #count = 0;
  #bytes = 0;
  #layout: Layout = { version: 4, withIds: true };

  /** Messages sent and not done with. */
  get count(): number {
    return this.#count;
  }

  /** Of the packets kept for sending again. */
  get bytes(): number {
    return this.#bytes;
  }

  /** In which all of it stands, and what is sent is to be encoded. */
  get layout(): Layout {
    return this.#layout;
  }

  /** Identifiers free for use at once. */
  get room(): number {
    const oldest = this.#batches[0];
    if (oldest === undefined) return packetIdMax - 1;
    return packetIdMax - 1 - steps(oldest.firstId + oldest.acked, this.#nextId);
  }

  /** Encodes the run with fresh identifiers and remembers it until acknowledged. */
  send(
    run: Run,
    qos: 1 | 2,
    since: number,
    encode: (nextId: () => number) => Buffer,
    shared?: LeftOver,
  ): Buffer {
    const firstId = this.#nextId;
    const packets = encode(() => {
      const id = this.#nextId;
      this.#nextId = packetIdAfter(id);
      return id;
    });
    const { count } = run;
    const place = shared === undefined ? run.place : undefined;
    this.#batches.push({ firstId, count, qos, packets, since, acked: 0, place, shared });
    this.#count += run.count;
    this.#bytes += packets.length;
    return packets;
  }

  /** PUBACK, PUBCOMP, or a PUBREC that refuses. False where the identifier is not in use so. */
  acknowledge(id: number, qos: 1 | 2): boolean {
    const at = this.#batchOf(id);
    const batch = this.#batches[at];
    const index = batch === undefined ? -1 : openIndex(batch, id, qos);
    if (batch === undefined || index === -1) return false;
    this.#count--;
    batch.received?.delete(index);
    if (index === batch.acked) {
      batch.acked++;
      while (batch.early?.delete(batch.acked) === true) batch.acked++;
    } else (batch.early ??= new Set()).add(index);
    if (batch.acked === batch.count) {
      this.#bytes -= batch.packets.length;
      if (at === 0) this.#batches.shift();
      else this.#batches.splice(at, 1);
    }
    return true;
  }

  /** PUBREC: the message is not sent again, PUBREL is. False where the identifier is not in use. */
  received(id: number): boolean {
    const batch = this.#batches[this.#batchOf(id)];
    const index = batch === undefined ? -1 : openIndex(batch, id, 2);
    if (batch === undefined || index === -1) return false;
    (batch.received ??= new Set()).add(index);
    return true;
  }

  /**
   * What has to be sent again on a new connection, packet by packet, oldest first, each with its
   * identifier [MQTT-4.4.0-1]: PUBLISH with DUP set [MQTT-3.3.1-1] and what is left of its expiry
   * [MQTT-3.3.2-6], though that be nothing, for its delivery has begun; or PUBREL.
   */
  resend(now: number): Buffer[] {
    const layout = this.#layout;
    const out: Buffer[] = [];
    const alone = newPlace();
    for (const { packets, since, acked, early, received } of this.#batches) {
      const from = offsetAfter(packets, acked);
      const seconds = Math.floor((now - since) / 1000);
      walkPublishes(packets.subarray(from), layout, (place, step) => {
        const index = acked + step;
        if (early?.has(index) === true) return;
        if (received?.has(index) === true) {
          const id = packets.readUInt16BE(from + place.idAt);
          out.push(encodeAcknowledgement(layout.version, packetType.pubrel, id));
          return;
        }
        const packet = Buffer.from(packets.subarray(from + place.start, from + place.end));
        packet[0]! |= 8;
        out.push(packet);
        if (layout.version !== 5 || seconds === 0) return;
        locate(packet, layout, 0, alone);
        lowerExpiry(packet, alone, seconds);
      });
    }
    return out;
  }

  /** The lowest position of the log that is under way; undefined: none is. */
  lowest(log: string): number | undefined {
    const first = this.#batches.find(({ place }) => place?.log.name === log);
    return first?.place && first.place.position + first.acked;
  }

  /** What is not acknowledged of shared subscriptions; of QoS 2 it stays here [MQTT-4.8.2-5]. */
  shared(): Shared[] {
    const all: Shared[] = [];
    for (const { qos, since, acked, early, ...batch } of this.#batches) {
      if (batch.shared === undefined || qos === 2) continue;
      const shared = { ...batch.shared, since };
      const rest = acked === 0 ? shared.run : shared.run.after(acked);
      if (early === undefined || early.size === 0) all.push({ ...shared, run: rest });
      else {
        for (let i = 0; i < rest.count; i++) {
          if (!early.has(acked + i)) all.push({ ...shared, run: one(rest, i) });
        }
      }
    }
    return all;
  }

  /** All that is under way, oldest first. */
  messages(): SentMessage[] {
    const layout = this.#layout;
    const out: SentMessage[] = [];
    for (const { packets, qos, since, early, received, place, ...batch } of this.#batches) {
      const shared = batch.shared && { ...batch.shared, since };
      const from = offsetAfter(packets, batch.acked);
      walkPublishes(packets.subarray(from), layout, ({ start, end, idAt }, step) => {
        const index = batch.acked + step;
        if (early?.has(index) === true) return;
        const position = (place?.position ?? 0) + index;
        out.push({
          id: packets.readUInt16BE(from + idAt),
          qos,
          isReceived: received?.has(index) === true,
          packet: packets.subarray(from + start, from + end),
          since,
          ...(place === undefined ? {} : { place: { ...place, position, next: position + 1 } }),
          ...(shared === undefined ? {} : { shared: kept(shared, one(shared.run, index)) }),
        });
      });
    }
    return out;
  }

  /** What was under way when the node stopped; nothing is yet. */
  restore(
    { version, messages }: Pick<SentMessages, "version" | "messages">,
    subscriptionOf: (filter: string) => Subscription | undefined,
  ): void {
    this.#layout = { version, withIds: true };
    for (const { id, qos, isReceived, packet, since, place, ...message } of messages) {
      const received = isReceived ? { received: new Set([0]) } : {};
      const subscription = message.shared && subscriptionOf(message.shared.filter);
      const shared = subscription && message.shared && { ...message.shared, subscription };
      this.#batches.push({
        firstId: id,
        count: 1,
        qos,
        packets: packet,
        since,
        acked: 0,
        place,
        shared,
        ...received,
      });
      this.#count++;
      this.#bytes += packet.length;
      this.#nextId = packetIdAfter(id);
    }
  }

  /** A packet that was to be sent again is as if it were acknowledged. */
  giveUp(packet: Buffer): void {
    const place = newPlace();
    locate(packet, this.#layout, 0, place);
    this.acknowledge(packet.readUInt16BE(place.idAt), qosIn(packet[0]!) as 1 | 2);
  }

  /** The client comes with that version: the same identifiers, in its form. */
  takeForm(version: ProtocolVersion): void {
    const from = this.#layout;
    if (version === from.version) return;
    this.#layout = { version, withIds: true };
    for (const batch of this.#batches) {
      let id = batch.firstId;
      const nextId = (): number => {
        const next = id;
        id = packetIdAfter(id);
        return next;
      };
      const flags = batch.packets[0]! & 0x0f;
      this.#bytes -= batch.packets.length;
      batch.packets = repack(batch.packets, batch.count, { from, to: version, flags, nextId });
      this.#bytes += batch.packets.length;
    }
  }

  /** The last batch that begins at or before the identifier; acknowledgements mostly hit the first. */
  #batchOf(id: number): number {
    const oldest = this.#batches[0];
    if (oldest === undefined) return -1;
    const wanted = steps(oldest.firstId, id);
    if (wanted < oldest.count) return 0;
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (steps(oldest.firstId, this.#batches[middle]!.firstId) <= wanted) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export function kept({ subscription, since }: Shared, run: Run): KeptShared {
  return { filter: writtenFilter(subscription), run, since };
}

function one(run: Run, index: number): Run {
  const rest = index === 0 ? run : run.after(index);
  return rest.count === 1 ? rest : rest.first(1);
}

/** Where in the batch the identifier stands; -1 where it is not open there with that QoS. */
function openIndex(batch: SentBatch, id: number, qos: 1 | 2): number {
  const index = steps(batch.firstId, id);
  const isOpen = index < batch.count && index >= batch.acked && batch.early?.has(index) !== true;
  return isOpen && batch.qos === qos ? index : -1;
}

/** From one identifier on to another; after the greatest comes 1. */
function steps(from: number, to: number): number {
  return (((to - from) % packetIdMax) + packetIdMax) % packetIdMax;
}
