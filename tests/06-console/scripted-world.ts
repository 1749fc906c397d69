/**
 * A world that follows a script, for the page's own tests: five nations, eight agreements,
 * numbers that grow with time. The page that is tested asks it over real HTTP.
 */
import type { World, WorldAgreement, WorldNode } from "../../src/client/world.ts";

type Thing = WorldNode["things"][number];
type Happening = World["happenings"][number];

const DIDS = {
  transit: "did:web:localhost%3A8080",
  farm: "did:web:localhost%3A8081",
  grid: "did:web:localhost%3A8082",
  hospital: "did:web:localhost%3A8083",
  factory: "did:web:localhost%3A8084",
};

const NODES: readonly [keyof typeof DIDS, string, string, string, number, number, string][] = [
  ["transit", "Rotterdam Transit", "NL", "EUR", 51.92, 4.48, "Rotterdam"],
  ["farm", "Nakuru Farm Co-operative", "KE", "KES", -0.3, 36.08, "Nakuru"],
  ["grid", "Atacama Grid", "CL", "CLP", -23.65, -70.4, "Antofagasta"],
  ["hospital", "Sendai City Hospital", "JP", "JPY", 38.27, 140.87, "Sendai"],
  ["factory", "Suzhou Pump Works", "CN", "CNY", 31.3, 120.58, "Suzhou"],
];

interface Script {
  readonly id: string;
  readonly from: keyof typeof DIDS;
  readonly to: keyof typeof DIDS;
  readonly title: string;
  readonly sector: string;
  readonly rate: number;
  readonly price: string;
  readonly currency: string;
  readonly effect?: readonly [number, string, string];
}

const SCRIPT: readonly Script[] = [
  {
    id: "urn:uuid:a1",
    from: "grid",
    to: "farm",
    title: "Solar output and surplus",
    sector: "energy",
    rate: 4,
    price: "0.9",
    currency: "CLP",
    effect: [41.27, "kWh", "of pumping moved to hours with spare sun."],
  },
  {
    id: "urn:uuid:a2",
    from: "grid",
    to: "factory",
    title: "Carbon intensity of the grid",
    sector: "energy",
    rate: 1,
    price: "1.2",
    currency: "CLP",
    effect: [18.6, "kg CO₂", "avoided by running test beds when the grid is clean."],
  },
  {
    id: "urn:uuid:a3",
    from: "transit",
    to: "hospital",
    title: "Bus speeds by road segment",
    sector: "transport",
    rate: 24,
    price: "0.0004",
    currency: "EUR",
    effect: [37.5, "minutes", "saved by ambulances routed round congestion."],
  },
  {
    id: "urn:uuid:a4",
    from: "transit",
    to: "grid",
    title: "Charge of electric buses",
    sector: "transport",
    rate: 12,
    price: "0.0006",
    currency: "EUR",
    effect: [2.31, "kW", "mean error of tonight's charging forecast."],
  },
  {
    id: "urn:uuid:a5",
    from: "factory",
    to: "farm",
    title: "Pump wear and spare-part alarms",
    sector: "industry",
    rate: 8,
    price: "0.003",
    currency: "CNY",
    effect: [3, "pumps", "serviced before they failed."],
  },
  {
    id: "urn:uuid:a6",
    from: "farm",
    to: "hospital",
    title: "Heat and humidity at field stations",
    sector: "agriculture",
    rate: 0.5,
    price: "0.05",
    currency: "KES",
  },
  {
    id: "urn:uuid:a7",
    from: "hospital",
    to: "transit",
    title: "Ambulance positions",
    sector: "health",
    rate: 3,
    price: "0.2",
    currency: "JPY",
    effect: [212, "signals", "turned green ahead of an ambulance."],
  },
  {
    id: "urn:uuid:a8",
    from: "factory",
    to: "grid",
    title: "Load of the casting line",
    sector: "industry",
    rate: 2,
    price: "0.002",
    currency: "CNY",
    effect: [5.4, "kW", "less reserve kept for the casting line."],
  },
];

