/**
 * What the tests of energy compute by themselves. The sun by Spencer's series (1971) with the
 * equation of time, where the product takes the Astronomical Almanac's; all over whole arrays.
 */
const radians = Math.PI / 180;
const hourMs = 3_600_000;

/** One row of a recording; kilowatts in the messages, watts here. */
export interface OracleRow {
  readonly at: number;
  readonly watts: number;
  readonly poa?: number;
}

export interface OraclePlant {
  readonly latitude: number;
  readonly longitude: number;
  readonly tilt: number;
  readonly azimuth: number;
}

/** W/m² on the panels under Haurwitz's sky, parted by Erbs, on an even sky and ground. */
export function clearSkyOnPanels(at: number, plant: OraclePlant): number {
  const midnight = Date.UTC(new Date(at).getUTCFullYear(), 0, 1);
  const g = (2 * Math.PI * (at - midnight)) / (365.2425 * 24 * hourMs);
  const declination =
    0.006918 -
    0.399912 * Math.cos(g) +
    0.070257 * Math.sin(g) -
    0.006758 * Math.cos(2 * g) +
    0.000907 * Math.sin(2 * g) -
    0.002697 * Math.cos(3 * g) +
    0.00148 * Math.sin(3 * g);
  const equationMinutes =
    229.18 *
    (0.000075 +
      0.001868 * Math.cos(g) -
      0.032077 * Math.sin(g) -
      0.014615 * Math.cos(2 * g) -
      0.040849 * Math.sin(2 * g));
  const solarHours =
    ((at % (24 * hourMs)) / hourMs + plant.longitude / 15 + equationMinutes / 60) % 24;
  const angle = (solarHours - 12) * 15 * radians;
  const phi = plant.latitude * radians;
  // the sun as a vector: east, north, up
  const east = -Math.cos(declination) * Math.sin(angle);
  const north =
    Math.sin(declination) * Math.cos(phi) - Math.cos(declination) * Math.cos(angle) * Math.sin(phi);
  const up =
    Math.sin(declination) * Math.sin(phi) + Math.cos(declination) * Math.cos(angle) * Math.cos(phi);
  if (up <= 0) return 0;
  const global = 1098 * up * Math.exp(-0.057 / up);
  const distance = 1.00011 + 0.034221 * Math.cos(g) + 0.00128 * Math.sin(g);
  const kt = Math.min(1, global / (1361 * distance * up));
  const share =
    kt <= 0.22
      ? 1 - 0.09 * kt
      : kt > 0.8
        ? 0.165
        : 0.9511 - 0.1604 * kt + 4.388 * kt ** 2 - 16.638 * kt ** 3 + 12.336 * kt ** 4;
  const diffuse = global * share;
  const beam = (global - diffuse) / up;
  const [t, a] = [plant.tilt * radians, plant.azimuth * radians];
  const normal = [Math.sin(t) * Math.sin(a), Math.sin(t) * Math.cos(a), Math.cos(t)] as const;
  const cosine = Math.max(0, east * normal[0] + north * normal[1] + up * normal[2]);
  const seen = (1 + Math.cos(t)) / 2;
  return beam * cosine + diffuse * seen + global * 0.2 * (1 - seen);
}

/** Watts forecast from the first `known` rows for the time `at`, by the formula that is told. */
export function pvForecastBy(rows: readonly OracleRow[], sky: readonly number[], ahead: number) {
  let usual: number | undefined;
  return (known: number, clear: number): number | undefined => {
    const row = rows[known - 1]!;
    const light = sky[known - 1]!;
    const measured = Math.max(0, row.watts);
    if (light >= 50) {
      usual ??= measured / light;
      usual += ((measured / light - usual) * light) / 200_000;
    }
    if (clear <= 0) return 0;
    if (usual === undefined) return undefined;
    const lately = rows
      .slice(Math.max(0, known - 5), known)
      .map((one, index, all) => ({ ...one, light: sky[known - all.length + index]! }))
      .filter((one) => one.at > row.at - hourMs && one.light >= 50);
    if (lately.length === 0) return usual * clear;
    const energy = lately.reduce((sum, one) => sum + Math.max(0, one.watts), 0);
    const now = energy / lately.reduce((sum, one) => sum + one.light, 0);
    const age = row.at + ahead - lately.at(-1)!.at;
    return clear * (usual + (now - usual) * Math.exp(-age / (6 * hourMs)));
  };
}

/** Forecast, error and persistence over all rows, for one horizon. */
export function pvBacktest(rows: readonly OracleRow[], plant: OraclePlant, ahead: number) {
  const sky = rows.map(({ at }) => clearSkyOnPanels(at, plant));
  const forecast = pvForecastBy(rows, sky, ahead);
  const wattsAt = new Map(rows.map(({ at, watts }) => [at, watts]));
  const [errors, stays]: [number[], number[]] = [[], []];
  let last: number | undefined;
  for (const [index, { at, watts }] of rows.entries()) {
    last = forecast(index + 1, clearSkyOnPanels(at + ahead, plant));
    const then = wattsAt.get(at + ahead);
    if (then === undefined || last === undefined) continue;
    errors.push(Math.abs(last - then));
    stays.push(Math.abs(watts - then));
  }
  return { power: last, error: mean(errors), persistence: mean(stays), due: errors.length };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
