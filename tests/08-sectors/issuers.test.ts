import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { nodeOptions, startTestNode } from "../two-nodes.ts";
import { ScriptedIssuer } from "./scripted-issuer.ts";

const bus = { title: "A bus", source: "https://example.org", required: ["id"] };
const members = { id: { type: "string" }, speed: { type: "number", unit: "km/h" } };

function buses(version: string, previous?: string, more: object = {}): object {
  return {
    ...{ sector: "transport", version, title: "Buses", indicators: {} },
    messages: { Bus: { ...bus, members: { ...members, ...more } } },
    template: { product: {}, terms: {} },
    ...(previous !== undefined && { previous }),
  };
}

/** An issuer, and a node that may call it. */
async function open(t: TestContext) {
  const issuer = await ScriptedIssuer.open();
  const folder = await mkdtemp(join(tmpdir(), "comity-issuers-"));
  const options = await nodeOptions(folder, {
    ...{ name: "buyer", title: "The buyer", crawlMs: 0 },
    localPeers: [{ did: issuer.did, url: issuer.url }],
  });
  let side = await startTestNode(options);
  t.after(async () => {
    issuer.close();
    await side.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { commissions } = side.http;
  const restart = async (): Promise<void> => {
    await side.node.close();
    side = await startTestNode(options);
  };
  return { issuer, commissions, restart };
}

test("issuers - what is recognised is read whole, pinned, and stays over a restart", async (t) => {
  const { issuer, commissions, restart } = await open(t);
  const first = await issuer.publish(buses("1.0.0"));
  const second = await issuer.publish(buses("1.1.0", first, { line: { type: "string" } }));
  const made = await commissions.recognise(issuer.url, "transport");
  assert.equal(made.issuer, issuer.did);
  assert.equal(made.accepted.hash, second);
  await restart();
  const kept = await commissions.list();
  assert.deepEqual(
    kept.map(({ hash, recognised, own }) => ({ hash, recognised, own })),
    [first, second].map((hash) => ({ hash, recognised: true, own: false })),
  );
  assert.deepEqual(await commissions.recognised(), [made]);
  await commissions.forget("transport");
  assert.deepEqual(await commissions.recognised(), []);
  assert.ok((await commissions.list()).every(({ recognised }) => !recognised));
});

test("issuers - a new version waits, and says what it breaks, before it is accepted", async (t) => {
  const { issuer, commissions } = await open(t);
  const first = await issuer.publish(buses("1.0.0"));
  await commissions.recognise(issuer.did, "transport");
  const gone = { speed: { type: "string" } };
  const between = await issuer.publish(buses("1.1.0", first, { line: { type: "string" } }));
  const next = await issuer.publish(buses("2.0.0", between, gone));
  const [waiting] = await commissions.check();
  assert.equal(waiting?.accepted.hash, first);
  assert.equal(waiting?.offered?.commission.hash, next);
  assert.deepEqual(waiting?.offered?.changes, [
    { level: "major", text: "Bus.speed: a string instead of a number" },
  ]);
  const recognised = async () =>
    (await commissions.list()).map(({ version, recognised: counts }) => [version, counts]);
  const before = [["1.0.0", true], ["1.1.0", false], ["2.0.0", false]]; // prettier-ignore
  assert.deepEqual(await recognised(), before);
  const accepted = await commissions.update(`${issuer.did}/transport`);
  assert.equal(accepted.accepted.hash, next);
  assert.ok((await recognised()).every(([, counts]) => counts));
  await assert.rejects(commissions.update("transport"), { code: "STATE_INVALID" });
});

test("issuers - whoever is nobody, private or silent on the sector is not recognised", async (t) => {
  const { issuer, commissions } = await open(t);
  await issuer.publish(buses("1.0.0"));
  const refused: readonly [string, string, string][] = [
    ["nobody", "transport", "ADDRESS_FORBIDDEN"],
    ["http://127.0.0.1:1", "transport", "ADDRESS_FORBIDDEN"],
    ["did:web:127.0.0.1%3A1", "transport", "ADDRESS_FORBIDDEN"],
    ["did:key:z6Mk", "transport", "IDENTITY_INVALID"],
    [issuer.did, "energy", "COMMISSION_REFUSED"],
  ];
  for (const [named, sector, code] of refused) {
    await assert.rejects(commissions.recognise(named, sector), { code }, named);
  }
  await assert.rejects(commissions.forget("transport"), { code: "NOT_FOUND" });
});

test("issuers - a forged document is refused: a flipped byte, another key, another's list", async (t) => {
  const { issuer, commissions } = await open(t);
  const recognise = () => commissions.recognise(issuer.did, "transport");
  const hash = await issuer.publish(buses("1.0.0"));
  const { signed } = issuer.documents.get("transport/1.0.0")!;
  const { payload } = signed;
  const flipped = Buffer.from(payload, "base64url");
  flipped[flipped.indexOf("Buses")]! ^= 1;
  issuer.documents.set("transport/1.0.0", {
    hash,
    signed: { ...signed, payload: flipped.toString("base64url") },
  });
  await assert.rejects(recognise(), {
    code: "SIGNATURE_INVALID",
    message: /vocabulary of did:web:localhost%3A\d+ does not verify: .*signature/,
  });
  await issuer.publish(buses("1.0.0"), generateKeyPairSync("ed25519").privateKey);
  await assert.rejects(recognise(), { code: "SIGNATURE_INVALID" });
  await issuer.publish({ ...buses("1.0.0"), issuer: "did:web:other.example" });
  await assert.rejects(recognise(), { code: "SIGNATURE_INVALID", message: /it is did:web:other/ });
  await issuer.publish({ ...buses("1.0.0"), messages: {} });
  await assert.rejects(recognise(), { code: "COMMISSION_INVALID", message: /it has no messages/ });
  await issuer.publish(buses("1.0.0"));
  issuer.documents.get("transport/1.0.0")!.hash = `sha256:${"A".repeat(43)}`;
  await assert.rejects(recognise(), {
    code: "COMMISSION_REFUSED",
    message: /under 1.0.0 its list has sha256:AAAA.*, and its node sha256:/,
  });
  await issuer.publish(buses("1.1.0", `sha256:${"B".repeat(43)}`));
  issuer.documents.delete("transport/1.0.0");
  await assert.rejects(recognise(), {
    message: /1.1.0 names a version before it that is not in its list/,
  });
  assert.deepEqual(await commissions.list(), []);
});

test("issuers - two documents of one version are noticed, and the proof is kept", async (t) => {
  const { issuer, commissions } = await open(t);
  const first = await issuer.publish(buses("1.0.0"));
  await commissions.recognise(issuer.did, "transport");
  const other = await issuer.publish(buses("1.0.0", undefined, { line: { type: "string" } }));
  const rival = issuer.documents.get("transport/1.0.0")!.signed;
  await issuer.publish(buses("1.1.0", other));
  const [found] = await commissions.check();
  assert.match(
    found?.problem ?? "",
    new RegExp(`signed two documents as 1.0.0: ${first} and ${other}`),
  );
  assert.deepEqual(found?.rival, rival);
  // what was accepted stands, and nothing else counts
  assert.equal(found?.accepted.hash, first);
  assert.equal(found?.offered, undefined);
  assert.deepEqual(
    (await commissions.list()).map(({ hash }) => hash),
    [first],
  );
});

test("issuers - nobody goes back behind what was accepted, or past it", async (t) => {
  const { issuer, commissions } = await open(t);
  const first = await issuer.publish(buses("1.0.0"));
  await issuer.publish(buses("1.1.0", first, { line: { type: "string" } }));
  await commissions.recognise(issuer.did, "transport");
  issuer.documents.delete("transport/1.1.0");
  const [older] = await commissions.check();
  assert.match(older?.problem ?? "", /its newest is 1.0.0, and 1.1.0 was accepted here/);
  // one that follows from the first, as if the second had never been
  await issuer.publish(buses("1.2.0", first));
  const [past] = await commissions.check();
  assert.match(past?.problem ?? "", /1.0.0 does not come after 1.1.0, which it signed/);
  assert.equal(past?.accepted.version, "1.1.0");
  issuer.close();
  const [silent] = await commissions.check();
  assert.match(silent?.problem ?? "", /did not answer/);
  assert.equal(silent?.accepted.version, "1.1.0");
});
