/** Witnesses that are many, that forget, and that sign for something else than they were shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { neverCrash } from "../../src/kernel/crash.ts";
import type { NoteSigner } from "../../src/ports/note-signer.ts";
import { LogConflicts } from "../../src/settle/evidence-log/conflicts.ts";
import { EvidenceLog } from "../../src/settle/evidence-log/evidence-log.ts";
import { type Leaf, nameOfLeaf, pendingKind } from "../../src/settle/evidence-log/leaf.ts";
import {
  cosignaturesOf,
  noteKeysOf,
  signaturesOf,
} from "../../src/settle/evidence-log/note-signatures.ts";
import { verifyProof } from "../../src/settle/evidence-log/verify-proof.ts";
import {
  type WitnessAnswer,
  WitnessBook,
  type WitnessRequest,
} from "../../src/settle/evidence-log/witness-book.ts";
import { Witnesses } from "../../src/settle/evidence-log/witnesses.ts";
import { checkpointText } from "../../src/wire/tlog/checkpoint.ts";
import { noteText, verifierKey } from "../../src/wire/tlog/note.ts";
import { MemoryStore, newDisk } from "../sim/memory-store.ts";
import { newNoteSigner } from "../note-signer.ts";

const clock = { now: () => 1_795_000_000_000, monotonic: () => performance.now() };
const journal = { record() {}, list: () => [] } as never;
const owner = "did:web:log.example";

type Answer = (asked: WitnessRequest) => Promise<WitnessAnswer>;

/** A log, and who is asked to witness it. */
async function watched(witnesses: ReadonlyMap<string, Answer>, signer = newNoteSigner(owner)) {
  const store = new MemoryStore(newDisk());
  const onFailed = (error: unknown): void => assert.fail(String(error));
  const everyMs = 3_600_000;
  const log = await EvidenceLog.open({
    ...{ store, signer, clock, crash: neverCrash, everyMs, onFailed },
  });
  const conflicts = new LogConflicts({ store, clock, journal });
  const asking = new Witnesses({
    ...{ log, store, clock, conflicts, everyMs, onFailed },
    partners: () => [...witnesses.keys()],
    peers: {
      post: async (did, _path, body) => witnesses.get(did)!(structuredClone(body) as never),
    },
  });
  let written = 0;
  return {
    ...{ log, asking, conflicts },
    grow: async (): Promise<void> => {
      const one: Leaf = {
        ...{ v: 1, kind: "receipt", at: "2026-11-23T00:00:00.000Z", of: "urn:a" },
        ...{ seq: ++written, hash: `${written}` },
      };
      await store.commit([{ op: "put", kind: pendingKind, id: nameOfLeaf(one), doc: one }]);
      await log.settle();
    },
    proved: async (seq = 1) => {
      const keys = [...(await asking.list()).values()].flatMap((one) => one.keys);
      return verifyProof(await log.prove(`receipt/urn:a/${String(seq).padStart(10, "0")}`, keys));
    },
  };
}

/** One that follows the rules; `forget` loses all it has seen. */
function honest(signer: NoteSigner, of: NoteSigner): { answer: Answer; forget: () => void } {
  const bookOver = (): WitnessBook => {
    const store = new MemoryStore(newDisk());
    return new WitnessBook({
      ...{ store, signer, clock, nameOf: (did) => did },
      conflicts: new LogConflicts({ store, clock, journal }),
      keyOf: async () => ({
        ...{ kty: "OKP", crv: "Ed25519" },
        x: Buffer.from(of.ed25519).toString("base64url"),
      }),
    });
  };
  let book = bookOver();
  return {
    answer: (asked) => book.witness(owner, asked),
    forget: () => (book = bookOver()),
  };
}

test("witnesses - however many there are, all sign and proofs verify", async () => {
  const signer = newNoteSigner(owner);
  const all = Array.from({ length: 130 }, (_, i) => newNoteSigner(`did:web:w${i}.example`));
  const { grow, asking, proved, log } = await watched(
    new Map(all.map((one) => [one.name, honest(one, signer).answer])),
    signer,
  );
  for (const size of [1, 2]) {
    await grow();
    await asking.ask();
    const known = [...(await asking.list()).values()];
    assert.equal(known.filter((one) => one.size === size).length, all.length);
  }
  const { signers, checkpoint } = await proved();
  assert.equal(checkpoint.size, 2);
  assert.equal(signers.length, 17);
  assert.ok(signers.every(({ lasting }) => lasting));
  assert.ok((log.checkpoint?.length ?? 0) > 0);
});

