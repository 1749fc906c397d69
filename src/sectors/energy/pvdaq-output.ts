import { messageIn } from "../message.ts";
import { isObject } from "../../kernel/json-object.ts";
import { isoTime } from "../../kernel/time.ts";
import type { Composer, FollowedMessage } from "../sector.ts";
import { type Channels, channelsOf, isTabled } from "./pvdaq-channels.ts";

const rowsMax = 20_000;
const columnsMax = 400;

interface Row {
  readonly system: string;
  readonly at: number;
  readonly channels: Channels;
}

/**
 * PVDAQ's CSV out: `measured_on`, the channels in the order they were first heard of, and last the
 * system, since a filter may bring several. Times are UTC with their offset. Messages that came
 * without channels have PVDAQ's names and units for what the models' members tell.
 */
export class PvdaqComposer implements Composer {
  /** By system and time, the first heard of first. */
  readonly #rows = new Map<string, Row>();

  take({ payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined) return;
    const { type, id, dateObserved, pvdaq } = said as Readonly<Record<string, unknown>>;
    if (!isTabled(type) || typeof id !== "string") return;
    const at = typeof dateObserved === "string" ? isoTime(dateObserved) : undefined;
    if (at === undefined) return;
    const channels = isObject(pvdaq) ? numbersOf(pvdaq) : channelsOf(type, said);
    if (Object.keys(channels).length === 0) return;
    this.#rows.set(`${at} ${id}`, { system: id, at, channels });
    if (this.#rows.size > rowsMax) this.#rows.delete(this.#rows.keys().next().value!);
  }

  compose(): Uint8Array {
    const rows = [...this.#rows.values()].sort(
      (a, b) => (a.system < b.system ? -1 : a.system > b.system ? 1 : 0) || a.at - b.at,
    );
    const columns = [...new Set(rows.flatMap(({ channels }) => Object.keys(channels)))];
    const names = columns.slice(0, columnsMax);
    const lines = rows.map(({ system, at, channels }) => [
      new Date(at)
        .toISOString()
        .replace("T", " ")
        .replace(/\.000Z$|Z$/, "+00:00"),
      ...names.map((name) => (Object.hasOwn(channels, name) ? String(channels[name]) : "")),
      system,
    ]);
    const table = [["measured_on", ...names, "system"], ...lines];
    return Buffer.from(table.map((cells) => `${cells.map(quoted).join()}\n`).join(""));
  }
}

function numbersOf(said: Readonly<Record<string, unknown>>): Channels {
  return Object.fromEntries(
    Object.entries(said).filter(
      (entry): entry is [string, number] =>
        typeof entry[1] === "number" && Number.isFinite(entry[1]),
    ),
  );
}

/** RFC 4180. */
function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
