/** The log of what was signed, between two nodes: proved, witnessed, and not taken back unseen. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { verifyProof } from "../../src/settle/evidence-log/verify-proof.ts";
import { openCheckpoint } from "../../src/wire/tlog/checkpoint.ts";
import { rootOf } from "../../src/wire/tlog/merkle.ts";
import { noteKeyOf } from "../../src/wire/tlog/note.ts";
import { hashesIn, tilePath } from "../../src/wire/tlog/tile.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";

const price = { amount: "0.01", currency: "EUR", perMessages: 1 };

let nodes: TwoNodes;
let agreement: string;
before(async () => {
  nodes = await twoNodes({ witnessMs: 50 });
  ({ id: agreement } = await nodes.share({
    ...{ title: "Proved", topics: ["proved/#"], delivery: "logged" },
    terms: { price },
  }));
});
after(() => nodes.close());

async function delivered(count: number): Promise<void> {
  const publisher = await nodes.mqtt("provider");
  const already = await taken();
  for (let i = 0; i < count; i++) await publisher.publish(`proved/${i}`, "x", { qos: 1 });
  await until("they are taken", async () => (await taken()) === already + count);
}

async function taken(): Promise<number> {
  const usage = await nodes.consumer.http.usage();
  return usage.find((one) => one.agreement === agreement)?.messages ?? 0;
}

async function receipts(): Promise<number> {
  const usage = await nodes.provider.http.usage();
  return usage.find((one) => one.agreement === agreement)?.receipted?.seq ?? 0;
}

test("evidence log - an agreement and each receipt are proved on both sides, witnessed by the other", async () => {
  await delivered(3);
  await until("a receipt is signed", async () => (await receipts()) > 0);
  for (const [side, other] of [
    [nodes.provider, nodes.consumer],
    [nodes.consumer, nodes.provider],
  ] as const) {
    await until("the other has witnessed all of it", async () => {
      const { size, witnesses } = await side.http.evidence.state();
      return size >= 2 && witnesses.some((one) => one.size === size);
    });
    for (const receipt of [undefined, 1]) {
      const { proof } = await side.http.evidence.prove(agreement, receipt);
      const { leaf, signers, checkpoint } = verifyProof(proof);
      assert.equal(leaf.kind, receipt === undefined ? "agreement" : "receipt");
      assert.equal(leaf.of, agreement);
      assert.equal(checkpoint.origin, side.node.did);
      assert.deepEqual(
        signers.map(({ name }) => name),
        [side.node.did, other.node.did],
      );
      assert.ok(signers.every(({ lasting }) => lasting));
      for (const wrong of [
        proof.replace("index 0", "index 1").replace("index 1\n", "index 2\n"),
        proof.replace(/\n(\S{43}=)\n\n/, `\n${"A".repeat(43)}=\n\n`),
      ]) {
        if (wrong === proof) continue;
        assert.throws(() => verifyProof(wrong), { code: "EVIDENCE_BROKEN" });
      }
    }
    await assert.rejects(side.http.evidence.prove(agreement, 9999), { code: "NOT_FOUND" });
  }
});

test("evidence log - its tiles give the root that its checkpoint says, to anybody", async () => {
  const base = `${nodes.provider.node.httpUrl}/comity/v1/log`;
  const text = async (path: string): Promise<string> => (await fetch(`${base}/${path}`)).text();
  const keys = (await text("keys"))
    .trim()
    .split("\n")
    .flatMap((key) => noteKeyOf(key) ?? []);
  assert.equal(keys.length, 3);
  const opened = openCheckpoint(await text("checkpoint"), keys);
  assert.ok(opened !== undefined && opened.signers.length === 2);
  const { size, root } = opened.checkpoint;
  const read = hashesIn(size, async (tile) => {
    const response = await fetch(`${base}/tile/${tilePath(tile)}`);
    assert.equal(response.status, 200);
    return new Uint8Array(await response.arrayBuffer());
  });
  assert.deepEqual(await rootOf(size, read), root);
  for (const path of ["0/001", `0/000.p/${size + 1}`, "0/1", "9/000", "entries/000.p/1"]) {
    assert.equal((await fetch(`${base}/tile/${path}`)).status, 404, path);
  }
  const stranger = await fetch(`${base}/witness`, { method: "POST", body: "{}" });
  assert.equal(stranger.status, 401);
});

test("evidence log - comity verify checks the file without a node", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-proof-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "agreement.tlog-proof");
  const { proof } = await nodes.provider.http.evidence.prove(agreement);
  await writeFile(file, proof);
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const io = { env: {}, stdout: stream, stderr: stream };
  assert.equal(await runCli(["verify", file], io), 0, said.join(""));
  assert.match(said.join(""), /agreement.tlog-proof verifies\./);
  assert.match(said.join(""), new RegExp(`agreement of ${agreement}`));
});

test("evidence log - a node that is restored from an old backup is found out, and finds it out", async () => {
  const data = nodes.provider.options.data;
  await nodes.restart("provider", {}, () => cp(data, `${data}-old`, { recursive: true }));
  // Receipts it would get back from the other; an agreement it knows nothing of any more.
  await nodes.share({ title: "Lost", topics: ["lost/#"], terms: { price } });
  await delivered(2);
  await until("more is signed", async () => (await receipts()) > 1);
  await until("the other has witnessed it", async () => {
    const { size, witnesses } = await nodes.provider.http.evidence.state();
    return witnesses.some((one) => one.size === size);
  });
  await nodes.restart("provider", {}, async () => {
    await rm(data, { recursive: true });
    await cp(`${data}-old`, data, { recursive: true });
  });
  for (const side of [nodes.consumer, nodes.provider]) {
    await until(
      "it is seen",
      async () => (await side.http.evidence.state()).conflicts.length > 0,
      20_000,
    );
    const [conflict] = (await side.http.evidence.state()).conflicts;
    assert.equal(conflict?.origin, nodes.provider.node.did);
    const keys = (await nodes.provider.http.evidence.state()).keys.flatMap(
      (key) => noteKeyOf(key) ?? [],
    );
    for (const note of [conflict.known, conflict.shown]) {
      assert.ok(
        (openCheckpoint(note, keys)?.signers.length ?? 0) > 0,
        "both stand under its own key",
      );
    }
  }
  await assert.rejects(
    async () => verifyProof("c2sp.org/tlog-proof@v1\nindex 0\n\nnothing"),
    (thrown) => thrown instanceof ComityError && thrown.code === "EVIDENCE_BROKEN",
  );
});
