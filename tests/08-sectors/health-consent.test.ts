/** A consent is a product: its purpose, members and end, agreed to by hand, withdrawn, run out. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const dayMs = 86_400_000;
let aheadMs = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
const notAfter = new Date(Math.ceil(Date.now() / dayMs) * dayMs + 30 * dayMs).toISOString();
const loinc = {
  coding: [{ system: "http://loinc.org", code: "8867-4", display: "Jansen's pulse" }],
};
const times = [
  "2026-11-20T22:15:00+01:00",
  "2026-11-20T23:45:30.250+01:00",
  "2026-11-22T00:00:00Z",
];

let nodes: TwoNodes;
/** The level of each patient in the topic. */
const level = new Map<string, string>();
const received: { readonly topic: string; readonly payload: string }[] = [];

before(async () => {
  nodes = await twoNodes({ clock });
  await nodes.provider.http.addSource({
    kind: "fhir",
    from: { way: "topic", address: "gateway/#" },
    topic: "icu",
  });
  const own = await nodes.mqtt("provider");
  const subjects: string[] = [];
  await own.subscribe("icu/#", {}, ({ topic }) => subjects.push(topic.split("/")[1]!));
  for (const patient of ["Jansen", "Pieters"]) {
    await measure(patient, "2026-11-01T00:00:00Z", 60);
    await until(`${patient} is seen`, () => subjects.length > level.size);
    level.set(patient, subjects.at(-1)!);
  }
  const app = await nodes.mqtt("consumer");
  await app.subscribe("from/#", { qos: 1 }, ({ topic, payload }) => {
    received.push({ topic, payload: Buffer.from(payload).toString() });
  });
});
after(() => nodes.close());

async function measure(patient: string, effectiveDateTime: string, value: number): Promise<void> {
  const gateway = await nodes.mqtt("provider");
  const observation = {
    ...{ resourceType: "Observation", id: `${patient}-${effectiveDateTime}`, status: "final" },
    ...{ code: loinc, effectiveDateTime, issued: "2026-11-23T08:00:00.000Z" },
    ...{ subject: { reference: `Patient/${patient}`, display: patient } },
    performer: [{ display: `Nurse of ${patient}` }],
    valueQuantity: { value, unit: "/min", system: "http://unitsofmeasure.org", code: "/min" },
  };
  await gateway.publish("gateway/bed", JSON.stringify(observation), { qos: 1 });
}

