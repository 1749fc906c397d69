import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import {
  checkpointText,
  cosignature,
  cosignedHead,
  cosignedText,
  openCheckpoint,
} from "./checkpoint.ts";
import { inclusionProof, leafHash, rootOf } from "./merkle.ts";
import {
  keyIdOf,
  type NoteKey,
  noteIn,
  noteKeyOf,
  noteText,
  signatureType,
  signersOf,
  verifierKey,
} from "./note.ts";
import { proofIn, proofText, provedBy } from "./proof.ts";

/** From c2sp.org/signed-note. */
const published = {
  key: "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
  note:
    "This is an example message.\n\n" +
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
};

test("note - the specification's own example verifies, and changed it does not", () => {
  const key = noteKeyOf(published.key);
  assert.ok(key);
  assert.equal(verifierKey(key), published.key);
  const note = noteIn(published.note);
  assert.ok(note);
  assert.equal(noteText(note), published.note);
  assert.deepEqual(signersOf(note, [key]), [key]);
  assert.deepEqual(signersOf(note, []), [], "keys that are not known are passed over");
  assert.equal(signersOf({ ...note, text: "This is another message.\n" }, [key]), undefined);
});

test("note - what is none is not read", () => {
  const { key, note } = published;
  for (const wrong of [
    "",
    note.slice(0, -1),
    note.replace("—", "-"),
    note.replace("example.com/foo ", "example.com/foo  "),
    note.replace("\n\n", "\n"),
    note.replace("message", "mess\u0007age"),
    note.replace("aQM=", "aQM"),
    note.replace("aQM=", "aQN="),
  ]) {
    assert.equal(noteIn(wrong), undefined, JSON.stringify(wrong));
  }
  for (const wrong of ["", key.replace("530d", "530e"), key.replace("+Aek", "+Cek"), `${key}A`]) {
    assert.equal(noteKeyOf(wrong), undefined, wrong);
  }
});

/** A signer with both kinds of keys, as a node has them. */
function signer(name: string) {
  const classic = generateKeyPairSync("ed25519");
  const quantum = generateKeyPairSync("ml-dsa-44");
  const raw = (jwk: { x?: string; pub?: string }): Buffer =>
    Buffer.from(jwk.x ?? jwk.pub ?? "", "base64url");
  const keyOf = (type: NoteKey["type"], publicKey: Buffer): NoteKey => ({ name, type, publicKey });
  const [x, pub] = [classic, quantum].map(({ publicKey }) =>
    raw(publicKey.export({ format: "jwk" }) as { x?: string; pub?: string }),
  ) as [Buffer, Buffer];
  const plain = keyOf(signatureType.ed25519, x);
  const cosigning = keyOf(signatureType.ed25519Cosignature, x);
  const lasting = keyOf(signatureType.mlDsa44Cosignature, pub);
  return {
    keys: [plain, cosigning, lasting],
    signaturesOf(text: string, checkpoint: Parameters<typeof checkpointText>[0], seconds: number) {
      const by = (key: NoteKey, signature: Buffer) => ({ name, keyId: keyIdOf(key), signature });
      const timed = sign(null, cosignedText(text, seconds), classic.privateKey);
      const head = sign(null, cosignedHead(name, checkpoint, seconds), quantum.privateKey);
      return [
        by(plain, sign(null, Buffer.from(text), classic.privateKey)),
        by(cosigning, cosignature(seconds, timed)),
        by(lasting, cosignature(seconds, head)),
      ];
    },
  };
}

test("checkpoint - signed by its log and a witness, classically and to outlive quantum computers", async () => {
  const entries = Array.from({ length: 5 }, (_, i) => Buffer.from(`entry ${i}`));
  const { hashesIn } = await import("./tile.ts");
  const leaves = Buffer.concat(entries.map((entry) => leafHash(entry)));
  const read = hashesIn(5, async () => leaves);
  const checkpoint = { origin: "did:web:log.example", size: 5, root: await rootOf(5, read) };
  const text = checkpointText(checkpoint);
  const [log, witness] = [signer("did:web:log.example"), signer("did:web:witness.example")];
  const signatures = [log, witness].flatMap((one) =>
    one.signaturesOf(text, checkpoint, 1_795_000_000),
  );
  const note = noteText({ text, signatures });
  const keys = [...log.keys, ...witness.keys];
  const opened = openCheckpoint(note, keys);
  assert.deepEqual(opened?.signers, keys);
  assert.deepEqual(opened?.checkpoint, checkpoint);
  assert.deepEqual(openCheckpoint(note, log.keys)?.signers, log.keys);
  const other = signer("did:web:log.example");
  assert.deepEqual(openCheckpoint(note, other.keys)?.signers, [], "another's keys, the same name");
  const larger = note.replace("\n5\n", "\n6\n");
  assert.equal(openCheckpoint(larger, keys), undefined);
  for (const key of keys)
    assert.deepEqual(noteKeyOf(verifierKey(key)), {
      ...key,
      publicKey: Buffer.from(key.publicKey),
    });

  const hashes = await inclusionProof(3, 5, read);
  const proof = { index: 3, hashes, checkpoint: note, extra: Buffer.from("of receipt 3") };
  const read2 = proofIn(proofText(proof));
  assert.ok(read2);
  assert.deepEqual(read2, proof);
  const proved = provedBy(entries[3]!, read2, log.keys);
  assert.ok(typeof proved !== "string");
  assert.deepEqual(proved.signers, log.keys);
  for (const [entry, changed, problem] of [
    [entries[2]!, proof, /entry 3 does not lead to the root/],
    [entries[3]!, { ...proof, index: 5 }, /beyond the 5/],
    [entries[3]!, { ...proof, checkpoint: larger }, /is wrong/],
  ] as const) {
    const said = provedBy(entry, changed, log.keys);
    assert.ok(typeof said === "string");
    assert.match(said, problem);
  }
  for (const wrong of [
    "",
    "c2sp.org/tlog-proof@v2\nindex 0\n\n",
    proofText(proof).replace("index 3", "index 03"),
  ]) {
    assert.equal(proofIn(wrong), undefined);
  }
});
