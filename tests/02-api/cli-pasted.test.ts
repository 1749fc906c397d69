/** What a newcomer pastes: a node in the background, its commands right behind, the next one it told. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { runCli } from "../../src/cli/program.ts";
import { upOptions } from "../../src/cli/up-options.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity pasted-"));
});
after(() => rm(folder, { recursive: true }));

function start(args: readonly string[]) {
  const texts = { out: "", err: "" };
  const stopping = new AbortController();
  const done = runCli(args, {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text), isTTY: true },
    env: {},
    signal: stopping.signal,
  });
  return { texts, done, stop: () => stopping.abort() };
}

test("comity - a command right behind the start of its node waits for it, and tells the next one whole", async () => {
  const data = join(folder, "buses");
  const node = start(["--data", data, "up", "--http", "0", "--mqtt", "0"]);
  try {
    const shared = start([
      "--data",
      data,
      "product",
      "add",
      "p",
      "--topic",
      "p/#",
      "--price",
      "free",
    ]);
    assert.equal(await shared.done, 0, shared.texts.err);
    assert.match(shared.texts.err, /^No node runs on .*buses yet; waiting 10 s for one …\n$/);
    const link = start(["--data", data, "share", "p", "--to", "Delft"]);
    assert.equal(await link.done, 0, link.texts.err);
    assert.equal(link.texts.err, "");
    const told = /^End it: comity --data '(.*)' share revoke \S+$/m.exec(link.texts.out);
    assert.equal(told?.[1], data);
  } finally {
    node.stop();
    assert.equal(await node.done, 0);
  }
});

test("comity up - who it is need be said once: a later start without it goes by the same name", async () => {
  const data = join(folder, "tram");
  const up = ["--data", data, "up", "--http", "0", "--mqtt", "0"];
  const said = ["--name", "trams", "--currency", "EUR", "--place", "52.1,4.3,The Hague"];
  assert.match(await startedAndStopped([...up, ...said]), /node trams /);
  assert.match(await startedAndStopped(up), /node trams /);
  const { name, currency, country, place, title } = upOptions({ data }, {});
  assert.deepEqual([name, title, country, currency], ["trams", "trams", "ZZ", "EUR"]);
  assert.deepEqual(place, { lat: 52.1, lon: 4.3, name: "The Hague" });
  assert.match(await startedAndStopped([...up, "--name", "trains"]), /node trains /);
  assert.equal(upOptions({ data }, {}).title, "trains");
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify({ country: "NL" }));
  const { currency: unsaid } = upOptions({ data, config, name: "x" }, {});
  assert.equal(unsaid, "XXX", "a file of one's own says all there is");
});

async function startedAndStopped(args: readonly string[]): Promise<string> {
  const node = start(args);
  while (!node.texts.out.includes("Ctrl-C")) {
    await Promise.race([
      pause(10),
      node.done.then((code) => assert.fail(`${code} ${node.texts.err}`)),
    ]);
  }
  node.stop();
  assert.equal(await node.done, 0, node.texts.err);
  return node.texts.out;
}

test("comity - a folder without a node is named, and no other node is asked in its place", async () => {
  const status = start(["--data", join(folder, "city"), "status"]);
  setTimeout(status.stop, 200);
  assert.equal(await status.done, 1);
  assert.match(status.texts.err, /comity: No node runs on the data folder .*city\.\n {2}Start it/);
});

test("comity - what needs no node waits for none", async () => {
  const unit = start(["--data", join(folder, "city"), "unit", "show", "KWH"]);
  assert.equal(await unit.done, 0);
  assert.equal(unit.texts.err, "");
});
