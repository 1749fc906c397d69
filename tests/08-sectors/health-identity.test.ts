/** Nothing identifying leaves under the default template, whatever and wherever it is written. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Observation as Observation4 } from "fhir/r4.js";
import type { Observation as Observation5 } from "fhir/r5.js";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const loinc = "http://loinc.org";
/** What may not leave; each stands in several places below. */
const names = ["Zwaardvis", "Mr van Dam", "Keizersgracht", "zw@example.org", "dr-house"];
const numbers = ["4711-0815", "1957-04-23", "+31205550199", "SN-99-1234", "987654321"];
const secrets = [...names, ...numbers, "SECRET"];

const name = [{ family: "Zwaardvis", given: ["Mr van Dam"], text: "Mr van Dam Zwaardvis" }];
const contained = {
  resourceType: "Patient",
  id: "p1",
  identifier: [{ system: "urn:mrn", value: "4711-0815" }],
  name,
  birthDate: "1957-04-23",
  address: [{ line: ["Keizersgracht 12"], city: "Amsterdam" }],
  telecom: [
    { system: "phone", value: "+31205550199" },
    { system: "email", value: "zw@example.org" },
  ],
} as const;
const identifier = { system: "urn:mrn", value: "4711-0815", assigner: { display: "dr-house" } };

const plain = {
  resourceType: "Observation",
  status: "final",
  code: { coding: [{ system: loinc, code: "8867-4" }] },
  effectiveDateTime: "2026-11-23T03:00:00Z",
  valueQuantity: { value: 71, system: "http://unitsofmeasure.org", code: "/min" },
} as const;

/** All that R4 has room for. */
const fourth = {
  ...plain,
  id: "4711-0815",
  meta: { source: "urn:Zwaardvis", tag: [{ display: "Mr van Dam" }] },
  language: "x-Zwaardvis",
  implicitRules: "urn:Keizersgracht",
  text: { status: "generated", div: "<div>Zwaardvis, born 1957-04-23</div>" },
  contained: [contained] as never,
  extension: [
    { url: "urn:birth", valueDate: "1957-04-23" },
    { url: "urn:n", valueString: "Zwaardvis" },
  ],
  modifierExtension: [{ url: "urn:n", valueReference: { display: "Mr van Dam" } }],
  identifier: [identifier],
  basedOn: [{ reference: "ServiceRequest/4711-0815", display: "Zwaardvis" }],
  partOf: [{ identifier }],
  category: [{ text: "Zwaardvis", coding: [{ display: "Mr van Dam" }] }],
  code: {
    coding: [
      { system: loinc, code: "8867-4", display: "Pulse of Zwaardvis", version: "4711-0815" },
    ],
    text: "Heart rate of Mr van Dam",
  },
  subject: { reference: "Patient/4711-0815", type: "Zwaardvis", display: "Mr van Dam", identifier },
  focus: [{ reference: "#p1", display: "Zwaardvis" }],
  encounter: { reference: "Encounter/4711-0815", display: "Keizersgracht" },
  issued: "1957-04-23T00:00:00Z",
  performer: [{ reference: "Practitioner/dr-house", display: "dr-house" }],
  valueQuantity: { ...plain.valueQuantity, unit: "beats of Zwaardvis", id: "4711-0815" },
  interpretation: [{ text: "Mr van Dam is well" }],
  note: [{ authorString: "dr-house", time: "1957-04-23", text: "Zwaardvis, Keizersgracht 12" }],
  bodySite: { text: "Zwaardvis's arm" },
  method: { text: "dr-house" },
  specimen: { display: "4711-0815" },
  device: { reference: "Device/SN-99-1234", display: "SN-99-1234", identifier },
  referenceRange: [{ text: "for Mr van Dam" }],
  hasMember: [{ reference: "Observation/4711-0815" }],
  derivedFrom: [{ display: "Zwaardvis" }],
  component: [
    {
      id: "4711-0815",
      extension: [{ url: "urn:n", valueHumanName: name[0]! }],
      code: { text: "Zwaardvis", coding: [{ system: "urn:local", code: "Mr van Dam" }] },
      valueCodeableConcept: { text: "Zwaardvis", coding: [{ system: "urn:x", code: "4711-0815" }] },
      interpretation: [{ text: "Zwaardvis" }],
      referenceRange: [{ text: "Zwaardvis" }],
    },
    { code: { text: "free" }, valueString: "Mr van Dam" },
    {
      code: { coding: [{ system: loinc, code: "8867-4" }] },
      dataAbsentReason: { text: "dr-house" },
    },
  ],
} satisfies Observation4;

