/** From `npm run comity -- thing add` to the first message, as a person does it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import mqtt from "mqtt";
import { until } from "../two-nodes.ts";
import { CliProcess } from "./cli-process.ts";
import { guardedNode } from "./guarded-node.ts";

const { node, token, http } = (await guardedNode()).running;
const target = ["--url", node.httpUrl, "--token", token];
const absent = (command: string): string | false =>
  spawnSync(command, ["--help"]).error !== undefined && `no ${command} on this machine`;

for (const { command, name, version } of [
  { command: "curl", name: "by-http", version: "HTTP" },
  { command: "mosquitto_pub", name: "by-mqtt", version: "MQTT" },
]) {
  const title = `comity thing add - over ${version} the pasted line is heard of within a minute`;
  test(title, { skip: absent(command) }, async () => {
    const began = performance.now();
    const adding = CliProcess.comity("thing", "add", name, "--wait", ...target);
    const [line = ""] = await adding.prints(new RegExp(`^ *${command} .*$`, "m"));
    await adding.prints(/Waiting for its first message/);
    const pasted = new CliProcess("sh", ["-c", line]);
    assert.equal(await pasted.ended, 0, pasted.err);
    assert.equal(await adding.ended, 0, adding.err);
    assert.match(
      adding.out,
      new RegExp(`^first message received: ${name}/hello, 11 bytes, after \\d+(\\.\\d)? s$`, "m"),
    );
    assert.match(adding.out, new RegExp(`MQTT {6}mqtt://${name}:[\\w-]{43}@127\\.0\\.0\\.1:\\d+`));
    const ms = performance.now() - began;
    assert.ok(ms < 60_000, `it took ${ms} ms`);
  });
}

test("comity thing add - Ctrl-C ends the waiting and leaves the Thing added", async () => {
  const adding = CliProcess.comity("thing", "add", "patient", "--wait", ...target);
  await adding.prints(/Waiting for its first message/);
  adding.interrupt();
  await adding.ended;
  assert.match(adding.out, /patient stays added; nothing has come from it yet/);
  assert.equal((await http.thing("patient"))["title"], "patient");
});

test("comity thing add - a script waits for nothing, and gets one object", async () => {
  const adding = CliProcess.comity("thing", "add", "script", "--json", ...target);
  assert.equal(await adding.ended, 0, adding.err);
  const told = JSON.parse(adding.out) as Record<string, unknown>;
  assert.deepEqual(Object.keys(told), ["thing", "token", "mqttUrl"]);
  const both = CliProcess.comity("thing", "add", "both", "--json", "--wait", ...target);
  assert.equal(await both.ended, 1);
  assert.match(both.err, /CONFIG_INVALID/);
  await assert.rejects(http.thing("both"), { code: "NOT_FOUND" });
});

test("comity thing add, claim create - name the addresses that devices elsewhere reach", async () => {
  const elsewhere = await guardedNode({
    publicUrl: "https://plant.example",
    publicMqttUrl: "mqtt://mqtt.plant.example:8883",
  });
  const { running } = elsewhere;
  const there = ["--url", running.node.httpUrl, "--token", running.token];
  const adding = CliProcess.comity("thing", "add", "far", "--publish", "the field/+/#", ...there);
  assert.equal(await adding.ended, 0, adding.err);
  assert.match(adding.out, / mosquitto_pub -h mqtt\.plant\.example -p 8883 -u far -P /);
  assert.match(adding.out, / -t 'the field\/1\/hello' /);
  assert.match(adding.out, / https:\/\/plant\.example\/api\/v1\/publish\/the%20field\/1\/hello$/m);
  const making = CliProcess.comity("claim", "create", "--topic-prefix", "it's/", ...there);
  assert.equal(await making.ended, 0, making.err);
  assert.match(making.out, /-h mqtt\.plant\.example .* -t 'it'\\''s\/my-device\/hello' /);
});

test("API - what a Thing sent is told to whoever follows it, first the last, then what comes", async () => {
  const { token: own } = await http.addThing({ name: "told" });
  const send = (value: string): Promise<Response> =>
    fetch(`${node.httpUrl}/api/v1/publish/told/t`, {
      method: "POST",
      headers: { authorization: `Bearer told:${own}` },
      body: value,
    });
  await send("first");
  const seen = http.thingSeen("told");
  assert.deepEqual((await seen.next()).value?.summary, "first");
  const next = seen.next();
  await send("the second");
  const { topic, bytes, summary } = (await next).value ?? {};
  assert.deepEqual(
    { topic, bytes, summary },
    { topic: "told/t", bytes: 10, summary: "the second" },
  );
  await seen.return(undefined);
  await assert.rejects(http.thingSeen("nobody").next(), { code: "NOT_FOUND" });
});

for (const { command, name } of [
  { command: "mosquitto_pub", name: "claimed-by-mqtt" },
  { command: "curl", name: "claimed-by-http" },
]) {
  const title = `comity claim - a device by ${command} is accepted and heard of within a minute`;
  test(title, { skip: absent(command) }, async () => {
    const began = performance.now();
    const making = CliProcess.comity("claim", "create", "--for", "10m", "--max", "3", ...target);
    assert.equal(await making.ended, 0, making.err);
    assert.match(making.out, /^Claim code ([0-9A-Z]{5}-){3}[0-9A-Z]{5} {3}\(told only now\)$/m);
    const [line = ""] = new RegExp(`^ *${command} .*$`, "m").exec(making.out) ?? [];
    const pasted = line.replaceAll("my-device", name);
    const [listen = ""] = /^ *mosquitto_sub .*$/m.exec(making.out) ?? [];
    const isMqtt = command === "mosquitto_pub";
    const listening = isMqtt
      ? new CliProcess("sh", ["-c", listen.replaceAll("my-device", name)])
      : undefined;
    const first = new CliProcess("sh", ["-c", pasted]);
    assert.equal(await first.ended, 0, first.err);

    const listing = CliProcess.comity("pending", "list", ...target);
    await listing.ended;
    assert.match(
      listing.out,
      new RegExp(`^${name} +[0-9a-f]{8} +claim-[0-9a-f]{8} +\\S+ +1 `, "m"),
    );
    const showing = CliProcess.comity("pending", "show", name, ...target);
    await showing.ended;
    assert.match(showing.out, new RegExp(`accepted {3}as ${name}, publishing '${name}/#'`));
    assert.match(showing.out, new RegExp(`^${name}/hello +1 +11 +\\{"value":1\\}$`, "m"));

    const accepting = CliProcess.comity("pending", "accept", name, "--wait", ...target);
    await accepting.prints(/Waiting for its first message/);
    const second = new CliProcess("sh", ["-c", pasted]);
    assert.equal(await second.ended, 0, second.err);
    assert.equal(await accepting.ended, 0, accepting.err);
    assert.match(
      accepting.out,
      new RegExp(`^first message received: ${name}/hello, 11 bytes`, "m"),
    );
    await listening?.ended;
    const credentials = JSON.parse(listening?.out ?? second.out) as Record<string, string>;
    const [, code = ""] = /Claim code (\S+)/.exec(making.out) ?? [];
    const own = pasted.replace(code, credentials["token"] ?? "");
    const third = new CliProcess("sh", ["-c", own]);
    assert.equal(await third.ended, 0, third.err);
    assert.equal(third.out, "", "over HTTP: 204");
    const last = new CliProcess("sh", ["-c", pasted]);
    await last.ended;
    assert.match(`${last.out}${last.err}`, /it has a token of its own|not authori[sz]ed/i);
    const ms = performance.now() - began;
    assert.ok(ms < 60_000, `it took ${ms} ms`);
  });
}

test("comity pending accept - a script gets one object, with the first message where it waits", async (t) => {
  const { code } = await http.addClaim({ devicesMax: 20 });
  const device = await mqtt.connectAsync(node.mqttUrl, {
    ...{ username: "claim", password: code, clientId: "fan-1", reconnectPeriod: 0 },
  });
  t.after(() => device.endAsync(true));
  await device.publishAsync("hall/fan-1/rpm", "900", { qos: 1 });
  const wish = ["fan-1", "--name", "fan", "--kind", "fan", "--place", "51.9,4.5", "--describe"];
  const accepting = CliProcess.comity("pending", "accept", ...wish, "--json", "--wait", ...target);
  const isAccepted = async () => (await http.things()).some(({ id }) => id === "fan");
  await until("it is accepted", isAccepted, 30_000);
  await device.publishAsync("hall/fan-1/rpm", "910", { qos: 1 });
  assert.equal(await accepting.ended, 0, accepting.err);
  const { thing, listens, firstMessage } = JSON.parse(accepting.out) as Record<string, object>;
  assert.deepEqual(
    { ...thing, createdAt: "", lastAt: 0, last: "" },
    {
      ...{ id: "fan", title: "fan", kind: "fan", place: { lat: 51.9, lon: 4.5 }, subscribe: [] },
      ...{ publish: ["hall/fan-1/#"], createdAt: "", lastAt: 0, last: "" },
    },
  );
  assert.equal(listens, false);
  assert.deepEqual(
    { ...firstMessage, at: 0 },
    { at: 0, topic: "hall/fan-1/rpm", bytes: 3, summary: "910" },
  );
  assert.ok("rpm" in ((await http.thing("fan"))["properties"] as object));
});

test("comity pending accept - a device that keeps its code is said to", async (t) => {
  const { code } = await http.addClaim({ devicesMax: 1 });
  const come = { username: "fan-2", password: code, reconnectPeriod: 100 };
  const device = await mqtt.connectAsync(node.mqttUrl, come);
  t.after(() => device.endAsync(true));
  await device.publishAsync("fan-2/rpm", "1", { qos: 1 });
  const again = new Promise((resolve) => device.once("connect", resolve));
  const accepting = CliProcess.comity("pending", "accept", "fan-2", "--keep-code", ...target);
  assert.equal(await accepting.ended, 0, accepting.err);
  assert.match(accepting.out, /^Its claim code stays its password\.$/m);
  await again;
  await device.publishAsync("fan-2/rpm", "2", { qos: 1 });
  assert.equal((await http.things()).find(({ id }) => id === "fan-2")?.last, "2");
});

test("comity claim, pending - listed, revoked, refused, and a wrong option is named", async () => {
  const { code, claim } = await http.addClaim({ devicesMax: 20, topicPrefix: "factory/" });
  const listing = CliProcess.comity("claim", "list", ...target);
  await listing.ended;
  const row = new RegExp(`^${claim.id} +open +\\S+ +0 of 20 +0 +factory/# +owner admin$`, "m");
  assert.match(listing.out, row);
  assert.ok(!listing.out.includes(code), "a code is told once");
  await fetch(`${node.httpUrl}/api/v1/publish/factory/x/t`, {
    method: "POST",
    headers: { authorization: `Bearer x-1:${code}` },
    body: "1",
  });
  const refusing = CliProcess.comity("pending", "refuse", "x-1", ...target);
  assert.equal(await refusing.ended, 0, refusing.err);
  const revoking = CliProcess.comity("claim", "revoke", claim.id, ...target);
  assert.equal(await revoking.ended, 0, revoking.err);
  const none = CliProcess.comity("pending", "show", "x-1", ...target);
  assert.equal(await none.ended, 1);
  assert.match(none.err, /There is no pending device x-1/);
  const wrong = CliProcess.comity("claim", "create", "--for", "soon", ...target);
  assert.equal(await wrong.ended, 1);
  assert.match(wrong.err, /--for "soon" is no time such as 1h/);
});
