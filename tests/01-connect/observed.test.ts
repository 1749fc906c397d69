/** What a node tells of its data plane: `/metrics`, `/api/v1/top` and `comity top`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import type { TopResource } from "../../src/client/top.ts";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({ queueBytesMax: 262_144 });
const url = node.mqttUrl;

type Change = (before: TopResource, after: TopResource) => unknown;

async function changed(read: Change, act: () => Promise<unknown>): Promise<unknown> {
  const before = await http.top();
  await act();
  return read(before, await http.top());
}

test("observed - messages, runs and bytes are counted as they came, in and out", async () => {
  const reader = await RawClient.in(url, 5, { clientId: "reader" });
  await reader.subscribe({ topic: "seen/#", qos: 0 });
  const writer = await RawClient.in(url, 5, { clientId: "writer" });
  const told = await changed(
    (before, { flow, mqtt }) => ({
      messages: flow.messagesIn - before.flow.messagesIn,
      payload: flow.payloadBytesIn - before.flow.payloadBytesIn,
      out: mqtt.messagesOut - before.mqtt.messagesOut,
      payloadOut: mqtt.payloadBytesOut - before.mqtt.payloadBytesOut,
      runsAreFewer: flow.runsIn - before.flow.runsIn < 100,
      singles: flow.singleRunsIn - before.flow.singleRunsIn,
      hasBytes: mqtt.bytesIn > before.mqtt.bytesIn && mqtt.bytesOut > before.mqtt.bytesOut,
    }),
    async () => {
      const one = publishPacket("seen/a", "12345678");
      writer.send(...Array.from({ length: 100 }, () => one));
      writer.send(publishPacket("seen/b", "last", { qos: 1, messageId: 9 }));
      await writer.next("puback");
      for (let left = 101; left > 0; left--) await reader.next("publish");
    },
  );
  assert.deepEqual(told, {
    ...{ messages: 101, payload: 804, out: 101, payloadOut: 804 },
    ...{ runsAreFewer: true, singles: 1, hasBytes: true },
  });
  const { clients } = await http.top();
  const row = clients.find(({ client }) => client === "reader");
  assert.equal(row?.messagesOut, 101);
  assert.equal(row.who, "anonymous (--dev)");
  assert.equal(clients.find(({ client }) => client === "writer")?.messagesIn, 101);
  reader.destroy();
  writer.destroy();
});

test("observed - who is refused or ended is counted by reason", async () => {
  const told = await changed(
    (before, { mqtt }) => ({
      refused:
        (mqtt.refused["malformed-packet"] ?? 0) - (before.mqtt.refused["malformed-packet"] ?? 0),
      wrong: mqtt.refused["bad-user-name-or-password"],
      ended: mqtt.ended["topic-name-invalid"],
    }),
    async () => {
      const garbage = new RawClient(url, 4);
      garbage.send(Buffer.from([0x10, 0x02, 0xff, 0xff]));
      await garbage.closed;
      const stranger = new RawClient(url, 5);
      const password = Buffer.from("wrong");
      stranger.send(connectPacket(5, { clientId: "s", username: "nobody", password }));
      await stranger.next("connack");
      const wild = await RawClient.in(url, 5, { clientId: "wild" });
      wild.send(publishPacket("a/+/b", "x"));
      await wild.next("disconnect");
      await wild.closed;
    },
  );
  assert.deepEqual(told, { refused: 1, wrong: 1, ended: 1 });
});

test("observed - a client that does not read is first of the list, with what waits and what went", async () => {
  const slow = await RawClient.in(url, 5, { clientId: "slow" });
  await slow.subscribe({ topic: "flood/#", qos: 0 });
  slow.socket.pause();
  const writer = await RawClient.in(url, 5, { clientId: "flood" });
  const payload = "x".repeat(60_000);
  for (let id = 1; id <= 20; id++) {
    writer.send(...Array.from({ length: 20 }, () => publishPacket("flood/a", payload)));
    await writer.settled();
  }
  const { clients, flow, mqtt } = await http.top(1);
  assert.equal(clients[0]?.client, "slow");
  assert.ok(clients[0].queuedBytes > 100_000, `${clients[0].queuedBytes}`);
  assert.ok(clients[0].dropped > 0);
  assert.ok((flow.dropped["queue-full"] ?? 0) >= clients[0].dropped);
  assert.ok(mqtt.queuedBytes >= clients[0].queuedBytes);
  slow.destroy();
  writer.destroy();
});

/** OpenMetrics 1.0, § ABNF and § "Metric types", as far as counters, gauges and info go. */
function assertOpenMetrics(text: string): Map<string, number> {
  assert.ok(text.endsWith("\n# EOF\n"));
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  let family = "";
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    const said = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (said !== null) {
      const [, what, name = "", rest = ""] = said;
      if (what === "TYPE") {
        assert.ok(!types.has(name), `${name} stands once, its lines together`);
        assert.match(rest, /^(counter|gauge|info)$/);
        types.set(name, rest);
        family = name;
      } else assert.equal(name, family, line);
      if (what === "UNIT") assert.ok(name.endsWith(`_${rest}`), `${name} ends with its unit`);
      continue;
    }
    const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
    const form = new RegExp(`^([a-zA-Z_:][\\w:]*)(\\{${label}(?:,${label})*\\})? (-?[0-9.e+-]+)$`);
    const sample = form.exec(line);
    assert.ok(sample, line);
    const suffix = { counter: "_total", gauge: "", info: "_info" }[types.get(family) ?? ""];
    assert.equal(sample[1], family + suffix, line);
    const key = sample[1] + (sample[2] ?? "");
    assert.ok(!samples.has(key), `${key} stands once`);
    const value = Number(sample[3]);
    assert.ok(Number.isFinite(value) && value >= 0, line);
    samples.set(key, value);
  }
  return samples;
}

test("observed - /metrics is OpenMetrics, whatever a client calls itself", async () => {
  const odd = await RawClient.in(url, 5, { clientId: 'a"b\\c\nd' });
  const answer = await fetch(new URL("/metrics", node.httpUrl));
  assert.equal(
    answer.headers.get("content-type"),
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  const samples = assertOpenMetrics(await answer.text());
  const top = await http.top();
  assert.equal(samples.get("comity_messages_in_total"), top.flow.messagesIn);
  assert.equal(samples.get("comity_mqtt_connections"), top.mqtt.connections);
  assert.equal(samples.get('comity_mqtt_ended_total{reason="topic-name-invalid"}'), 1);
  const named = String.raw`comity_client_inflight{client="a\"b\\c\nd",who="anonymous (--dev)"}`;
  assert.equal(samples.get(named), 0);
  odd.destroy();
});

test("observed - /metrics is for who has a token", async () => {
  const stranger = { authorization: "Bearer wrong" };
  const refused = await fetch(new URL("/metrics", node.httpUrl), { headers: stranger });
  assert.equal(refused.status, 401);
});

test("observed - comity top prints one picture where there is no terminal, and JSON", async () => {
  let text = "";
  const stdout = { write: (more: string) => (text += more) };
  const io = { stdout, stderr: stdout, env: { COMITY_URL: node.httpUrl } };
  assert.equal(await runCli(["top"], io), 0);
  assert.match(text, /^door {2}up \d+ s /);
  assert.match(text, /\nmessages {4}.*\/s in, .* a run, \d+ % of runs single/);
  assert.match(text, /\nended {7}.*1 topic-name-invalid/);
  text = "";
  assert.equal(await runCli(["--json", "top", "--rows", "1"], io), 0);
  assert.equal((JSON.parse(text) as TopResource).name, "door");
});
