import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../kernel/clock.ts";
import { matches } from "../../kernel/topic.ts";
import { sectors } from "../../sectors/list.ts";
import type { Indicator, Sector, SourceReader } from "../../sectors/sector.ts";
import { type Actor, timeIn } from "../actors/actor.ts";
import { createActor } from "../actors/cast.ts";
import { type AgreementConfig, loadWorld, type NodeConfig } from "../config.ts";
import { startSimClock } from "../sim-clock.ts";
import { buildRoads } from "../simulators/roads.ts";
import type { Device, Emission } from "./device.ts";
import { surroundings } from "./device.ts";
import { devicesOf } from "./fleet.ts";

const world = loadWorld(new URL("../world.yaml", import.meta.url));
const roads = buildRoads(world.roads);

type Data = Readonly<Record<string, unknown>>;

/** A message as it stands on a node, in JSON. */
interface Said {
  readonly topic: string;
  readonly data: Data;
}

interface Work {
  /** What a node's sources and indicators make of one message, itself included. */
  take(topic: string, payload: Uint8Array): Said[];
  /** What indicators say from time to time. */
  beat(): Said[];
}

/** The sectors' machines of one node, which are pure: no store, socket or timer is needed. */
async function workOf(config: NodeConfig, clock: Clock): Promise<Work> {
  const said: Said[] = [];
  const sources: { from: string; topic: string; reader: SourceReader }[] = [];
  for (const { kind, from, topic } of config.sources) {
    const made = sectors.find(({ sources: kinds }) => kind in kinds)!.sources[kind]!;
    const pseudonym = (name: string): string => `p-${name.replace("/", "-")}`;
    const reader = await made.open({ clock, id: topic, pseudonym });
    sources.push({ from, topic, reader });
  }
  const indicators = config.indicators.map(({ kind, filters }) => {
    const sector = sectors.find(({ indicators: kinds }) => kind in kinds)!;
    const machine: Indicator = sector.indicators[kind]!.open({
      ...{ clock, settings: {} },
      publish: (key, figure) => {
        const topic = `indicators/${sector.name}/${kind}/${key}`;
        said.push({ topic, data: { indicator: kind, key, ...figure } });
      },
      fault: ({ code, text }) => faults.push(`${config.name} ${kind} ${code}: ${text}`),
    });
    return { filters, machine };
  });
  function take(topic: string, payload: Uint8Array): Said[] {
    const made = sources.filter(({ from }) => matches(from, topic));
    if (made.length === 0) return taken(topic, payload);
    return made.flatMap((source) => {
      const { messages, faults: found } = source.reader.read({ bytes: payload, from: topic });
      faults.push(
        ...found.map(({ code, text }) => `${config.name} ${source.topic} ${code}: ${text}`),
      );
      return messages.flatMap((one) =>
        taken(`${source.topic}/${one.topic}`, Buffer.from(JSON.stringify(one.payload))),
      );
    });
  }
  function taken(topic: string, payload: Uint8Array): Said[] {
    for (const { filters, machine } of indicators) {
      if (filters.some((filter) => matches(filter, topic))) machine.take({ topic, payload });
    }
    const data = JSON.parse(Buffer.from(payload).toString("utf8")) as Data;
    return [{ topic, data }, ...said.splice(0)];
  }
  function beat(): Said[] {
    for (const { machine } of indicators) machine.beat?.();
    return said.splice(0);
  }
  return { take, beat };
}

/** Of all sources and indicators. */
const faults: string[] = [];

