/** The worked examples of FAO Irrigation and Drainage Paper 56. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { referenceEvapotranspiration, windAtTwoMetres } from "./evapotranspiration.ts";

function near(actual: number, expected: number, within: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= within, `${what}: ${actual}, the paper has ${expected}`);
}

test("evapotranspiration - example 18: Uccle on the 6th of July", () => {
  const windSpeed = windAtTwoMetres(10 / 3.6, 10);
  near(windSpeed, 2.078, 0.001, "wind");
  const weather = {
    ...{ temperatureMin: 12.3, temperatureMax: 21.5, windSpeed },
    ...{ humidity: { max: 84, min: 63 }, sun: { sunshineHours: 9.25 } },
  };
  const site = { latitude: 50.8, elevation: 100 };
  const day = referenceEvapotranspiration(weather, site, 187);
  near(day.es, 1.997, 0.001, "es");
  near(day.ea, 1.409, 0.001, "ea");
  near(day.ra, 41.09, 0.02, "Ra");
  near(day.rs, 22.07, 0.02, "Rs");
  near(day.rns, 17.0, 0.02, "Rns");
  near(day.rnl, 3.71, 0.02, "Rnl");
  near(day.rn, 13.28, 0.02, "Rn");
  near(day.et0, 3.88, 0.01, "ET0");
});

test("evapotranspiration - example 17: Bangkok in April, with the soil's heat", () => {
  const weather = {
    ...{ temperatureMin: 25.6, temperatureMax: 34.8, windSpeed: 2 },
    ...{ humidity: { vapourPressure: 2.85 }, sun: { sunshineHours: 8.5 } },
  };
  const month = referenceEvapotranspiration(weather, { latitude: 13.73, elevation: 2 }, 105, 0.14);
  near(month.ra, 38.06, 0.02, "Ra");
  near(month.rs, 22.65, 0.02, "Rs");
  near(month.rnl, 3.11, 0.02, "Rnl");
  near(month.rn, 14.33, 0.02, "Rn");
  near(month.et0, 5.72, 0.01, "ET0");
});

test("evapotranspiration - example 8: radiation above the air, 20° south on the 3rd of September", () => {
  const weather = {
    ...{ temperatureMin: 19, temperatureMax: 25, windSpeed: 2 },
    ...{ humidity: { mean: 60 }, sun: { radiation: 20 } },
  };
  const { ra } = referenceEvapotranspiration(weather, { latitude: -20, elevation: 0 }, 246);
  near(ra, 32.2, 0.05, "Ra");
});

test("evapotranspiration - where the sun does not rise there is none by it, and no number breaks", () => {
  const weather = {
    ...{ temperatureMin: -25, temperatureMax: -20, windSpeed: 0 },
    ...{ humidity: { mean: 80 }, sun: { sunshineHours: 0 } },
  };
  const { ra, et0 } = referenceEvapotranspiration(weather, { latitude: 80, elevation: 0 }, 355);
  assert.deepEqual([ra, et0], [0, 0]);
});
