/** A ward's vitals at another organisation: medians of five people or more, of fewer nothing. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { bundleOf, type Minute, minutesOf, observationsOf, skip } from "./health-data.ts";

/** People on each ward, each a quarter of an hour of the recorded monitor. */
const wards = { large: 6, small: 4 };
const columns = { "8867-4": "HR_bpm", "9279-1": "RESP_pm", "59408-5": "SpO2_pct" } as const;

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

/** The last number of a column; 0 is a sensor that is not connected. */
function latestOf(minutes: readonly Minute[], column: string): number | undefined {
  return minutes.map(({ cells }) => cells[column]).findLast((value) => (value ?? 0) >= 1);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!];
  return (low + high) / 2;
}

test(
  "health - a ward's medians are those of its people, and of four nothing is said",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("health");
    await nodes.share({
      ...{ id: "wards", title: "Two wards", topics: ["ward/#"], sector: "health" },
      ...template.product,
      terms: template.terms,
    });
    const filters = ["from/provider/wards/#"];
    await consumer.http.addIndicator({ kind: "ward-vitals", filters });
    const recording = minutesOf("s00001");
    const gateway = await nodes.mqtt("provider");
    const people = new Map<string, Minute[][]>();
    let published = 0;
    // the small ward first: what is said of the large one comes after all of it
    for (const ward of ["small", "large"] as const) {
      await provider.http.addSource({
        ...{ id: ward, kind: "fhir", topic: `ward/${ward}` },
        from: { way: "topic", address: `gateway/${ward}` },
      });
      const windows = Array.from({ length: wards[ward] }, (_, i) =>
        recording.slice(900 + 60 * i, 915 + 60 * i),
      );
      people.set(ward, windows);
      for (const [i, window] of windows.entries()) {
        const observations = window.flatMap((row) => observationsOf(row, `Patient/${ward}-${i}`));
        published += observations.length;
        await gateway.publish(`gateway/${ward}`, JSON.stringify(bundleOf(observations)), {
          qos: 1,
        });
      }
    }
    await until("all of them arrived", async () => {
      const [indicator] = await consumer.http.indicators();
      return indicator?.messages === published;
    });
    const figures = () => consumer.http.figures("ward-vitals");
    await until("the ward is told", async () => (await figures()).length > 0, 15_000);
    const told = new Map((await figures()).map((figure) => [figure.key, figure]));
    for (const [loinc, column] of Object.entries(columns)) {
      const values = people.get("large")!.flatMap((window) => latestOf(window, column) ?? []);
      assert.equal(values.length, wards.large, `${column} of everybody`);
      const figure = told.get(`from/provider/wards/ward/large/${loinc}`);
      const median = medianOf(values);
      // told to a tenth
      assert.ok(Math.abs(Number(figure?.value) - median) <= 0.0501, `${column}: ${median}`);
      assert.equal(figure?.["subjectsAtLeast"], 5);
    }
    assert.deepEqual(
      [...told.keys()].filter((key) => key.includes("small")),
      [],
    );
  },
);