/** A whole world without nodes: devices, sectors and actors joined by hand, in made-up time. */
async function play(seconds: number): Promise<{
  sent: Map<string, Emission[]>;
  said: Map<string, Said[]>;
  effects: Map<string, number>;
}> {
  let now = 0;
  const clock: Clock = { now: () => 1_800_000_000_000 + now, monotonic: () => now };
  const { sun, traffic } = world.clocks;
  const around = surroundings({
    clock,
    roads,
    seed: world.seed,
    incidentsPerHour: world.incidentsPerHour,
    sun: startSimClock(clock, sun.pace, Date.parse(sun.startAt ?? "")),
    traffic: startSimClock(clock, traffic.pace, Date.parse(traffic.startAt ?? "")),
  });
  const fleets = new Map(world.nodes.map((node) => [node.name, devicesOf(node, around)]));
  const works = new Map<string, Work>();
  for (const node of world.nodes) works.set(node.name, await workOf(node, clock));
  const cast = world.agreements.map((agreement) => {
    const seller = world.nodes.find(({ name }) => name === agreement.provider);
    const product = seller?.products.find(({ id }) => id === agreement.product);
    const actor = createActor(agreement.actor, agreement.settings, roads);
    return { agreement, actor, topics: product?.topics ?? [] };
  });
  const sent = new Map<string, Emission[]>();
  const said = new Map<string, Said[]>(world.nodes.map(({ name }) => [name, []]));
  const obey = (fleet: readonly Device[], topic: string, data: Data): void => {
    for (const { obeys } of fleet) if (obeys?.filter === topic) obeys.command(data);
  };
  const act = (agreement: AgreementConfig, actor: Actor, bought: boolean, one: Said): void => {
    for (const { topic, data } of actor.hear({ bought, ...one })) {
      obey(fleets.get(agreement.consumer) ?? [], topic, data);
    }
  };
  const hear = (node: string, { topic, data }: Said): void => {
    said.get(node)!.push({ topic, data });
    for (const { agreement, actor, topics } of cast) {
      const { provider, consumer, product } = agreement;
      if (consumer === node && actor.own.some((filter) => matches(filter, topic))) {
        act(agreement, actor, false, { topic, data });
      }
      if (provider !== node || !topics.some((filter) => matches(filter, topic))) continue;
      act(agreement, actor, true, { topic, data });
      // as it stands on the consumer's node, where its indicators hear it
      const delivered = `from/${provider}/${product}/${topic}`;
      const payload = Buffer.from(JSON.stringify(data));
      const [, ...told] = works.get(consumer)!.take(delivered, payload);
      for (const one of told) hear(consumer, one);
    }
  };
  for (; now < seconds * 1000; now += 50) {
    for (const [node, fleet] of fleets) {
      for (const device of fleet.filter(({ everyMs }) => now % everyMs === 0)) {
        for (const emission of device.tick()) {
          const list = sent.get(device.name) ?? [];
          list.push(emission);
          sent.set(device.name, list);
          const { data, topic, becomes = [topic] } = emission;
          const bytes = data instanceof Uint8Array ? data : Buffer.from(JSON.stringify(data));
          const made = works.get(node)!.take(topic, bytes);
          const messages = made.filter((one) => !one.topic.startsWith("indicators/"));
          const topics = messages.map((one) => one.topic);
          assert.equal(topics.length, becomes.length, `${topic} becomes ${becomes.join()}`);
          for (const [index, one] of topics.toSorted().entries()) {
            assert.ok(matches(becomes.toSorted()[index]!, one), `${topic} becomes ${one}`);
          }
          for (const one of made) hear(node, one);
        }
      }
      if (now % 5000 === 0) for (const one of works.get(node)!.beat()) hear(node, one);
    }
  }
  const effects = new Map(
    cast.map(({ agreement, actor }) => [agreement.actor, actor.outcome().value]),
  );
  return { sent, said, effects };
}

const short = await play(15);
const minutes = play(90);
/** A whole day of the sun. */
const day = play(150);

/** All that stood on the nodes, bought streams aside. */
const standing = [...short.said].flatMap(([node, all]) => all.map((one) => ({ node, ...one })));

/** Descriptions of devices, which have no time. */
const descriptions = new Set(
  [...short.sent.values()].flatMap((all) => all.flatMap((one) => (one.retain ? one.topic : []))),
);

test("devices - each speaks, and every product has messages with a time", () => {
  for (const [name, emissions] of short.sent) {
    assert.ok(emissions.length >= 14, `${name} spoke ${emissions.length} times`);
  }
  for (const { name, products } of world.nodes) {
    for (const { id, topics, clock } of products) {
      const messages = standing.filter(
        ({ node, topic }) => node === name && topics.some((filter) => matches(filter, topic)),
      );
      assert.ok(messages.length > 0, `nothing is sent for ${id}`);
      for (const { topic, data } of messages) {
        if (descriptions.has(topic)) continue;
        if (clock === undefined) assert.equal(typeof data["time"], "string", topic);
        else assert.ok(timeIn(data) !== undefined, topic);
      }
    }
  }
});