async function comity(side: "provider" | "consumer", ...args: string[]): Promise<string> {
  const { node, token } = nodes[side];
  const texts = { out: "", err: "" };
  const code = await runCli(["--url", node.httpUrl, "--token", token, ...args], {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  assert.equal(code, 0, texts.err);
  return texts.out;
}

/** Offers what the patient consents to; a person agrees to who asks. The agreement's id. */
async function consent(id: string, patient: string, ...flags: string[]): Promise<string> {
  const topic = `icu/${level.get(patient)}/#`;
  const sold = ["product", "add", id, "--template", "health", "--topic", topic, "--manual"];
  await comity("provider", ...sold, "--title", "Study 12", "--purpose", "study-12", ...flags);
  const { did } = nodes.provider.node;
  const found = async () => {
    const { offers } = await nodes.consumer.http.findPage({ q: id, fresh: true });
    return offers.find(({ product }) => product === id);
  };
  await until(`${id} is found`, async () => (await found()) !== undefined);
  await comity("consumer", "negotiation", "ask", (await found())!.offer, "--provider", did);
  const asked = async () =>
    (await nodes.provider.http.negotiations.list()).find(({ state }) => state === "REQUESTED");
  await until(`${id} is asked for`, async () => (await asked()) !== undefined);
  await comity("provider", "negotiation", "agree", (await asked())!.pid);
  const agreed = async () =>
    (await nodes.consumer.http.agreements()).find(({ product }) => product === id);
  await until(`${id} is agreed`, async () => (await agreed())?.state === "active");
  return (await agreed())!.id;
}

const of = (product: string): string[] =>
  received
    .filter(({ topic }) => topic.startsWith(`from/provider/${product}/`))
    .map((m) => m.payload);

const ids = new Map<string, string>();

test("consent - only the patient's own stream leaves, in the members of the template", async () => {
  ids.set("care", await consent("care", "Jansen", "--delete-after", "1s"));
  const promises = await comity("consumer", "agreement", "show", ids.get("care")!);
  assert.match(promises, /attested {2}Used only for study-12\./);
  await measure("Pieters", times[0]!, 71);
  await measure("Jansen", times[0]!, 72);
  await until("it arrived", () => of("care").length > 0);
  const [message] = of("care").map((text) => JSON.parse(text) as Record<string, unknown>);
  const { subject, ...rest } = message!;
  assert.deepEqual(rest, {
    resourceType: "Observation",
    status: "final",
    effectiveDateTime: times[0],
    code: { coding: [{ system: "http://loinc.org", code: "8867-4" }] },
    valueQuantity: { value: 72, system: "http://unitsofmeasure.org", code: "/min" },
  });
  assert.deepEqual(Object.keys(subject as object), ["reference"]);
  assert.doesNotMatch(JSON.stringify(received), /Jansen|Pieters|Nurse|"value":71/);
});

test("consent - for research the dates are moved, and what lies between them stays", async () => {
  const flags = ["--shift", "effectiveDateTime=365", "--shift-by", "subject.reference"];
  ids.set("study", await consent("study", "Pieters", ...flags, "--not-after", notAfter));
  for (const [i, time] of times.entries()) await measure("Pieters", time, 80 + i);
  await until("all arrived", () => of("study").length === times.length);
  const moved = of("study").map((text) => {
    const { effectiveDateTime } = JSON.parse(text) as { effectiveDateTime: string };
    return effectiveDateTime;
  });
  const days = moved.map((text, i) => (Date.parse(text) - Date.parse(times[i]!)) / dayMs);
  assert.equal(new Set(days).size, 1, `moved by ${days.join(", ")} days`);
  assert.ok(Number.isInteger(days[0]) && days[0] !== 0 && Math.abs(days[0]!) <= 365);
  assert.deepEqual(
    moved.map((text) => text.slice(10)),
    times.map((text) => text.slice(10)),
  );
  const { plain } = await nodes.consumer.http.agreement(ids.get("study")!);
  assert.match(
    plain,
    /effectiveDateTime are moved by one number of days for each subject.reference/,
  );
});

test("consent - withdrawn, nothing more is delivered, and what was is erased and signed for", async () => {
  const id = ids.get("care")!;
  await comity("provider", "revoke", id);
  const [before, studied] = [of("care").length, of("study").length];
  await measure("Jansen", times[1]!, 73);
  await measure("Pieters", "2026-11-23T00:00:00Z", 83);
  await until("another's consent still holds", () => of("study").length > studied);
  assert.equal(of("care").length, before);
  await until("the consumer knows", async () => {
    const { state } = await nodes.consumer.http.agreement(id);
    return state === "ended";
  });
  await until("it is erased", async () => {
    const { state, signed } = await nodes.provider.http.erasure(id);
    return state === "erased" && signed !== undefined;
  });
  const logs = await nodes.consumer.http.logs();
  const log = logs.find((one) => one.log === "from/provider/care");
  assert.deepEqual([log?.messages, log?.erased], [0, before]);
});

test("consent - run out, nothing more is delivered", async () => {
  const studied = of("study").length;
  const id = ids.get("study")!;
  aheadMs = Date.parse(notAfter) - Date.now();
  await measure("Pieters", "2026-11-23T01:00:00Z", 84);
  await until("it has ended on both sides", async () => {
    const sides = [nodes.provider, nodes.consumer].map(({ http }) => http.agreement(id));
    return (await Promise.all(sides)).every(({ state }) => state === "ended");
  });
  assert.equal(of("study").length, studied);
  const { refusals } = await nodes.provider.http.status();
  assert.equal(refusals["expired"], 1);
});
