import { isoTime } from "../../kernel/time.ts";
import { messageIn } from "../message.ts";
import type { Composer, FollowedMessage } from "../sector.ts";
import { localOf, quantities } from "./loop-quantities.ts";

const rowsMax = 20_000;

interface Row {
  readonly at: number;
  readonly quantity: string;
  readonly detector: string;
  readonly value: number;
}

/**
 * Loop detectors' CSV out: `timestamp,value` as Minnesota's files have them, in its local time and
 * units, and last the quantity and the detector, which there are the file's name, since a filter
 * may bring several.
 */
export class LoopComposer implements Composer {
  /** By detector, quantity and time, the first heard of first. */
  readonly #rows = new Map<string, Row>();

  take({ payload }: FollowedMessage): void {
    const said = messageIn(payload);
    const detector = said?.["id"];
    if (said?.["type"] !== "TrafficFlowObserved" || typeof detector !== "string") return;
    // the name of a file in the native format; anything else is another kind of station
    if (!/^\w{1,64}$/.test(detector)) return;
    const at = isoTime(String(said["dateObserved"]));
    if (at === undefined) return;
    for (const [quantity, { member, back }] of Object.entries(quantities)) {
      const value = said[member];
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      this.#rows.set(`${detector} ${quantity} ${at}`, {
        at,
        quantity,
        detector,
        value: back(value),
      });
      if (this.#rows.size > rowsMax) this.#rows.delete(this.#rows.keys().next().value!);
    }
  }

  compose(): Uint8Array {
    const rows = [...this.#rows.entries()]
      .sort(([, a], [, b]) => compare(nameOf(a), nameOf(b)) || a.at - b.at)
      .map(([, { at, value, quantity, detector }]) => [localOf(at), value, quantity, detector]);
    const table = [["timestamp", "value", "quantity", "detector"], ...rows];
    return Buffer.from(table.map((cells) => `${cells.join()}\n`).join(""));
  }
}

function nameOf({ quantity, detector }: Row): string {
  return `${quantity}_${detector}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