test("devices - say nothing but finite numbers, with honest stamps", () => {
  for (const { topic, data } of standing) {
    const { time } = data;
    if (typeof time === "string") {
      assert.ok(Math.abs(Date.parse(time) - 1_800_000_000_000) <= 15_000, `${topic}: ${time}`);
    }
    for (const value of Object.values(data)) {
      if (typeof value === "number") assert.ok(Number.isFinite(value), `${topic}: ${value}`);
    }
  }
});

/** What a message lacks of a sector's model of it, in words. */
function modelProblems(sector: Sector, type: string, data: Data): string[] {
  const model = sector.vocabulary.messages[type];
  if (model === undefined) return [];
  const missing = model.required.filter((member) => !(member in data));
  const wrong = Object.entries(model.members).flatMap(([member, { type: kind, ...limits }]) => {
    const value = data[member];
    if (value === undefined) return [];
    const isOfKind = kind === "array" ? Array.isArray(value) : typeof value === kind;
    const { minimum = -Infinity, maximum = Infinity } = limits;
    const isWithin = typeof value !== "number" || (value >= minimum && value <= maximum);
    return isOfKind && isWithin ? [] : [`${member} is ${JSON.stringify(value)}`];
  });
  return [...missing.map((member) => `no ${member}`), ...wrong];
}

test("devices - what stands in a sector's model has what it requires, within its bounds", () => {
  const met = new Set<string>();
  for (const { topic, data } of standing) {
    const type = data["type"] ?? data["resourceType"];
    if (typeof type !== "string") continue;
    for (const sector of sectors.filter(({ vocabulary }) => type in vocabulary.messages)) {
      met.add(`${sector.name} ${type}`);
      assert.deepEqual(modelProblems(sector, type, data), [], `${sector.name}: ${topic}`);
    }
  }
  for (const name of ["transport", "agriculture", "energy", "health", "industry"]) {
    assert.ok(
      [...met].some((one) => one.startsWith(`${name} `)),
      `nothing of ${name} in ${[...met].join(", ")}`,
    );
  }
});

test("devices - sources and indicators find no fault with what they hear", () => {
  assert.deepEqual([...new Set(faults)], []);
});

test("devices - number their messages without a gap, topic by topic", () => {
  for (const wanted of ["grid/carbon", "pumps/plan", "weather/now"]) {
    const seqs = standing.filter(({ topic }) => topic === wanted).map(({ data }) => data["seq"]);
    assert.ok(seqs.length > 0, wanted);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => i + 1),
      wanted,
    );
  }
});

test("devices - the fields an agreement names are in the messages it covers", () => {
  for (const { name, products } of world.nodes) {
    for (const { topics, fields = [] } of products) {
      const message = standing.find((one) => one.node === name && matches(topics[0]!, one.topic));
      for (const field of fields) assert.ok(field in (message?.data ?? {}), field);
    }
  }
});

test("indicators - each that the world file names tells a figure", async () => {
  const { said } = await day;
  for (const { name, indicators } of world.nodes) {
    for (const { kind } of indicators) {
      const told = said.get(name)!.filter(({ data }) => data["indicator"] === kind);
      const figures = told.filter(({ data }) => typeof data["value"] === "number");
      assert.ok(figures.length > 0, `${name}: ${kind} (${told.length} without a value)`);
    }
  }
});

test("actors - most effects can be seen within fifteen seconds, all of them within ninety", async () => {
  const seen = [...short.effects].filter(([, value]) => value > 0);
  assert.ok(seen.length >= 6, JSON.stringify([...short.effects]));
  for (const [actor, value] of (await minutes).effects) {
    // this machine is real, and may be as busy as it can be
    assert.ok(actor === "reserve" ? value >= 0 : value > 0, `${actor}: ${value}`);
  }
});

test("world - the same seed gives the same world", async () => {
  const [first, again] = [await play(3), await play(3)].map(({ sent }) =>
    [...sent].filter(([name]) => name !== "this-machine"),
  );
  assert.deepEqual(first, again);
});
