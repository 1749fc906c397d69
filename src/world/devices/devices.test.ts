import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../kernel/clock.ts";
import { matches } from "../../kernel/topic.ts";
import { createActor } from "../actors/cast.ts";
import { loadWorld } from "../config.ts";
import { startSimClock } from "../sim-clock.ts";
import { buildRoads } from "../simulators/roads.ts";
import type { Device, Emission } from "./device.ts";
import { surroundings } from "./device.ts";
import { devicesOf } from "./fleet.ts";

const world = loadWorld(new URL("../world.yaml", import.meta.url));
const roads = buildRoads(world.roads);

/** A whole world without nodes: devices and actors joined by hand, in made-up time. */
function play(seconds: number): {
  sent: Map<string, Emission[]>;
  effects: Map<string, number>;
} {
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
  const cast = world.agreements.map((agreement) => {
    const seller = world.nodes.find(({ name }) => name === agreement.provider);
    const product = seller?.products.find(({ id }) => id === agreement.product);
    const actor = createActor(agreement.actor, agreement.settings, roads);
    return { agreement, actor, topics: product?.topics ?? [] };
  });
  const sent = new Map<string, Emission[]>();
  const obey = (fleet: readonly Device[], topic: string, data: Emission["data"]): void => {
    for (const { obeys } of fleet) if (obeys?.filter === topic) obeys.command(data);
  };
  const hear = (node: string, emission: Emission): void => {
    for (const { agreement, actor, topics } of cast) {
      const bought = agreement.provider === node && topics.some((t) => matches(t, emission.topic));
      const own = agreement.consumer === node && actor.own.some((t) => matches(t, emission.topic));
      if (!bought && !own) continue;
      const data = JSON.parse(JSON.stringify(emission.data)) as Emission["data"];
      for (const command of actor.hear({ bought, topic: emission.topic, data })) {
        obey(fleets.get(agreement.consumer) ?? [], command.topic, command.data);
      }
    }
  };
  for (; now < seconds * 1000; now += 50) {
    for (const [node, fleet] of fleets) {
      for (const device of fleet.filter(({ everyMs }) => now % everyMs === 0)) {
        for (const emission of device.tick()) {
          const list = sent.get(device.name) ?? [];
          list.push(emission);
          sent.set(device.name, list);
          hear(node, emission);
        }
      }
    }
  }
  const effects = new Map(
    cast.map(({ agreement, actor }) => [agreement.actor, actor.outcome().value]),
  );
  return { sent, effects };
}

const short = play(15);

test("devices - each speaks, under its own topics only, in plain JSON with honest stamps", () => {
  for (const node of world.nodes) {
    for (const product of node.products) {
      const some = [...short.sent.values()].flat();
      const topic = product.topics[0] as string;
      assert.ok(
        some.some((e) => matches(topic, e.topic)),
        `nothing is sent for ${product.id}`,
      );
    }
  }
  for (const [name, emissions] of short.sent) {
    assert.ok(emissions.length >= 14, `${name} spoke ${emissions.length} times`);
    for (const { data } of emissions) {
      assert.ok(Math.abs(Date.parse(data["time"] as string) - 1_800_000_000_000) <= 15_000);
      for (const value of Object.values(data)) {
        if (typeof value === "number") assert.ok(Number.isFinite(value), `${name}: ${value}`);
      }
    }
  }
});

test("devices - number their messages without a gap, topic by topic or device by device", () => {
  for (const topic of ["grid/carbon", "pump/pump-2/condition", "pumps/plan", "bed/bed-1/monitor"]) {
    const seqs = [...short.sent.values()]
      .flat()
      .filter((e) => e.topic === topic)
      .map(({ data }) => data["seq"]);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => i + 1),
      topic,
    );
  }
});

test("devices - the fields an agreement names are in the messages it covers", () => {
  for (const { products } of world.nodes) {
    for (const { topics, fields = [] } of products) {
      const emission = [...short.sent.values()].flat().find((e) => matches(topics[0]!, e.topic));
      for (const field of fields) assert.ok(field in (emission?.data ?? {}), field);
    }
  }
});

test("actors - most effects can be seen within fifteen seconds, all of them within ninety", () => {
  const seen = [...short.effects].filter(([, value]) => value > 0);
  assert.ok(seen.length >= 6, JSON.stringify([...short.effects]));
  for (const [actor, value] of play(90).effects) assert.ok(value > 0, `${actor}: ${value}`);
});

test("world - the same seed gives the same world", () => {
  const again = play(3);
  const first = [...play(3).sent].filter(([name]) => name !== "this-machine");
  assert.deepEqual(
    first,
    [...again.sent].filter(([name]) => name !== "this-machine"),
  );
});