test("witnesses - one that signs for another root, or adds what it did not sign, spoils no proof", async () => {
  const liar = newNoteSigner("did:web:liar.example");
  const stuffer = newNoteSigner("did:web:stuffer.example");
  const signer = newNoteSigner(owner);
  const good = newNoteSigner("did:web:good.example");
  const keysOf = (one: NoteSigner) => noteKeysOf(one).slice(1).map(verifierKey);
  const { grow, asking, proved } = await watched(
    new Map<string, Answer>([
      [
        liar.name,
        async ({ checkpoint }) => {
          const size = Number(checkpoint.split("\n")[1]);
          const other = { origin: owner, size, root: Buffer.alloc(32, 7) };
          const signatures = await cosignaturesOf(liar, other, 1);
          const note = noteText({ text: checkpointText(other), signatures });
          return { cosigned: { note, keys: keysOf(liar) } };
        },
      ],
      [
        stuffer.name,
        async (asked) => {
          const { cosigned } = await honest(stuffer, signer).answer(asked);
          const { name } = stuffer;
          const line = (i: number): string =>
            `— ${name} ${Buffer.from([0, 0, 0, i, 1, 2, 3]).toString("base64")}\n`;
          const more = Array.from({ length: 62 }, (_, i) => line(i + 1)).join("");
          return { cosigned: { note: cosigned!.note + more, keys: cosigned!.keys } };
        },
      ],
      [good.name, honest(good, signer).answer],
    ]),
    signer,
  );
  await grow();
  await asking.ask();
  const names = (await proved()).signers.map(({ name }) => name);
  assert.deepEqual(names, [owner, stuffer.name, good.name]);
  assert.ok(!(await asking.list()).has(liar.name));
});

test("witnesses - one that has forgotten the log signs for it again", async () => {
  const signer = newNoteSigner(owner);
  const partner = newNoteSigner("did:web:partner.example");
  const { answer, forget } = honest(partner, signer);
  const { grow, asking, conflicts } = await watched(new Map([[partner.name, answer]]), signer);
  await grow();
  await asking.ask();
  forget();
  await grow();
  await asking.ask();
  assert.equal((await asking.list()).get(partner.name)?.size, 2);
  assert.deepEqual(await conflicts.list(), []);
});

test("witnesses - one that replays the log's own older or newer checkpoints accuses nobody", async () => {
  const signer = newNoteSigner(owner);
  const good = newNoteSigner("did:web:good.example");
  const replays: string[] = [];
  const answers = new Map<string, Answer>([
    ["did:web:old.example", async () => ({ known: replays[0]! })],
    [
      "did:web:new.example",
      async () => {
        if (replays.length === 2) await grow(); // while it is asked, as traffic does
        return { known: log.checkpoint! };
      },
    ],
    [good.name, honest(good, signer).answer],
  ]);
  const { grow, asking, conflicts, log } = await watched(answers, signer);
  for (let i = 0; i < 3; i++) {
    await grow();
    replays.push(log.checkpoint!);
    await asking.ask();
    assert.deepEqual(await conflicts.list(), []);
  }
  assert.deepEqual([...(await asking.list()).keys()], [good.name]);
});

test("witnesses - one that knows more of the log, or another, than its node has shows it so", async () => {
  for (const [size, what] of [
    [2, "forked"],
    [3, "forked"],
    [4, "shrank"],
  ] as const) {
    const signer = newNoteSigner(owner);
    const known = { origin: owner, size, root: Buffer.alloc(32, 7) };
    const signatures = await signaturesOf(signer, known, 1);
    const note = noteText({ text: checkpointText(known), signatures });
    const forger = newNoteSigner(owner);
    const unsigned = noteText({
      text: checkpointText(known),
      signatures: await signaturesOf(forger, known, 1),
    });
    let shown = unsigned;
    const answers = new Map([["did:web:other.example", async () => ({ known: shown })]]);
    const { grow, asking, conflicts } = await watched(answers, signer);
    for (let i = 0; i < 3; i++) await grow();
    await asking.ask();
    assert.deepEqual(await conflicts.list(), [], "what the log has not signed is nobody's word");
    shown = note;
    await asking.ask();
    const kept = await conflicts.list();
    assert.deepEqual(
      kept.map((one) => [one.what, one.known]),
      [[what, note]],
    );
  }
});

test("witnesses - a proof keeps their signatures while the next checkpoint waits for them", async () => {
  const signer = newNoteSigner(owner);
  const partner = newNoteSigner("did:web:partner.example");
  let isAway = false;
  const { answer } = honest(partner, signer);
  const answers = new Map<string, Answer>([
    [partner.name, (asked) => (isAway ? Promise.reject(new Error("away")) : answer(asked))],
  ]);
  const { grow, asking, proved } = await watched(answers, signer);
  await grow();
  await asking.ask();
  isAway = true;
  await grow();
  await asking.ask();
  const first = await proved(1);
  assert.deepEqual([first.signers.length, first.checkpoint.size], [2, 1]);
  const second = await proved(2);
  assert.deepEqual([second.signers.length, second.checkpoint.size], [1, 2]);
  isAway = false;
  await asking.ask();
  const again = await proved(1);
  assert.deepEqual([again.signers.length, again.checkpoint.size], [2, 2]);
});
