import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import { airTemperature, clearSky, irradiance, stepSky } from "./sky.ts";

const at = (altitude: number) => ({ altitude, azimuth: 0, distance: 1 });

test("sky - clear light is nought by night and about 1,037 W/m² below an overhead sun", () => {
  assert.equal(clearSky(at(-5)), 0);
  assert.ok(Math.abs(clearSky(at(90)) - 1098 * Math.exp(-0.057)) < 1e-6);
  assert.ok(clearSky(at(30)) < clearSky(at(60)));
});

test("sky - direct and diffuse light add up to the global light", () => {
  for (const cover of [0, 0.4, 0.9]) {
    for (const altitude of [10, 35, 80]) {
      const light = irradiance(at(altitude), { cover, mood: 0 });
      const level = light.beam * Math.sin((altitude * Math.PI) / 180) + light.diffuse;
      assert.ok(Math.abs(level - light.global) < 1e-6 * light.global);
    }
  }
});

test("sky - a full cover leaves a quarter of the light, nearly all of it diffuse", () => {
  const sun = at(60);
  const grey = irradiance(sun, { cover: 1, mood: 0 });
  assert.ok(Math.abs(grey.global / clearSky(sun) - 0.25) < 1e-9);
  assert.ok(grey.diffuse / grey.global > 0.9);
});

test("sky - clouds wander round their usual cover", () => {
  const random = seededRandom(3);
  let sky = { cover: 0.3, mood: 0 };
  let sum = 0;
  for (let i = 0; i < 5000; i++) {
    sky = stepSky(sky, 3600, 0.3, random);
    assert.ok(sky.cover >= 0 && sky.cover <= 1);
    sum += sky.cover;
  }
  assert.ok(Math.abs(sum / 5000 - 0.31) < 0.05, `${sum / 5000}`);
});

test("sky - the air is warmest in the afternoon", () => {
  assert.equal(airTemperature(14.5, 20, 10), 25);
  assert.equal(airTemperature(2.5, 20, 10), 15);
});
