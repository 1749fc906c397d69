import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault, Figure } from "../sector.ts";
import { AirQualityIndicator } from "./aqi-indicator.ts";

function followed() {
  const figures = new Map<string, Figure>();
  const faults: Fault[] = [];
  const indicator = new AirQualityIndicator({
    clock: { now: () => 0, monotonic: () => 0 },
    settings: {},
    publish: (key, figure) => void figures.set(key, figure),
    fault: (fault) => void faults.push(fault),
  });
  const say = (hour: number, members: object): void => {
    const message = {
      ...{ type: "AirQualityObserved", id: "urn:ngsi-ld:AirQualityObserved:station" },
      dateObserved: new Date(Date.UTC(2026, 10, 20, hour, 30)).toISOString(),
      location: { type: "Point", coordinates: [9.2, 48.8] },
      ...members,
    };
    indicator.take({ topic: "air", payload: Buffer.from(JSON.stringify(message)) });
  };
  return { figures, faults, say };
}

test("aqi - a station's ozone counts where it is the worst, over eight hours", () => {
  const { figures, faults, say } = followed();
  // 153.2 µg/m³ are 0.078 ppm: 126; PM2.5 of 5 µg/m³ is 28
  for (let hour = 0; hour <= 8; hour++) say(hour, { o3: 153.2, pm25: 5 });
  assert.deepEqual(figures.get("station"), {
    ...{ value: 126, category: "Unhealthy for Sensitive Groups", pollutant: "o3" },
    ...{ nowCast: { pm25: 5 }, ozone: 0.078, hourEnded: "2026-11-20T08:00:00.000Z" },
  });
  assert.deepEqual(faults, []);
});

test("aqi - a room has none, an hour that is over is a fault, and silence takes the figure away", () => {
  const { figures, faults, say } = followed();
  for (let hour = 0; hour <= 3; hour++) say(hour, { pm10: 900, typeofLocation: "indoor" });
  assert.equal(figures.size, 0);
  for (let hour = 0; hour <= 3; hour++) say(hour, { pm10: 20 });
  assert.equal(figures.get("station")?.value, 19);
  say(1, { pm10: 20 });
  say(2, { pm10: 20, dateObserved: "yesterday" });
  assert.deepEqual(
    faults.map(({ code }) => code),
    ["order", "member"],
  );
  say(9, { pm10: 20 });
  assert.equal(figures.get("station")?.value, null);
});