export class ScriptedWorld {
  readonly #start = Date.now() - 3_600_000;
  readonly #states = new Map<string, Pick<WorldAgreement, "state" | "link" | "endedReason">>();
  readonly #happenings: Happening[] = [];
  readonly #listeners = new Set<(happening: Happening) => void>();
  readonly agreementIds = SCRIPT.map(({ id }) => id);

  /** A world in which nobody has agreed on anything yet. */
  empty = false;

  tell(kind: string, text: string, agreement?: string): void {
    const happening: Happening = {
      at: Date.now(),
      kind,
      text,
      ...(agreement === undefined ? {} : { agreement }),
    };
    this.#happenings.push(happening);
    for (const listener of this.#listeners) listener(happening);
  }

  listen(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  revoke(id: string): void {
    this.#states.set(id, { state: "ended", link: "ended", endedReason: "revoked" });
  }

  cut(id: string): void {
    this.#states.set(id, { state: "active", link: "down" });
  }

  now(): World {
    const at = Date.now();
    const agreements = this.empty ? [] : SCRIPT.map((script) => this.#agreement(script, at));
    return {
      at,
      self: DIDS.transit,
      nodes: NODES.map((node) => nodeOf(node, at)),
      agreements,
      happenings: this.#happenings.slice(-20),
      totals: totalsOf(agreements),
    };
  }

  #agreement(script: Script, at: number): WorldAgreement {
    const state = this.#states.get(script.id) ?? { state: "active", link: "up" };
    const rate = state.link === "up" ? script.rate * (1 + 0.2 * Math.sin(at / 4000)) : 0;
    const messages = Math.floor((script.rate * (at - this.#start)) / 1000);
    const [value, unit, text] = script.effect ?? [];
    return {
      id: script.id,
      provider: DIDS[script.from],
      consumer: DIDS[script.to],
      product: script.title.toLowerCase().replaceAll(" ", "-"),
      title: script.title,
      sector: script.sector,
      ...state,
      ratePerSecond: rate,
      messages,
      amount: (messages * Number(script.price)).toFixed(6),
      currency: script.currency,
      latencyMs: 3 + script.rate / 4,
      delivery: "logged",
      terms: {
        price: { amount: script.price, currency: script.currency, perMessages: 1 },
        notAfter: "2027-01-01T00:00:00Z",
      },
      ...(value === undefined || text === undefined || unit === undefined
        ? {}
        : { effect: { value, unit, text } }),
    };
  }
}

function nodeOf(
  [name, title, country, currency, lat, lon, place]: (typeof NODES)[number],
  at: number,
): WorldNode {
  return {
    did: DIDS[name],
    name,
    title,
    country,
    currency,
    place: { lat, lon, name: place },
    url: "http://127.0.0.1",
    online: true,
    messagesPerSecond: 20,
    things: Array.from({ length: 9 }, (_, i) => thingOf(i, lat, lon, at)),
  };
}

function thingOf(i: number, lat: number, lon: number, at: number): Thing {
  return {
    id: `sensor-${i}`,
    title: `Sensor ${i + 1}`,
    kind: "sensor",
    place: { lat: lat + 0.05 * Math.cos(i), lon: lon + 0.08 * Math.sin(i * 2) },
    lastAt: at - i * 700,
    last: `${(20 + i * 1.7).toFixed(1)} °C`,
  };
}

function totalsOf(agreements: readonly WorldAgreement[]): World["totals"] {
  const totals = new Map<string, { amount: number; messages: number }>();
  for (const { currency, amount, messages } of agreements) {
    const total = totals.get(currency) ?? { amount: 0, messages: 0 };
    totals.set(currency, {
      amount: total.amount + Number(amount),
      messages: total.messages + messages,
    });
  }
  return [...totals].map(([currency, { amount, messages }]) => ({
    currency,
    amount: amount.toFixed(6),
    messages,
  }));
}
