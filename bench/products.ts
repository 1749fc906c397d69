/**
 * Products as a large exchange would list them, from a seed: cities by rank (a few have most),
 * quantities with their units and sectors, operators, streets and model numbers as a long tail.
 */
import type { SearchEntry } from "../src/ports/search.ts";

const quantities = [
  ["Air temperature", "Cel", "agriculture", "weather climate"],
  ["Soil moisture", "%", "agriculture", "soil irrigation field"],
  ["Air quality PM2.5", "ug/m3", "health", "air pollution particulate"],
  ["Bus positions", "deg", "transport", "vehicle gps public transport"],
  ["Tram positions", "deg", "transport", "vehicle gps rail"],
  ["Parking occupancy", "%", "transport", "parking mobility"],
  ["Traffic counts", "1/h", "transport", "road vehicles flow"],
  ["Electricity load", "kW", "energy", "grid power meter"],
  ["Solar production", "kW", "energy", "photovoltaic power"],
  ["Wind production", "MW", "energy", "turbine power"],
  ["Charging points", "kW", "energy", "ocpp charger vehicle"],
  ["Water level", "m", "water", "river flood gauge"],
  ["Water flow", "m3/s", "water", "river discharge"],
  ["Heart rate", "/min", "health", "vital patient ward"],
  ["Blood oxygen", "%", "health", "vital patient"],
  ["Machine vibration", "mm/s", "industry", "bearing maintenance"],
  ["Compressor pressure", "bar", "industry", "pneumatic"],
  ["Energy consumption", "kW.h", "industry", "meter line"],
  ["Milk tank temperature", "Cel", "agriculture", "dairy cooling"],
  ["Noise level", "dB", "health", "sound street"],
] as const;
const syllables = [
  "an ar bel bor cas dor el fen gar hal ir jun kal",
  "lor mar nor ol pen qui ros sal tor ul ven wes yor zan",
].flatMap((line) => line.split(" "));
const endings = ["burg", "stad", "ville", "ton", "ão", "pur", "abad", "dorf", "mouth", "haven"];
const details = [
  "measured every minute by calibrated sensors and checked by the operator",
  "as it comes from the vehicles of the whole fleet with stop and line",
  "raw readings with quality flags and the time of the device",
  "averaged over ten seconds and published with position and altitude",
  "from the control system with status and alarms",
];
const currencies = ["EUR", "USD", "GBP", "KES"];

export interface City {
  readonly name: string;
  readonly lat: number;
  readonly lon: number;
}

export type Random = () => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** By rank: the first has as many as the next two together. */
export function ranked<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(from.length ** random()) - 1] ?? from[0]!;
}

export function citiesFrom(random: Random, count: number): City[] {
  return Array.from({ length: count }, () => ({
    name: capital(pick(random, syllables) + pick(random, syllables) + pick(random, endings)),
    lat: Math.round((random() * 120 - 50) * 1e4) / 1e4,
    lon: Math.round((random() * 360 - 180) * 1e4) / 1e4,
  }));
}

export function* productsFrom(
  random: Random,
  cities: readonly City[],
  count: number,
  now: number,
): Generator<SearchEntry> {
  for (let n = 0; n < count; n++) {
    const city = ranked(random, cities);
    const [what, unit, sector, keywords] = pick(random, quantities);
    const street = capital(
      pick(random, syllables) + pick(random, syllables) + pick(random, syllables),
    );
    const model = `${pick(random, syllables).toUpperCase()}-${Math.floor(random() * 5000)}`;
    const title = `${what} ${city.name} ${street}`;
    const free = random() < 0.3;
    const price = {
      amount: free ? "0" : (10 ** (random() * 5 - 5)).toFixed(6),
      currency: pick(random, currencies),
      perMessages: pick(random, [1, 1, 10, 1000]),
    };
    const delivery = random() < 0.6 ? "logged" : "live";
    const description = `${what} in ${city.name}, ${pick(random, details)}, sensor ${model}.`;
    const place = {
      lat: city.lat + (random() - 0.5) * 0.3,
      lon: Math.max(-180, Math.min(180, city.lon + (random() - 0.5) * 0.3)),
    };
    const id = `p${n}`;
    yield {
      offer: `${id}:abcdefghijkl`,
      title,
      text: `${id} ${keywords} ${sector} ${description}`,
      sector,
      delivery,
      units: [unit],
      place,
      price,
      ...(random() < 0.9 && { lastAt: Math.floor(now - 10 ** (random() * 5) * 1000) }),
      weight: random(),
      digest: id,
      doc: { product: id, title, description, sector, keywords, price, place, delivery },
    };
  }
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
