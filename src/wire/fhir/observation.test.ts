import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Bundle as Bundle4, Observation as Observation4 } from "fhir/r4.js";
import type { Bundle as Bundle5, Observation as Observation5 } from "fhir/r5.js";
import { bundleOf, readResources } from "./bundle.ts";
import { isCode, isLoinc } from "./codes.ts";
import { checkedMembers, type Observation, observedAt, readObservation } from "./observation.ts";

/** The types are HL7's own: what is written fits both releases, and what fits them is read. */
const pressure = {
  resourceType: "Observation",
  status: "final",
  category: [
    {
      coding: [
        {
          system: "http://terminology.hl7.org/CodeSystem/observation-category",
          code: "vital-signs",
        },
      ],
    },
  ],
  code: { coding: [{ system: "http://loinc.org", code: "85354-9" }], text: "Blood pressure" },
  subject: { reference: "Patient/1" },
  effectiveDateTime: "2026-11-23T03:00:00+01:00",
  component: [
    {
      code: { coding: [{ system: "http://loinc.org", code: "8480-6" }] },
      valueQuantity: {
        value: 107,
        unit: "mmHg",
        system: "http://unitsofmeasure.org",
        code: "mm[Hg]",
      },
    },
  ],
} satisfies Observation4 & Observation5;

function read(value: unknown) {
  const found = readObservation(value);
  if (typeof found === "string") assert.fail(found);
  return found;
}

test("FHIR - an Observation in order is kept to the letter, with its time", () => {
  const { observation, remarks } = read(pressure);
  assert.deepEqual(observation, pressure);
  assert.deepEqual(remarks, []);
  assert.equal(observedAt(observation), Date.UTC(2026, 10, 23, 2));
});

test("FHIR - a Bundle of ours is one of both releases", () => {
  const resource = read(pressure).observation;
  const bundle = bundleOf([{ fullUrl: "urn:uuid:1", resource }], "2026-11-23T03:00:00Z");
  const written = {
    resourceType: "Bundle",
    type: bundle.type,
    timestamp: bundle.timestamp,
    entry: [{ fullUrl: "urn:uuid:1", resource: pressure }],
  } satisfies Bundle4 & Bundle5;
  assert.deepEqual(bundle, written);
  const found = readResources(Buffer.from(JSON.stringify(bundle)));
  assert.deepEqual(found, { observations: [pressure], others: 0 });
  assert.deepEqual(Object.keys(bundleOf([], "now")), ["resourceType", "type", "timestamp"]);
});

test("FHIR - codes of unknown systems are kept where free text is expected, and counted", () => {
  const local = { system: "urn:local", code: "BP of Mr Jansen", display: "x" };
  const code = { coding: [local, ...pressure.code.coding] };
  const known = read({ ...pressure, code });
  assert.deepEqual(known.observation.code.coding, pressure.code.coding);
  assert.deepEqual(known.observation.code["extension"], [
    { url: "urn:comity:fhir:unknown-coding", valueCoding: local },
  ]);
  assert.deepEqual(known.remarks, []);
  const { observation, remarks } = read({ ...pressure, code: { coding: [local] } });
  assert.deepEqual(
    observation.code.coding.map(({ code: one }) => one),
    ["unknown"],
  );
  assert.deepEqual(
    remarks.map(({ code: one }) => one),
    ["code"],
  );
});

test("FHIR - LOINC codes by their check digit, and of other systems only known ones", () => {
  for (const code of ["8867-4", "59408-5", "85354-9", "80288-4", "3150-0"]) {
    assert.ok(isLoinc(code), code);
    const [digits, check] = code.split("-");
    assert.ok(!isLoinc(`${digits}-${(Number(check) + 1) % 10}`), code);
  }
  assert.ok(
    !isCode("http://loinc.org", "LA9340-6") && !isCode("http://snomed.info/sct", "47110815"),
  );
  assert.ok(isCode("http://snomed.info/sct", "300202002"));
  // charge of a device's battery; any other number might be somebody's
  assert.ok(isCode("urn:iso:std:iso:11073:10101", "67996"));
  assert.ok(!isCode("urn:iso:std:iso:11073:10101", "81031234"));
});

test("FHIR - what is no Observation is said in words that quote nothing", () => {
  const reasons = [
    { ...pressure, status: "Jansen" },
    { ...pressure, code: "Jansen" },
    { ...pressure, resourceType: "Patient" },
    ["Jansen"],
    { ...pressure, note: nested(40) },
  ].map(readObservation);
  for (const reason of reasons) {
    assert.equal(typeof reason, "string");
    assert.ok(!JSON.stringify(reason).includes("Jansen"));
  }
  const bundle = { resourceType: "Bundle", entry: [null, 7, { resource: [pressure] }, {}] };
  const { observations, others } = readResources(Buffer.from(JSON.stringify(bundle))) as Exclude<
    ReturnType<typeof readResources>,
    string
  >;
  assert.deepEqual([observations.length, others], [0, 4]);
  assert.equal(readResources(Buffer.from("Jansen")), "it is no JSON");
  assert.equal(typeof readResources(Buffer.from('{"resourceType":"Bundle","entry":{}}')), "string");
});

function nested(levels: number): unknown {
  return levels === 0 ? "deep" : [nested(levels - 1)];
}

/** All values at a dotted path, lists gone through. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return (value as unknown[]).flatMap((one) => valuesAt(one, path));
  const [name, ...rest] = path;
  if (name === undefined) return value === undefined ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  return valuesAt((value as Record<string, unknown>)[name], rest);
}

test("FHIR - whatever is written anywhere, the checked members hold closed forms alone", () => {
  const junk = fc.oneof(
    fc.constant("Jansen"),
    fc.constant({ family: "Jansen" }),
    fc.constant(["Jansen"]),
    fc.constant([["Jansen"]]),
    fc.constant({ coding: "Jansen" }),
    fc.constant({ coding: [{ system: "http://loinc.org", code: "Jansen" }] }),
    fc.constant({ coding: [{ system: { x: "Jansen" }, code: ["Jansen"] }] }),
    fc.constant({ value: "Jansen", code: "{Jansen}", system: "http://unitsofmeasure.org" }),
    fc.constant({ start: "Jansen", end: { x: "Jansen" } }),
    fc.constant([{ code: { coding: "Jansen" }, valueInteger: "Jansen" }]),
    fc.constant([{ code: { "coding.code": "Jansen" }, "valueQuantity.code": "Jansen" }]),
  );
  const names = [
    ...["code", "component", "effectiveDateTime", "effectiveInstant", "effectivePeriod"],
    ...["valueQuantity", "valueCodeableConcept", "valueInteger", "valueBoolean", "subject"],
    ...["dataAbsentReason", "code.coding.code", "component.valueInteger", "status", "text"],
  ];
  const changes = fc.dictionary(fc.constantFrom(...names), junk, { minKeys: 1, maxKeys: 4 });
  fc.assert(
    fc.property(changes, (change) => {
      const found = readObservation({ ...pressure, ...change });
      if (typeof found === "string") return;
      const { observation } = found;
      for (const path of checkedMembers) {
        const held = [...valuesAt(observation, path.split(".")), ...dotted(observation, path)];
        assert.ok(!JSON.stringify(held).includes("Jansen"), `${path}: ${JSON.stringify(held)}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Members whose own name is, or ends, such a path. */
function dotted(value: Observation, path: string): unknown[] {
  const parts = path.split(".");
  return parts.flatMap((_, at) =>
    valuesAt(value, [...parts.slice(0, at), parts.slice(at).join(".")]),
  );
}
