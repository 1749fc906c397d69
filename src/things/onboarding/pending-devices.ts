import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import type { Things } from "../directory.ts";
import { type Arrival, PendingDevice } from "./pending-device.ts";

interface PendingOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly things: Things;
}

const devicesMax = 256;
const devicesPerClaimMax = 64;
/** A device that is not connected and sends nothing is given up. */
const quietMs = 15 * 60_000;
const idBytes = 4;
const nameMax = 64;

/** The devices that wait for a decision, in memory, bounded: the quietest make room. */
export class PendingDevices {
  readonly #options: PendingOptions;
  /** By claim and name. */
  readonly #devices = new Map<string, PendingDevice>();
  #givenUp = 0;

  constructor(options: PendingOptions) {
    this.#options = options;
  }

  /** The oldest first. */
  list(): readonly PendingDevice[] {
    return [...this.#devices.values()];
  }

  /** How many made room for others since the start. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** By id, or by a name that only one has; NOT_FOUND says which there are of the same name. */
  need(idOrName: string): PendingDevice {
    const byId = this.list().find(({ id }) => id === idOrName);
    if (byId !== undefined) return byId;
    const [one, ...more] = this.list().filter(({ name }) => name === idOrName);
    if (one !== undefined && more.length === 0) return one;
    const ids = [one, ...more].flatMap((device) => (device ? [device.id] : []));
    const id = ids.length === 0 ? idOrName : `${idOrName} (say which: ${ids.join(", ")})`;
    throw new ComityError("NOT_FOUND", { what: "pending device", id });
  }

  /** The card of this device, made where there is none yet. */
  of(claim: string, name: string, door: Arrival["door"]): PendingDevice {
    const known = this.#devices.get(`${claim}/${name}`);
    if (known !== undefined) return known;
    this.#makeRoom(claim);
    const { clock, entropy } = this.#options;
    const id = Buffer.from(entropy.bytes(idBytes)).toString("hex");
    const device = new PendingDevice(id, { claim, name, door, at: clock.now() });
    this.#devices.set(`${claim}/${name}`, device);
    return device;
  }

  drop({ claim, name }: PendingDevice): void {
    this.#devices.delete(`${claim}/${name}`);
  }

  /** From what it calls itself, in the letters of a Thing's name, and free. */
  suggestedName({ id, name }: PendingDevice): string {
    const letters = name
      .normalize("NFKD")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "");
    const base = letters.slice(0, nameMax - 1 - id.length) || "device";
    const isFree = this.#options.things.get(base) === undefined && letters !== "";
    return isFree ? base : `${base}-${id}`;
  }

  tidy(look: (device: PendingDevice) => { isOver: boolean; isConnected: boolean }): void {
    const now = this.#options.clock.now();
    for (const device of this.list()) {
      const { isOver, isConnected } = look(device);
      if (isOver || (!isConnected && now - device.lastAt > quietMs)) this.drop(device);
    }
  }

  /** A flood under one code takes its own devices' places first, then those of the fullest code. */
  #makeRoom(claim: string): void {
    const counts = new Map<string, number>();
    for (const one of this.#devices.values()) {
      counts.set(one.claim, (counts.get(one.claim) ?? 0) + 1);
    }
    let crowded: string | undefined;
    if ((counts.get(claim) ?? 0) >= devicesPerClaimMax) crowded = claim;
    else if (this.#devices.size >= devicesMax) {
      crowded = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
    }
    if (crowded === undefined) return;
    const quietest = this.list()
      .filter((device) => device.claim === crowded)
      .reduce((a, b) => (b.lastAt < a.lastAt ? b : a));
    this.drop(quietest);
    this.#givenUp++;
  }
}
