/** Retained messages as their node's people see them: bounded, listed and cleared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({}, { retained: { topicsMax: 3 } });

async function comity(...args: string[]): Promise<string> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const io = { stdout: stream, stderr: stream, env: { COMITY_URL: node.httpUrl } };
  assert.equal(await runCli(args, io), 0, text);
  return text;
}

test("retained - beyond the limit none is kept, which is counted; clearing makes room", async () => {
  const client = await RawClient.in(node.mqttUrl, 5);
  const keep = async (topic: string, messageId: number): Promise<void> => {
    client.send(publishPacket(topic, "12345", { qos: 1, retain: true, messageId }));
    await client.next("puback");
  };
  for (const [i, topic] of ["old/a", "old/b", "new/a", "new/b"].entries()) await keep(topic, i + 1);
  const { retained } = await http.top();
  assert.deepEqual([retained.messages, retained.notKept, retained.expired], [3, 1, 0]);
  const rows = await http.retained("old/#");
  assert.deepEqual(
    rows.map(({ topic, payloadBytes }) => [topic, payloadBytes]),
    [
      ["old/a", 5],
      ["old/b", 5],
    ],
  );
  assert.ok(Math.abs(Date.parse(rows[0]!.at) - Date.now()) < 60_000);
  assert.match(await comity("retained", "list"), /^TOPIC .*\nold\/a .*\nold\/b .*\nnew\/a /);
  assert.equal(await comity("retained", "clear", "old/#"), "2 forgotten.\n");
  await keep("new/b", 5);
  await client.subscribe({ topic: "#", qos: 0 });
  assert.deepEqual(await client.messages(), ["new/a 12345", "new/b 12345"]);
  client.destroy();
});

test("retained - a filter that is none is refused by name", async () => {
  await assert.rejects(http.clearRetained("a/#/b"), { code: "FILTER_INVALID" });
});
