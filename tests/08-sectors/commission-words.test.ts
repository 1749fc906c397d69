/** What a person types and reads: two nodes, one publishes, the other recognises. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { type TestNode, twoNodes, until } from "../two-nodes.ts";

const vocabulary = (speedMax: number, required = "[id]") => `
sector: transport
title: Buses of the region
messages:
  Bus:
    title: A bus
    source: https://example.org/bus
    required: ${required}
    members:
      id: { type: string }
      speed: { type: number, unit: km/h, maximum: ${speedMax} }
`;

async function comity(side: TestNode, ...args: string[]): Promise<string> {
  let said = "";
  const write = (text: string) => (said += text);
  const env = { COMITY_URL: side.node.httpUrl, COMITY_TOKEN: side.token };
  const code = await runCli(args, { stdout: { write }, stderr: { write }, env });
  return code === 0 ? said : `exit ${code}: ${said}`;
}

test("commission - published from a file, recognised, marked, found and shown in words", async (t) => {
  const both = await twoNodes({ markEveryMs: 1, crawlMs: 0 });
  const folder = await mkdtemp(join(tmpdir(), "comity-commission-"));
  t.after(async () => {
    await both.close();
    await rm(folder, { recursive: true, force: true });
  });
  const [here, there] = [both.provider, both.consumer];
  const file = join(folder, "buses.yaml");
  await writeFile(file, vocabulary(120));
  assert.match(
    await comity(here, "commission", "publish", file),
    /^Buses of the region is published as transport 1\.0\.0\.\n {2}hash +sha256:\S+\n {2}address +http\S+\/commissions\/transport\/1\.0\.0\n$/,
  );
  assert.match(await comity(here, "commission", "list"), /transport +1\.0\.0 +Buses .* yours/);
  assert.match(
    await comity(here, "commission", "show", "transport"),
    /Bus: A bus\n +id +string, required\n +speed +number, km\/h, ≤ 120\n/,
  );
  assert.match(await comity(there, "find", "--mark", "transport"), /no recognised vocabulary/);
  assert.match(
    await comity(there, "commission", "recognise", here.node.httpUrl, "--sector", "transport"),
    /Buses of the region 1\.0\.0 of provider is recognised/,
  );
  const offer = ["--sector", "transport", "--price", "free", "--conforms-to", "transport@1.0.0"];
  const add = await comity(here, "product", "add", "buses", "--topic", "bus/#", ...offer);
  assert.match(add, /offered as buses/);
  assert.match(
    await comity(here, "product", "show", "buses"),
    /Mark: transport 1\.0\.0: not checked/,
  );
  const company = await both.mqtt("provider");
  await company.publish("bus/7", '{"type":"Bus","id":"7","speed":50}', { qos: 1 });
  await until("it is found by its mark", async () =>
    /buses\S+ .* logged, transport 1\.0\.0/.test(
      await comity(there, "find", "--mark", "transport", "--fresh"),
    ),
  );
  const verbose = await comity(there, "find", "buses", "--verbose");
  assert.match(verbose, /Mark: transport 1\.0\.0: 1 of 1 messages conform since .*\n +by did:web:/);
  const [found] = await there.http.find("buses");
  const { id } = await there.http.agree(found!.offer, found!.provider);
  await company.publish("bus/7", '{"type":"Bus","id":"7","speed":130}', { qos: 1 });
  await until("the buyer is told in what it departs", async () =>
    /Bus\.speed is above 120 \(1\)\. It departs too often to count\./.test(
      await comity(there, "agreement", "show", id),
    ),
  );

  await writeFile(file, vocabulary(100));
  assert.match(
    await comity(here, "commission", "publish", file, "--as", "1.1.0"),
    /^exit 1: .*is a major change: Bus\.speed: maximum 100 instead of 120\.\n +Publish it as 2\.0\.0/,
  );
  const breaks = /breaks +Bus\.speed: maximum 100 instead of 120/;
  assert.match(await comity(here, "commission", "publish", file), breaks);
  const diff = ["commission", "diff", "transport@1.0.0", "transport@2.0.0"];
  assert.match(await comity(here, ...diff), breaks);
  const waiting = await comity(there, "commission", "recognised", "--check");
  assert.match(waiting, /2\.0\.0 waits: comity commission update provider\/transport/);
  assert.match(waiting, breaks);
  const update = await comity(there, "commission", "update", "provider/transport");
  assert.equal(update, "transport 2.0.0 of provider is accepted.\n");
  const forget = await comity(there, "commission", "forget", "transport");
  assert.equal(forget, "transport is recognised no more.\n");
  assert.match(await comity(there, "commission", "list"), /\(not recognised\)/);
  assert.match(await comity(there, "find", "buses", "--verbose"), /not recognised here/);
  assert.match(await comity(here, "commission", "publish"), /exit 1: .*name a file/);
});
