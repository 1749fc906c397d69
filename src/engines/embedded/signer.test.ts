import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Clock } from "../../kernel/clock.ts";
import { systemEntropy } from "../../kernel/id.ts";
import { signerConformance } from "../../ports/signer.conformance.ts";
import type { Signer } from "../../ports/signer.ts";
import { openEmbeddedSigner } from "./signer.ts";

const now = 1_790_000_000_500;
const clock: Clock = { now: () => now, monotonic: () => 0 };
const did = "did:web:a.example";

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "comity-signer-"));
const open = (dir: string, as = did): Promise<Signer> =>
  openEmbeddedSigner({ dir, did: as, clock });

signerConformance("the embedded signer", now, async () => {
  const dir = await folder();
  return {
    signer: await open(dir),
    reopen: () => open(dir),
    dispose: () => rm(dir, { recursive: true }),
  };
});

test("signer - the key file is its owner's alone, and nothing else is left behind", async () => {
  const dir = await folder();
  await open(join(dir, "new", "folder"));
  const path = join(dir, "new", "folder", "keys.json");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(dir, "new", "folder")), ["keys.json"]);
  await chmod(path, 0o644);
  await open(join(dir, "new", "folder"));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await rm(dir, { recursive: true });
});

test("signer - keeps the DID of the first start, whatever it is given later", async () => {
  const dir = await folder();
  const first = await open(dir);
  const later = await open(dir, "did:web:other.example");
  assert.equal(later.did, did);
  assert.equal(later.keyId, first.keyId);
  await rm(dir, { recursive: true });
});

test("signer - first starts at the same time agree on one key", async () => {
  const dir = await folder();
  const signers = await Promise.all(Array.from({ length: 8 }, () => open(dir)));
  assert.equal(new Set(signers.map(({ keyId }) => keyId)).size, 1);
  assert.deepEqual(await readdir(dir), ["keys.json"]);
  await rm(dir, { recursive: true });
});

test("signer - a key file that cannot be used is named and left as it is", async () => {
  const dir = await folder();
  await open(dir);
  const path = join(dir, "keys.json");
  const good = JSON.parse(await readFile(path, "utf8"));
  const bad = [
    "",
    "{",
    JSON.stringify({ ...good, v: 2 }),
    JSON.stringify({ ...good, did: "nobody" }),
    JSON.stringify({ ...good, key: { ...good.key, d: "AA" } }),
    JSON.stringify({ ...good, key: { ...good.key, x: Buffer.alloc(32).toString("base64url") } }),
  ];
  for (const text of bad) {
    await writeFile(path, text);
    await assert.rejects(open(dir), { code: "CONFIG_INVALID", message: /keys\.json/ });
    assert.equal(await readFile(path, "utf8"), text);
  }
  await rm(dir, { recursive: true });
});

test("signer - refuses to start as something that is no DID", async () => {
  const dir = await folder();
  await assert.rejects(open(dir, "https://a.example"), { code: "CONFIG_INVALID" });
  assert.deepEqual(await readdir(dir), []);
  await rm(dir, { recursive: true });
});

test("signer - the same randomness makes the key of RFC 8032 test 1", async () => {
  const dir = await folder();
  const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
  const entropy = { ...systemEntropy, bytes: () => Buffer.from(seed, "hex") };
  const signer = await openEmbeddedSigner({ dir, did, clock, entropy });
  assert.equal(
    Buffer.from(signer.publicJwk.x, "base64url").toString("hex"),
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  );
  await rm(dir, { recursive: true });
});
