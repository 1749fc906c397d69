import assert from "node:assert/strict";
import { test } from "node:test";
import { measureWarnings } from "./measure-warnings.ts";

test("measure warnings - a unit that is none, or of something else, is told; others are not", () => {
  const properties = {
    room: { type: "number", "@type": "saref:Temperature", unit: "C" },
    floor: { type: "number", "@type": "saref:Temperature", unit: "°C" },
    sky: { type: "number", "@type": ["iot:Temperature"], unit: "Celcius" },
    odd: { type: "number", unit: "complicatedTemperatureUnit" },
    free: { type: "number", "@type": "iot:SomeKindOfAngle", unit: "K" },
    air: {
      type: "object",
      properties: { wet: { type: "number", "@type": "saref:Humidity", unit: "CEL" } },
    },
  };
  const actions = { heat: { input: { type: "number", unit: "degrees of comfort" }, forms: [{}] } };
  const events = { hot: { data: { "@type": "iot:Temperature", unit: "Cel" } } };
  assert.deepEqual(measureWarnings({ properties, actions, events }), [
    'properties.room.unit "C" is none of temperature, which is told in units such as Cel',
    'properties.sky.unit "Celcius" is none that is known; temperature is told in units such as Cel',
    'properties.odd.unit "complicatedTemperatureUnit" is none that is known',
    'properties.air.properties.wet.unit "CEL" (Cel in UCUM) is none of humidity, ' +
      "which is told in units such as % or g/m3",
    'actions.heat.input.unit "degrees of comfort" is none that is known',
  ]);
});

test("measure warnings - a Description of nothing, or of very much, is no trouble", () => {
  assert.deepEqual(measureWarnings({}), []);
  assert.deepEqual(measureWarnings({ properties: [null, 3] }), []);
  const many = Array.from({ length: 500 }, (_, i) => [`p${i}`, { unit: `none ${i}` }]);
  assert.equal(measureWarnings({ properties: Object.fromEntries(many) }).length, 20);
});
