import { problemOf } from "../../../kernel/errors.ts";
import type { JsonObject } from "../../../kernel/json-object.ts";
import { mayPublish, type Principal } from "../../../things/access.ts";
import { type CountedFaults, Faults } from "../../faults.ts";
import type { Fault, SectorDoor } from "../../sector.ts";
import { measuredOf, type MeterValue } from "./meter-values.ts";

export type Protocol = "ocpp1.6" | "ocpp2.0.1";

/** The connection of a charger, while there is one. */
export interface Line {
  readonly protocol: Protocol;
  /** Rejects where the charger does not answer in time, or refuses the call as such. */
  call(method: string, params: object): Promise<JsonObject>;
}

/** As the charger told it. */
export interface Model {
  readonly vendor: string;
  readonly model: string;
  readonly serialNumber?: string;
  readonly firmwareVersion?: string;
}

/** A connector, and the EVSE it belongs to; in OCPP 1.6 both are one. */
export interface Outlet {
  readonly evse: number;
  readonly connector: number;
  readonly status: string;
  readonly errorCode?: string;
}

/** How it stands, for people. */
export interface ChargerState extends CountedFaults {
  readonly id: string;
  readonly topic: string;
  readonly online: boolean;
  readonly protocol?: Protocol;
  readonly model?: Model;
  readonly outlets: readonly Outlet[];
  /** Its last readings, all EVSEs together. */
  readonly powerW?: number;
  readonly transactions: readonly string[];
  /** What it may take at most, now, and whether it has taken that. */
  readonly limitW?: number;
  readonly limit?: "set" | "refused" | "pending";
  /** Unix milliseconds. */
  readonly lastSeenAt: number;
}

interface Power {
  readonly watts: number;
  readonly at: number;
}

const outletsMax = 64;
/** How far ahead of the node's clock a reading may be. */
const aheadMsMax = 60_000;
/** Of one call: a charger that was offline for a day tells a quarter of an hour each. */
const valuesMax = 100;
/** A reading that is older says nothing about now. */
const powerMsMax = 900_000;

/** One charger as the node knows it, connected or not: it publishes under its Thing's topic. */
export class Charger {
  readonly id: string;
  line: Line | undefined;
  /** It has said its first word on this connection: it may be asked things. */
  isReady = false;
  lastSeenAt: number;
  readonly #faults: Faults;
  #topic: string;
  #principal: Principal;
  readonly #door: Pick<SectorDoor, "clock" | "publish">;
  readonly #outlets = new Map<string, Outlet>();
  readonly #power = new Map<number, Power>();
  #model: Model | undefined;
  #firmware: string | undefined;
  #station = "";

  constructor(
    { id, topic, principal }: { id: string; topic: string; principal: Principal },
    door: Pick<SectorDoor, "clock" | "publish">,
  ) {
    this.id = id;
    this.#topic = topic;
    this.#principal = principal;
    this.#door = door;
    this.#faults = new Faults(door.clock);
    this.lastSeenAt = door.clock.now();
  }

  /** What its Thing may now. */
  allow(topic: string, principal: Principal): void {
    this.#topic = topic;
    this.#principal = principal;
  }

