import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { clearSky, onPanel, sunPosition } from "./sun.ts";

const recorded = new URL(
  "../../../../shared/data/energy/pv-nrel/irradiance_RMIS_NREL.csv",
  import.meta.url,
);
/** The campus in Golden, Colorado. */
const latitude = 39.74;
const longitude = -105.18;

test("sun - at the equinox's noon on the equator it stands overhead, at midnight below", () => {
  const noon = sunPosition(Date.UTC(2026, 2, 20, 12, 7), 0, 0);
  assert.ok(noon.zenith < 0.3, `${noon.zenith}°`);
  const night = sunPosition(Date.UTC(2026, 2, 21, 0, 7), 0, 0);
  assert.ok(night.zenith > 179.5, `${night.zenith}°`);
});

test("sun - it rises in the east, stands in the south at noon and sets in the west", () => {
  const azimuthAt = (hour: number) => sunPosition(Date.UTC(2026, 2, 20, hour, 7), 50, 0).azimuth;
  assert.ok(Math.abs(azimuthAt(6) - 90) < 1);
  assert.ok(Math.abs(azimuthAt(12) - 180) < 1);
  assert.ok(Math.abs(azimuthAt(18) - 270) < 1);
});

test(
  "sun - its height is what another program computed for 1,440 times of a week",
  { skip: existsSync(recorded) ? false : "the recorded data (../shared) is not there" },
  () => {
    const rows = readFileSync(recorded, "utf8").trim().split("\n");
    const column = rows[0]!.split(",").indexOf("pvlib_zenith");
    let worst = 0;
    for (const row of rows.slice(1)) {
      const cells = row.split(",");
      const [, month, day, year, hour, minute] = /^(\d+)\/(\d+)\/(\d+) (\d+):(\d+)/
        .exec(cells[0]!)!
        .map(Number) as [number, number, number, number, number, number];
      const at = Date.UTC(year, month - 1, day, hour + 7, minute); // Mountain standard time
      const { zenith } = sunPosition(at, latitude, longitude);
      worst = Math.max(worst, Math.abs(zenith - Number(cells[column])));
    }
    assert.ok(worst < 0.05, `off by up to ${worst}°`);
  },
);

test("sun - a clear sky is dark at night, and a panel gains by looking at the sun", () => {
  const at = Date.UTC(2026, 5, 21, 19, 0);
  const sun = sunPosition(at, latitude, longitude);
  const light = clearSky(sun, at);
  assert.ok(light.global > 900 && light.global < 1_050, `${light.global} W/m²`);
  const cosine = Math.cos((sun.zenith * Math.PI) / 180);
  assert.ok(Math.abs(light.beam * cosine + light.diffuse - light.global) < 1e-9);
  const level = onPanel(light, sun, { tilt: 0, azimuth: 180 });
  assert.ok(Math.abs(level - light.global) < 1e-9);
  const winter = Date.UTC(2026, 11, 21, 19, 0);
  const low = sunPosition(winter, latitude, longitude);
  const tilted = onPanel(clearSky(low, winter), low, { tilt: 45, azimuth: 180 });
  assert.ok(tilted > 1.4 * clearSky(low, winter).global);
  const night = Date.UTC(2026, 5, 21, 7, 0);
  assert.equal(clearSky(sunPosition(night, latitude, longitude), night).global, 0);
});
