/** TrafficFlowObserved of the Smart Data Models, as far as a loop detector knows it. */
export interface TrafficFlow {
  readonly type: "TrafficFlowObserved";
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly dateObserved: string;
  /** km/h. */
  readonly averageVehicleSpeed?: number;
  /** Share of time that the detector is occupied, 0 … 1. */
  readonly occupancy?: number;
  /** Seconds over a stretch of road; no member of the model, which has no word for it. */
  readonly travelTime?: number;
}

type Quantity = "averageVehicleSpeed" | "occupancy" | "travelTime";

const kmPerMile = 1.609344;
const zone = "America/Chicago";

/** What the files' names begin with, and how their values become the model's and back. */
export const quantities: Readonly<
  Record<
    string,
    {
      readonly member: Quantity;
      readonly max: number;
      readonly convert: (value: number) => number;
      readonly back: (value: number) => number;
    }
  >
> = {
  speed: {
    ...{ member: "averageVehicleSpeed", max: 200 },
    convert: (mph) => rounded(mph * kmPerMile),
    back: (kmh) => recorded(kmh / kmPerMile),
  },
  occupancy: {
    ...{ member: "occupancy", max: 100 },
    convert: (percent) => rounded(percent / 100),
    back: (share) => recorded(share * 100),
  },
  TravelTime: {
    ...{ member: "travelTime", max: 86_400 },
    convert: (seconds) => seconds,
    back: (seconds) => seconds,
  },
};

let format: Intl.DateTimeFormat | undefined;

/** Made when it is first needed: time zones cost a node's start milliseconds and memory. */
function zoned(): Intl.DateTimeFormat {
  format ??= new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    ...{ year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  return format;
}

/** `2015-07-10 14:24:00` in Minnesota, as milliseconds since the Unix epoch. */
export function utcOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined;
  const asUtc = Date.parse(`${text.replace(" ", "T")}Z`);
  if (Number.isNaN(asUtc)) return undefined;
  // the offset of the guess, then of what it gives: right but for the hour that stands twice
  const first = asUtc - offsetMs(asUtc);
  return asUtc - offsetMs(first);
}

/** Milliseconds since the Unix epoch as Minnesota's clocks show them: `2015-07-10 14:24:00`. */
export function localOf(at: number): string {
  return new Date(at + offsetMs(at)).toISOString().slice(0, 19).replace("T", " ");
}

function offsetMs(at: number): number {
  const said = new Map(
    zoned()
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const date = `${said.get("year")}-${said.get("month")}-${said.get("day")}`;
  const time = `${said.get("hour")}:${said.get("minute")}:${said.get("second")}`;
  return Date.parse(`${date}T${time}Z`) - at;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

/** One digit less than `rounded` keeps: a value comes back as it was recorded. */
function recorded(value: number): number {
  return Number(value.toPrecision(5));
}
