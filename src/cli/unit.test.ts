import assert from "node:assert/strict";
import { test } from "node:test";
import { ucumUnit } from "../wire/units/unit.ts";
import { runCli } from "./program.ts";

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const code = await runCli(args, { stdout: stream, stderr: stream, env: {} });
  return { code, text };
}

test("unit - what a code means is said, with how other lists write it", async () => {
  assert.deepEqual(await run("unit", "show", "KWH"), {
    code: 0,
    text: `KWH is kW.h (UN/CEFACT Recommendation 20).
  1 kW.h = 3600000000 g.m2.s-2
  measures energy
  also written KWH (UN/CEFACT Recommendation 20), kWh (SenML)
`,
  });
  assert.match((await run("unit", "show", "Cel")).text, /^Cel is UCUM\.\n {2}1 Cel = 274\.15 K\n/);
  const shown = JSON.parse((await run("--json", "unit", "show", "unit:DEG_C")).text);
  assert.deepEqual(
    [shown.code, shown.list, shown.measures, shown.codes],
    ["Cel", "name", ["temperature"], [{ list: "rec20", code: "CEL" }]],
  );
});

test("unit - a value is converted, and what cannot be is refused with what is wrong", async () => {
  const cases: readonly [string[], RegExp][] = [
    [["21", "CEL", "[degF]"], /^21 Cel = 69\.8 \[degF\]\n$/],
    [["-40", "°F", "CEL"], /^-40 \[degF\] = -40 Cel\n$/],
    [["30", "dBm", "W"], /^30 dBm = 1 W\n$/],
  ];
  for (const [args, expected] of cases) {
    const { code, text } = await run("unit", "convert", ...args);
    assert.equal(code, 0, text);
    assert.match(text, expected);
  }
  const refused: readonly [string[], RegExp][] = [
    [["21", "Cel", "Pa"], /Cel \(K\) and Pa \(g\.m-1\.s-2\) differ in kind/],
    [["21", "Celcius", "K"], /unit "Celcius" is neither/],
    [["much", "Cel", "K"], /"much" is no number/],
    [["-1", "W", "dBm"], /-1 W is no value in dBm/],
  ];
  for (const [args, expected] of refused) {
    const { code, text } = await run("unit", "convert", ...args);
    assert.equal(code, 1);
    assert.match(text, expected);
  }
});

test("unit - the kinds of quantities are listed with their bounds and names", async () => {
  const { code, text } = await run("unit", "kinds");
  assert.equal(code, 0);
  assert.match(
    text,
    /^KIND +UNIT +LEAST +MOST +NAMES\ntemperature +Cel +-273\.15 +- +temperature airt/,
  );
  assert.match(text, /\nrelative humidity +% +0 +100 +relativehumidity\n/);
  const kinds: { measures: { unit: string }[] }[] = JSON.parse(
    (await run("--json", "unit", "kinds")).text,
  );
  for (const { unit } of kinds.flatMap(({ measures }) => measures)) assert.ok(ucumUnit(unit), unit);
});
