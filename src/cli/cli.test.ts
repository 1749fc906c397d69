import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { printable } from "../kernel/printable.ts";
import { ComityError } from "../kernel/errors.ts";
import { type CliIo, nodeOf } from "./context.ts";
import { addressFrom, localPeerFrom, placeFrom, priceFrom } from "./flags.ts";
import { printError, printLine, printTable } from "./output.ts";
import { upOptions } from "./up-options.ts";

function io(env: Record<string, string> = {}): CliIo & { text: () => string } {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  return { stdout: stream, stderr: stream, env, text: () => text };
}

test("connection - what is named comes before the environment, and that before the folder", async () => {
  const data = await mkdtemp(join(tmpdir(), "comity-context-"));
  await writeFile(join(data, "admin-token"), "own-token\n");
  await writeFile(join(data, "address.json"), '{"http":"http://127.0.0.1:9000","mqtt":"mqtt://x"}');
  const env = { COMITY_URL: "http://127.0.0.1:9001", COMITY_TOKEN: "env-token" };
  const named = { url: "http://127.0.0.1:9002", token: "named", data };
  assert.deepEqual(nodeOf(io(env), named), { url: "http://127.0.0.1:9002", token: "named" });
  assert.deepEqual(nodeOf(io(env), { data }), { url: env.COMITY_URL, token: "env-token" });
  assert.deepEqual(nodeOf(io(), { data }), { url: "http://127.0.0.1:9000", token: "own-token" });
  await rm(data, { recursive: true });
});

test("connection - the token of the default folder is not sent to a host elsewhere", async () => {
  const before = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), "comity-cwd-"));
  await mkdir(join(folder, "comity-data"));
  await writeFile(join(folder, "comity-data", "admin-token"), "own-token\n");
  process.chdir(folder);
  try {
    const url = "https://node.example";
    assert.deepEqual(nodeOf(io(), { url }), { url });
    assert.deepEqual(nodeOf(io({ COMITY_URL: url }), {}), { url });
    const local = "http://localhost:8080";
    assert.deepEqual(nodeOf(io(), { url: local }), { url: local, token: "own-token" });
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
  }
});

test("flags - prices, places and addresses are read as a person writes them", () => {
  assert.deepEqual(priceFrom("0.002 EUR", 10), {
    amount: "0.002",
    currency: "EUR",
    perMessages: 10,
  });
  assert.equal(priceFrom("free", 1).amount, "0");
  for (const bad of ["0.002", "EUR", "0.0000001 EUR", "-1 EUR", "1 eur", ""]) {
    assert.throws(() => priceFrom(bad, 1), { code: "CONFIG_INVALID" }, bad);
  }
  assert.deepEqual(placeFrom("51.92,4.48,Rotterdam, NL"), {
    lat: 51.92,
    lon: 4.48,
    name: "Rotterdam, NL",
  });
  assert.throws(() => placeFrom(",4"), { code: "CONFIG_INVALID" });
  assert.deepEqual(addressFrom("--http", "8080", "127.0.0.1"), { host: "127.0.0.1", port: 8080 });
  assert.deepEqual(addressFrom("--http", "[::1]:0", "127.0.0.1"), { host: "::1", port: 0 });
  for (const bad of ["70000", "x", "1.2.3.4:", ""]) {
    assert.throws(() => addressFrom("--http", bad, "127.0.0.1"), { code: "CONFIG_INVALID" }, bad);
  }
});

test("flags - a local peer is known by its port, or by the DID it is given with", () => {
  const url = "http://127.0.0.1:8081";
  assert.deepEqual(localPeerFrom(`${url}/`), { did: "did:web:localhost%3A8081", url });
  assert.deepEqual(localPeerFrom(`did:web:farm.example=${url}`), {
    did: "did:web:farm.example",
    url,
  });
  const protocol = "http://localhost:8282/protocol";
  const unproven = { did: "an-edc", url: protocol, identity: "mock" };
  assert.deepEqual(localPeerFrom(`mock:an-edc=${protocol}`), unproven);
  for (const bad of [
    "8081",
    "an-edc=http://127.0.0.1:1",
    "mock:=x",
    "http://127.0.0.1",
    "mqtt://127.0.0.1:1883",
    "",
  ]) {
    assert.throws(() => localPeerFrom(bad), { code: "CONFIG_INVALID" }, bad);
  }
});

test("up - flags win over the file, the file over defaults, and it binds to this machine", async () => {
  const folder = await mkdtemp(join(tmpdir(), "comity-up-"));
  const config = join(folder, "node.yaml");
  await writeFile(
    config,
    "name: nairobi\ncountry: KE\nhttp: 9000\nplace: {lat: -1.3, lon: 36.8}\n",
  );
  const options = upOptions({ config, name: "kisumu", mqtt: "0.0.0.0:0" }, {});
  assert.deepEqual([options.name, options.country, options.currency], ["kisumu", "KE", "XXX"]);
  assert.deepEqual(options.http, { host: "127.0.0.1", port: 9000 });
  assert.deepEqual(options.mqtt, { host: "0.0.0.0", port: 0 });
  assert.equal(options.dev, false);
  assert.equal(options.crash, undefined);
  assert.equal(typeof upOptions({}, { COMITY_CRASH_AT: "log.committed:3" }).crash, "function");
  assert.throws(() => upOptions({ name: "Not Fit" }, {}), { code: "CONFIG_INVALID" });
  assert.throws(() => upOptions({ country: "Netherlands" }, {}), { code: "CONFIG_INVALID" });
  assert.throws(() => upOptions({ publicUrl: "ftp://x" }, {}), { code: "CONFIG_INVALID" });
  await rm(folder, { recursive: true });
});

test("output - columns line up, numbers stand right, and no control character gets through", () => {
  const out = io();
  printTable(
    out,
    ["NAME", "COUNT"],
    [
      ["bus\u001b[2J", 1234],
      ["x", 5],
    ],
    "nothing",
  );
  assert.equal(out.text(), "NAME     COUNT\nbus·[2J  1,234\nx            5\n");
  assert.equal(printable("a\nb\r\u0007\u202e"), "a·b···");
});

test("output - a peer's words in a line or an error do not steer the terminal", () => {
  const out = io();
  printLine(out, "Buses\u001b]0;owned\u0007\nAgreed");
  assert.equal(out.text(), "Buses·]0;owned··Agreed\n");
  const failed = io();
  const problem = "no\u001b[2J\u202e";
  printError(failed, new ComityError("PEER_REFUSED", { peer: "rude", problem }), false);
  assert.match(failed.text(), /no·\[2J·/);
});
