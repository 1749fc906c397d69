import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createActor } from "./actors/cast.ts";
import { parseWorld } from "./config.ts";
import { buildRoads } from "./simulators/roads.ts";

const yaml = readFileSync(new URL("world.yaml", import.meta.url), "utf8");

test("world file - describes five nations, and every sector buys and sells", () => {
  const world = parseWorld(yaml, "world.yaml");
  assert.deepEqual(
    world.nodes.map(({ country, currency }) => `${country} ${currency}`),
    ["NL EUR", "KE KES", "CL CLP", "JP JPY", "CN CNY"],
  );
  for (const { name } of world.nodes) {
    assert.ok(
      world.agreements.some(({ provider }) => provider === name),
      `${name} sells`,
    );
    assert.ok(
      world.agreements.some(({ consumer }) => consumer === name),
      `${name} buys`,
    );
  }
});

test("world file - has at least six agreements, two logged products and one with chosen fields", () => {
  const world = parseWorld(yaml, "world.yaml");
  const products = world.nodes.flatMap(({ products }) => products);
  assert.ok(world.agreements.length >= 6);
  assert.ok(products.filter(({ delivery }) => delivery === "logged").length >= 2);
  assert.ok(products.some(({ fields }) => fields !== undefined));
});

test("world file - every actor it names can act, and every stop is a junction with a street", () => {
  const world = parseWorld(yaml, "world.yaml");
  const roads = buildRoads(world.roads);
  for (const { actor, settings } of world.agreements) createActor(actor, settings, roads);
  for (const { devices } of world.nodes) {
    if (devices.kind !== "transit") continue;
    for (const { line, stops } of devices.lines) {
      stops.slice(1).forEach((stop, index) => {
        assert.ok(roads.segments.has(`${stops[index]}-${stop}`), `line ${line}: ${stop}`);
      });
    }
  }
});

test("world file - what is wrong is named", () => {
  const spoilt = (from: string, to: string) => () => parseWorld(yaml.replace(from, to), "w.yaml");
  assert.throws(spoilt("currency: KES", "currency: shilling"), /nodes\/1/);
  assert.throws(spoilt("product: solar-now\n    actor", "product: moon\n    actor"), /moon/);
  assert.throws(spoilt("consumer: farm", "consumer: nobody"), /nobody/);
  assert.throws(spoilt("seed: 2026", "sead: 2026"), { code: "CONFIG_INVALID" });
  assert.throws(() => parseWorld("a: [", "w.yaml"), { code: "CONFIG_INVALID" });
});
