import { ComityError } from "../../kernel/errors.ts";
import { objectIn } from "../../kernel/json-object.ts";
import { levelOf, type SourceInput, type SourceReader, type SourceReading } from "../sector.ts";
import { readUplink } from "./lorawan.ts";
import { recordOf } from "./parcel-record.ts";

const devicesMax = 100_000;

/**
 * LoRaWAN in: one AgriParcelRecord an uplink, under the device's name. A network server may send an
 * uplink again; what has the frame counter and time of the one before is the same.
 */
export class LorawanReader implements SourceReader {
  readonly #last = new Map<string, string>();

  read({ bytes }: SourceInput): SourceReading {
    const message = objectIn(bytes);
    const uplink = message === undefined ? "no JSON object" : readUplink(message);
    if (typeof uplink === "string") {
      throw new ComityError("SOURCE_INVALID", { problem: `a message is ${uplink}` });
    }
    const mark = `${uplink.frame ?? 0} ${uplink.at}`;
    if (this.#last.get(uplink.devEui) === mark) return { messages: [], faults: [] };
    this.#last.delete(uplink.devEui);
    this.#last.set(uplink.devEui, mark);
    if (this.#last.size > devicesMax) this.#last.delete(this.#last.keys().next().value!);
    const { record, impossible } = recordOf(uplink);
    const { device } = uplink;
    const faults = impossible.map((text) => ({ code: "value", text: `${device}: ${text}` }));
    if (record === undefined) {
      const text = `${device} measured nothing that a parcel's record has`;
      return { messages: [], faults: [...faults, { code: "unknown", text }] };
    }
    return { messages: [{ topic: levelOf(device), payload: record }], faults };
  }
}