  get powerW(): number | undefined {
    const since = this.#door.clock.now() - powerMsMax;
    const fresh = [...this.#power].filter(([, { at }]) => at >= since);
    // EVSE 0 is the main meter: it has measured the others
    const main = fresh.find(([evse]) => evse === 0);
    if (main) return main[1].watts;
    return fresh.length === 0 ? undefined : fresh.reduce((sum, [, one]) => sum + one.watts, 0);
  }

  /** The same, where any of it was measured since. */
  powerSince(at: number): number | undefined {
    return [...this.#power.values()].some((one) => one.at >= at) ? this.powerW : undefined;
  }

  /** Nothing charges there any more. */
  idle(evse: number, at: number): void {
    if (this.#power.has(evse)) this.#power.set(evse, { watts: 0, at });
  }

  get state(): Omit<ChargerState, "transactions" | "limitW" | "limit"> {
    const { powerW } = this;
    return {
      ...{ id: this.id, topic: this.#topic, online: this.line !== undefined },
      ...(this.line && { protocol: this.line.protocol }),
      ...(this.#model && { model: this.#model }),
      outlets: [...this.#outlets.values()],
      ...(powerW !== undefined && { powerW }),
      lastSeenAt: this.lastSeenAt,
      ...this.#faults.counted(),
    };
  }

  async booted(model: Model): Promise<void> {
    this.#model = model;
    await this.tellStation();
  }

  async firmware(status: string): Promise<void> {
    this.#firmware = status;
    await this.tellStation();
  }

  async outlet(outlet: Outlet): Promise<void> {
    const key = `${outlet.evse}.${outlet.connector}`;
    if (!this.#outlets.has(key) && this.#outlets.size >= outletsMax) {
      this.fault({ code: "outlets", text: `it names more than ${outletsMax} connectors` });
      return;
    }
    this.#outlets.set(key, outlet);
    await this.tellStation();
  }

  /** Each reading a message; the members of the last are returned. */
  async metered(
    evse: number,
    values: readonly MeterValue[],
    transaction?: string,
  ): Promise<JsonObject> {
    let last: JsonObject = {};
    if (values.length > valuesMax) {
      const text = `${values.length} meter values at once; the last ${valuesMax} are taken`;
      this.fault({ code: "rate", text });
    }
    for (const value of values.slice(-valuesMax)) {
      const { members, faults } = measuredOf(value);
      for (const fault of faults) this.fault(fault);
      const at = this.time(value.timestamp);
      const watts = members["totalActivePower"];
      if (typeof watts === "number") this.#measured(evse, { watts, at });
      last = { ...last, ...members };
      if (Object.keys(members).length === 0) continue;
      await this.publish(`meters/${evse}`, {
        type: "ThreePhaseAcMeasurement",
        id: `${this.id}/${evse}`,
        dateObserved: new Date(at).toISOString(),
        ...(transaction !== undefined && { transaction }),
        ...members,
      });
    }
    return last;
  }

  /** Its own time; ours where it is ahead of that, or no time to us (a leap second, `+05`). */
  time(timestamp: string): number {
    const now = this.#door.clock.now();
    const at = Date.parse(timestamp);
    if (at <= now + aheadMsMax) return at;
    const problem = Number.isNaN(at) ? "is no time that is known here" : "is not yet";
    this.fault({ code: "clock", text: `${timestamp} ${problem}` });
    return now;
  }

  fault(fault: Fault): void {
    this.#faults.add(fault);
  }

  #measured(evse: number, power: Power): void {
    if (this.#power.has(evse) || this.#power.size < outletsMax) this.#power.set(evse, power);
    else this.fault({ code: "outlets", text: `it meters more than ${outletsMax} EVSEs` });
  }

  /** Retained; told when something differs. */
  async tellStation(): Promise<void> {
    const outlets = [...this.#outlets.values()].filter(({ connector }) => connector > 0);
    const free = outlets.filter(({ status }) => status === "Available").length;
    const station = {
      type: "EVChargingStation",
      ...{ id: this.id, name: this.id, online: this.line !== undefined },
      status: statusOf(outlets),
      ...(outlets.length > 0 && {
        capacity: new Set(outlets.map(({ evse }) => evse)).size,
        ...{ socketNumber: outlets.length, availableCapacity: free, outlets },
      }),
      ...(this.#model && { ocpp: this.#model }),
      ...(this.#firmware !== undefined && { firmwareStatus: this.#firmware }),
    };
    const text = JSON.stringify(station);
    if (text === this.#station) return;
    this.#station = text;
    const dateObserved = new Date(this.#door.clock.now()).toISOString();
    await this.publish("station", { ...station, dateObserved }, true);
  }

  /** Where its Thing may publish, and nowhere else. */
  async publish(below: string, message: object, retain = false): Promise<void> {
    const topic = `${this.#topic}/${below}`;
    if (!mayPublish(this.#principal, topic)) {
      return this.fault({ code: "topic", text: `it may not publish ${topic}` });
    }
    const payload = Buffer.from(JSON.stringify(message));
    try {
      await this.#door.publish({ topic, payload, retain, as: this.#principal });
    } catch (thrown) {
      this.fault({ code: "publish", text: problemOf(thrown) });
      throw thrown;
    }
  }
}

/** In the words of EVChargingStation. */
function statusOf(outlets: readonly Outlet[]): string {
  const isDown = ({ status }: Outlet): boolean => status === "Unavailable" || status === "Faulted";
  if (outlets.length > 0 && outlets.every(isDown)) return "outOfService";
  if (outlets.some(({ status }) => status === "Faulted")) return "withIncidence";
  const isFree = outlets.length === 0 || outlets.some(({ status }) => status === "Available");
  return isFree ? "working" : "full";
}
