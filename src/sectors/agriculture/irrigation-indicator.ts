import { metresBetween } from "../../kernel/place.ts";
import type { FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { type Parcel, readParcel } from "./parcel.ts";
import { readRecord } from "./parcel-record.ts";
import { StationDays, type StationDay } from "./station-days.ts";
import { depletionAt, irrigationAdvice, nextDay, totalWater } from "./water-balance.ts";
import { type ObservedWeather, readWeather } from "./weather-observed.ts";

interface Station {
  readonly days: StationDays;
  place: { readonly lat: number; readonly lon: number };
  last?: StationDay;
}

interface Field {
  parcel: Parcel;
  /** mm; undefined until a probe or the balance knows it. */
  depletion?: number;
  /** When a probe said so last: the balance of days goes on from there. */
  measuredAt?: string;
}

const stationsMax = 1_000;
const parcelsMax = 10_000;
/** Weather further away is other weather. */
const stationMetresMax = 50_000;

/**
 * How much water each parcel needs today, mm: FAO paper 56's soil-water balance from the weather of
 * the nearest station, set right by every probe that stands in the parcel. It follows
 * WeatherObserved, AgriParcelRecord and AgriParcel messages.
 */
export class IrrigationIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #stations = new Map<string, Station>();
  readonly #fields = new Map<string, Field>();
  readonly #fieldOf = new Map<string, string>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ topic, payload }: FollowedMessage): void {
    const weather = readWeather(payload);
    if (typeof weather === "string") this.#missing(topic, weather);
    else if (weather !== undefined) this.#weather(weather);
    const parcel = readParcel(payload);
    if (typeof parcel === "string") this.#missing(topic, parcel);
    else if (parcel !== undefined) this.#parcel(parcel);
    const record = readRecord(payload);
    if (record?.soilMoistureVwc === undefined) return;
    const parcelId = record.hasAgriParcel ?? this.#fieldOf.get(record.hasDevice);
    const field = this.#fields.get(parcelId ?? "");
    if (field === undefined) return;
    field.depletion = depletionAt(field.parcel.soil, record.soilMoistureVwc);
    field.measuredAt = record.observedAt;
    this.#advise(field);
  }

  #missing(topic: string, member: string): void {
    this.#outside.fault({ code: "member", text: `${topic}: ${member} is missing or cannot be` });
  }

  #parcel(parcel: Parcel): void {
    const known = this.#fields.get(parcel.id);
    if (known === undefined && this.#fields.size >= parcelsMax) {
      this.#outside.fault({ code: "too-many", text: `more than ${parcelsMax} parcels` });
      return;
    }
    for (const device of known?.parcel.devices ?? []) this.#fieldOf.delete(device);
    if (known === undefined) this.#fields.set(parcel.id, { parcel });
    else known.parcel = parcel;
    for (const device of parcel.devices) this.#fieldOf.set(device, parcel.id);
  }

  #weather(weather: ObservedWeather): void {
    let station = this.#stations.get(weather.station);
    if (station === undefined) {
      if (this.#stations.size >= stationsMax) {
        this.#outside.fault({ code: "too-many", text: `more than ${stationsMax} stations` });
        return;
      }
      const place = { lat: weather.latitude, lon: weather.longitude };
      station = { days: new StationDays(), place };
      this.#stations.set(weather.station, station);
    }
    const day = station.days.take(weather);
    if (day === "incomplete") {
      const text = `${weather.station}: a day of which too few hours were read was left out`;
      this.#outside.fault({ code: "day", text });
    } else if (day !== undefined) this.#dayIsOver(station, day);
  }

  #dayIsOver(station: Station, day: StationDay): void {
    station.last = day;
    for (const field of this.#fields.values()) {
      if (this.#nearest(field.parcel) !== station) continue;
      // what nobody measured begins half empty, and is said to be so
      const before = field.depletion ?? totalWater(field.parcel.soil) / 2;
      const { et0 } = day.weather;
      const water = { et0, rain: day.rain, irrigation: 0 };
      field.depletion = nextDay(field.parcel.soil, before, water).depletion;
      this.#advise(field);
    }
  }

  #nearest({ latitude: lat, longitude: lon }: Parcel): Station | undefined {
    let nearest: Station | undefined;
    let metres = stationMetresMax;
    for (const station of this.#stations.values()) {
      const away = metresBetween({ lat, lon }, station.place);
      if (away <= metres) [nearest, metres] = [station, away];
    }
    return nearest;
  }

  #advise({ parcel, depletion, measuredAt }: Field): void {
    const day = this.#nearest(parcel)?.last;
    if (day === undefined || depletion === undefined) return;
    const { et0 } = day.weather;
    const advice = irrigationAdvice(parcel.soil, depletion, et0);
    const rounded = (value: number): number => Number(value.toFixed(2));
    this.#outside.publish(parcel.id.split(":").at(-1) ?? parcel.id, {
      value: rounded(advice.amount),
      irrigate: advice.irrigate,
      ...(advice.daysLeft === undefined ? {} : { daysLeft: rounded(advice.daysLeft) }),
      parcel: parcel.id,
      ...{ depletion: rounded(depletion), et0: rounded(et0), rain: rounded(day.rain) },
      ...{ weatherOf: day.day, ...(measuredAt === undefined ? {} : { measuredAt }) },
    });
  }
}
