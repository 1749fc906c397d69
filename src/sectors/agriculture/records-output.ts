import type { Composer, FollowedMessage } from "../sector.ts";
import { type AgriParcelRecord, readRecord } from "./parcel-record.ts";

const recordsMax = 10_000;

/** The latest record of each device, as a JSON array: key-values as a context broker takes them. */
export class RecordsComposer implements Composer {
  readonly #records = new Map<string, AgriParcelRecord>();

  take({ payload }: FollowedMessage): void {
    const record = readRecord(payload);
    if (record === undefined) return;
    const before = this.#records.get(record.id);
    if (before !== undefined && before.observedAt > record.observedAt) return;
    this.#records.delete(record.id);
    this.#records.set(record.id, record);
    if (this.#records.size > recordsMax) this.#records.delete(this.#records.keys().next().value!);
  }

  compose(): Uint8Array {
    return Buffer.from(JSON.stringify([...this.#records.values()]));
  }
}