/** And what R5 adds. */
const fifth = {
  ...fourth,
  triggeredBy: [
    { observation: { reference: "Observation/4711-0815" }, type: "reflex", reason: "Zwaardvis" },
  ],
  bodyStructure: { display: "Zwaardvis" },
  instantiatesCanonical: "urn:Zwaardvis",
  component: [
    {
      code: { text: "x" },
      valueReference: { reference: "Patient/4711-0815", display: "Zwaardvis" },
    },
    { code: { text: "x" }, valueAttachment: { title: "Zwaardvis", url: "urn:4711-0815" } },
  ],
} satisfies Observation5;

const values: readonly object[] = [
  { valueString: "Zwaardvis" },
  {
    valueCodeableConcept: { text: "Zwaardvis", coding: [{ system: "urn:l", code: "Mr van Dam" }] },
  },
  { valueCodeableConcept: { coding: [{ system: "http://snomed.info/sct", code: "987654321" }] } },
  { valueQuantity: { value: 3, system: "http://unitsofmeasure.org", code: "{Zwaardvis}" } },
  { valueAttachment: { title: "Zwaardvis" } },
  { valueRange: { low: { value: 1, unit: "Zwaardvis" } } },
  { dataAbsentReason: { text: "Mr van Dam", coding: [{ system: "urn:x", code: "Zwaardvis" }] } },
  { effectiveTiming: { code: { text: "Zwaardvis" } } },
  { subject: { identifier, display: "Zwaardvis" } },
  {
    code: {
      coding: [
        { system: loinc, code: "4711-0815" },
        { system: "urn:l", code: "Zwaardvis" },
      ],
    },
  },
  { _effectiveDateTime: { extension: [{ url: "urn:n", valueString: "Zwaardvis" }] } },
  { Zwaardvis: true, "4711-0815": "Mr van Dam" },
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The value with a secret written in one place: each leaf and each object of it, in four forms. */
function spoiled(value: Json): Json[] {
  const here: Json[] = ["SECRET", ["SECRET"], [["SECRET"]], { text: "SECRET", code: "SECRET" }];
  if (typeof value !== "object" || value === null) return here;
  if (Array.isArray(value)) {
    const all = value as readonly Json[];
    const inside = all.flatMap((one, i) => spoiled(one).map((bad) => all.with(i, bad) as Json));
    return [...here, ...inside];
  }
  const object = value as { readonly [name: string]: Json };
  return [
    ...here,
    { ...object, family: "SECRET", "coding.code": "SECRET", "code.coding.code": ["SECRET"] },
    ...Object.entries(object).flatMap(([key, member]) =>
      spoiled(member).map((bad) => ({ ...object, [key]: bad })),
    ),
  ];
}

let nodes: TwoNodes;
const received: string[] = [];
before(async () => {
  nodes = await twoNodes();
  const { template } = await nodes.provider.http.sector("health");
  await nodes.share({
    id: "icu",
    title: "Vital signs",
    topics: ["icu/#"],
    sector: "health",
    ...template.product,
    terms: template.terms,
  });
  await nodes.provider.http.addSource({
    kind: "fhir",
    from: { way: "topic", address: "gateway/#" },
    topic: "icu",
  });
  const reader = await nodes.mqtt("consumer");
  await reader.subscribe("from/#", { qos: 1 }, ({ topic, payload }) => {
    received.push(`${topic} ${Buffer.from(payload).toString()}`);
  });
});
after(() => nodes.close());

/** Everything that the other organisation can see, once the last of it has come. */
async function seenAfter(topic: string, last: object): Promise<string[]> {
  const client = await nodes.mqtt("provider");
  const mark = "2099-01-01T00:00:00Z";
  const marked = { ...last, effectiveDateTime: mark };
  await client.publish(topic, JSON.stringify(marked), { qos: 1 });
  await until("the last arrived", () => received.some((line) => line.includes(mark)), 30_000);
  return received.splice(0);
}

function assertClean(lines: readonly string[]): void {
  for (const line of lines) {
    for (const secret of secrets) assert.ok(!line.includes(secret), `${secret} left: ${line}`);
  }
}

test("health - R4, R5, Bundles, values of every kind: the other organisation learns nobody's name", async () => {
  const client = await nodes.mqtt("provider");
  const all: object[] = [fourth, fifth, ...values.map((more) => ({ ...plain, ...more }))];
  const entry = all.map((resource, i) => {
    const one = {
      ...resource,
      effectiveDateTime: `2026-11-23T04:00:${String(i).padStart(2, "0")}Z`,
    };
    return { fullUrl: "urn:4711-0815", resource: one };
  });
  const patient = { fullUrl: "urn:Zwaardvis", resource: contained };
  const bundle = { resourceType: "Bundle", id: "4711-0815", type: "searchset", entry };
  const nested = { ...bundle, entry: [patient, { resource: bundle }, ...entry] };
  for (const one of [...all, nested]) {
    await client.publish("gateway/Zwaardvis", JSON.stringify(one), { qos: 1 });
  }
  const lines = await seenAfter("gateway/Zwaardvis", fourth);
  assert.equal(lines.length, all.length + entry.length + 1);
  assertClean(lines);
  // what is measured did leave, about somebody who is always the same and has no name
  const whole = lines.filter((line) => line.includes('"value":71') && line.includes('"subject"'));
  assert.ok(whole.length >= 4);
  const [first] = whole;
  const [topic = "", text = ""] = first!.split(/ (.*)/s);
  assert.match(topic, /^from\/provider\/icu\/icu\/[\w-]{22}\/8867-4$/);
  const { subject } = JSON.parse(text) as { subject: { reference: string } };
  assert.match(subject.reference, /^[\w-]{22}$/);
  assert.ok(!topic.includes(subject.reference), "two keys: the topic's and the agreement's");
});

test("health - a secret in any place of an Observation, in any form, stays", async () => {
  const client = await nodes.mqtt("provider");
  const rich = {
    ...fourth,
    subject: { ...fourth.subject, reference: "Patient/7" },
    effectivePeriod: { start: "2026-11-23", end: "2026-11-24" },
    valueInteger: 3,
    valueBoolean: true,
    valueCodeableConcept: { coding: [{ system: "http://snomed.info/sct", code: "248234008" }] },
    contained: [],
  };
  const variants = spoiled(JSON.parse(JSON.stringify(rich)) as Json);
  assert.ok(variants.length > 500, `${variants.length} places`);
  for (let at = 0; at < variants.length; at += 100) {
    const entry = variants.slice(at, at + 100).map((resource) => ({ resource }));
    const bundle = JSON.stringify({ resourceType: "Bundle", type: "collection", entry });
    await client.publish("gateway/b", bundle, { qos: 1 });
  }
  const lines = await seenAfter("gateway/b", { ...rich, id: "last" });
  assert.ok(lines.length > variants.length / 2, `${lines.length} of ${variants.length} left`);
  assertClean(lines);
});

test("health - nor by what stands around a stream: sample, history, feed, catalogue, faults", async () => {
  const { provider, consumer } = nodes;
  const { token, node } = consumer;
  const headers = { authorization: `Bearer ${token}` };
  const paths = [
    "/sectors/health/fhir?filter=from/provider/icu/%23",
    "/api/v1/find?q=icu",
    "/api/v1/history?filter=from/provider/icu/%23",
  ];
  for (const path of paths) {
    const response = await fetch(new URL(path, node.httpUrl), { headers });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.ok(text.length > 100, `${path}: ${text}`);
    assertClean([text]);
  }
  const [offer] = await consumer.http.find("icu");
  await assert.rejects(consumer.http.sample(offer!.product, offer!.provider));
  assertClean([JSON.stringify(await provider.http.sources())]);
});

test("health - what is published past the source still leaves no member that is not named", async () => {
  const client = await nodes.mqtt("provider");
  for (const one of [fourth, fifth]) {
    const coded = { ...one, component: [] };
    await client.publish("icu/bed/8867-4", JSON.stringify(coded), { qos: 1 });
    await client.publish("icu/bed/8867-4", JSON.stringify([coded, one]), { qos: 1 });
  }
  await client.publish("icu/bed/8867-4", JSON.stringify(contained), { qos: 1 });
  await client.publish("icu/bed/8867-4", "Zwaardvis, 4711-0815", { qos: 1 });
  const lines = await seenAfter("icu/bed/8867-4", plain);
  assert.ok(lines.length >= 3);
  assertClean(lines);
});
