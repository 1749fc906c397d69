/** Recorded vitals of two beds in as FHIR, shared under the template, out as FHIR. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Bundle, Observation } from "fhir/r4.js";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { bundleOf, expectedAt, minutesOf, observationsOf, skip } from "./health-data.ts";

const beds = [
  { record: "s00001", patient: "Patient/4711-0815", from: 900, step: 70 },
  { record: "s25047", patient: "https://ehr.example/fhir/Patient/z", from: 0, step: 9 },
] as const;
const steps = 8;

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

test(
  "health - recorded vitals end to end, and each bed's NEWS2 as the other organisation sees it",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("health");
    await nodes.share({
      id: "icu",
      title: "Vital signs of an intensive care unit",
      topics: ["icu/#"],
      sector: "health",
      ...template.product,
      terms: template.terms,
    });
    await provider.http.addSource({
      kind: "fhir",
      from: { way: "topic", address: "gateway/+" },
      topic: "icu",
    });
    await consumer.http.addIndicator({ kind: "news2", filters: ["from/provider/icu/#"] });
    const gateway = await nodes.mqtt("provider");
    const recordings = beds.map((bed) => ({ ...bed, minutes: minutesOf(bed.record) }));
    let published = 0;
    const seen = new Set<string>();
    for (let step = 0; step < steps; step++) {
      const expected = [];
      for (const bed of recordings) {
        const start = bed.from + step * bed.step;
        const rows = bed.minutes.slice(start, start + bed.step);
        const observations = rows.flatMap((row) => observationsOf(row, bed.patient));
        published += observations.length;
        const bundle = JSON.stringify(bundleOf(observations));
        await gateway.publish(`gateway/${bed.record}`, bundle, { qos: 1 });
        const until = bed.minutes.slice(bed.from, start + bed.step);
        expected.push({ time: rows.at(-1)!.time, ...expectedAt(until) });
      }
      await until("all Observations arrived", async () => {
        const [indicator] = await consumer.http.indicators();
        return indicator?.messages === published;
      });
      const figures = await consumer.http.figures("news2");
      assert.equal(figures.length, beds.length);
      for (const { time, score, missing } of expected) {
        const figure = figures.find(({ measuredAt }) => measuredAt === time);
        assert.ok(figure, `a figure of ${time}`);
        assert.deepEqual((figure["missing"] as string[]).toSorted(), missing, time);
        assert.equal(figure.value, missing.length === 7 ? null : score, time);
        seen.add(String(figure["response"]));
      }
    }
    assert.ok(seen.size >= 2, `only responses ${[...seen].join(", ")} were seen`);
    const { faults } = (await consumer.http.indicators())[0]!;
    assert.deepEqual(Object.keys(faults), ["value"], "zeros of sensors that were not connected");

    const bundle = await bundleFrom(consumer, "from/provider/icu/#");
    assert.equal(bundle.type, "collection");
    const resources = bundle.entry!.map(({ resource }) => resource as Observation);
    for (const { minutes, from, step } of recordings) {
      const rows = minutes.slice(from, from + steps * step);
      const { time, cells } = rows.at(-1)!;
      const latest = resources.filter(({ effectiveDateTime }) => effectiveDateTime === time);
      const subjects = new Set(latest.map(({ subject }) => subject?.identifier?.value));
      assert.equal(subjects.size, 1);
      assert.match([...subjects][0]!, /^[\w-]{22}$/);
      const respiration = latest.find(({ code }) => code.coding?.[0]?.code === "9279-1");
      assert.deepEqual(respiration, {
        resourceType: "Observation",
        status: "final",
        code: { coding: [{ system: "http://loinc.org", code: "9279-1" }] },
        subject: respiration?.subject,
        effectiveDateTime: time,
        valueQuantity: {
          value: cells["RESP_pm"],
          system: "http://unitsofmeasure.org",
          code: "/min",
        },
      } satisfies Observation);
      const pressed = rows.findLast((row) => row.cells["NBPSys_mmHg"] !== undefined)!;
      const panel = resources.find(
        ({ effectiveDateTime, component }) =>
          effectiveDateTime === pressed.time && component?.[0]?.code.coding?.[0]?.code === "8480-6",
      );
      if (panel !== undefined) {
        assert.equal(panel.component?.[0]?.valueQuantity?.value, pressed.cells["NBPSys_mmHg"]);
      }
    }
    const urls = bundle.entry!.map(({ fullUrl }) => fullUrl!);
    assert.equal(new Set(urls).size, urls.length);
    for (const url of urls) assert.match(url, /^urn:uuid:[\da-f-]{36}$/);
  },
);

test(
  "health - what was read before is not said again, what is no FHIR is named",
  { skip },
  async () => {
    const { http } = nodes.provider;
    const gateway = await nodes.mqtt("provider");
    const [minute] = minutesOf("s00001");
    const [first] = observationsOf(minute!, "Patient/other");
    const source = async () => (await http.sources())[0]!;
    const { messages } = await source();
    const local = { ...first, effectiveDateTime: "2896-10-10T00:00:00Z" };
    const unknown = {
      ...local,
      code: { coding: [{ system: "urn:local", code: "Mr Jansen's pulse" }] },
    };
    const height = { ...local, code: { coding: [{ system: "http://loinc.org", code: "8302-2" }] } };
    for (const one of [first, first, unknown, height, { ...first, status: "done" }]) {
      await gateway.publish("gateway/x", JSON.stringify(one), { qos: 1 });
    }
    await gateway.publish("gateway/x", '{"resourceType": "Patient", "name": "Jansen"}', { qos: 1 });
    await gateway.publish("gateway/x", "Jansen", { qos: 1 });
    await until("all were read", async () => (await source()).failures === 2);
    const state = await source();
    assert.equal(state.messages - messages, 3);
    assert.deepEqual([state.faults["code"], state.faults["form"]], [2, 1]);
    assert.match(state.lastError?.text ?? "", /^SOURCE_INVALID: .*it is no JSON/);
    assert.ok(!JSON.stringify(state).includes("Jansen"));
  },
);

async function bundleFrom(side: TwoNodes["consumer"], filter: string): Promise<Bundle> {
  const url = new URL("/sectors/health/fhir", side.node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${side.token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get("content-type"), "application/fhir+json");
  return (await response.json()) as Bundle;
}
