import type { Outbox } from "../../flow/outbox.ts";
import type { Parcel } from "../../flow/parcel-queue.ts";
import type { Run } from "../../flow/run.ts";
import { offsetAfter, payloadBytesOf } from "../../wire/mqtt/publish.ts";
import { withAlias } from "../../wire/mqtt/topic-alias.ts";

/** Of one connection, however many it would take. */
const aliasesMax = 256;
/** A shorter topic is sent as it is: an alias takes three bytes itself. */
const topicBytesMin = 6;

/**
 * Topic aliases towards one client (§3.3.2.3.4): the first topics get the numbers it offers and
 * are sent by number from then on. The packet that tells the number is never given up.
 */
export class OutgoingAliases {
  readonly #most: number;
  readonly #known = new Map<string, number>();

  /** `maximum`: the Topic Alias Maximum the client said; without one it takes none [MQTT-3.1.2-27]. */
  static of(maximum = 0): OutgoingAliases | undefined {
    return maximum === 0 ? undefined : new OutgoingAliases(maximum);
  }

  private constructor(maximum: number) {
    this.#most = Math.min(maximum, aliasesMax);
  }

  push(outbox: Outbox, parcel: Parcel, run: Run): void {
    const known = this.#known.get(run.topic);
    if (known !== undefined) {
      outbox.push({ ...parcel, packets: withAlias(parcel.packets, parcel.layout, known, false) });
      return;
    }
    if (this.#known.size >= this.#most || run.topic.length < topicBytesMin) {
      outbox.push(parcel);
      return;
    }
    const alias = this.#known.size + 1;
    this.#known.set(run.topic, alias);
    const cut = offsetAfter(parcel.packets, 1);
    const head = parcel.packets.subarray(0, cut);
    const payloadBytes = payloadBytesOf(head, parcel.layout);
    const first = { ...parcel, count: 1, payloadBytes, droppable: false };
    outbox.push({ ...first, packets: withAlias(head, parcel.layout, alias, true) });
    if (parcel.count === 1) return;
    outbox.push({
      ...parcel,
      packets: withAlias(parcel.packets.subarray(cut), parcel.layout, alias, false),
      count: parcel.count - 1,
      payloadBytes: parcel.payloadBytes - payloadBytes,
    });
  }
}
