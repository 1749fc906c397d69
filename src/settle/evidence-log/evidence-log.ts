/**
 * The evidence log: everything that a node has signed or was signed to it, in one order that
 * cannot be changed unseen (c2sp.org/tlog-tiles).
 *
 * In come leaves (`leaf.ts`), written in the very commit of what they tell of. Once a second they
 * are given their places in the tree (`log-tree.ts`), all in one commit, and the tree's head is
 * signed (here): a checkpoint. Out go proofs for files, and checkpoints to the nodes this one
 * trades with, which see that nothing was taken back and sign that (`witnesses.ts`), as this node
 * does for them (`witness-book.ts`). A log that forks or shrinks is known by two of its own
 * signatures that contradict each other.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Crash } from "../../kernel/crash.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { NoteSigner } from "../../ports/note-signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { type Checkpoint, checkpointText } from "../../wire/tlog/checkpoint.ts";
import { consistencyProof, inclusionProof, rootOf, type TreeHead } from "../../wire/tlog/merkle.ts";
import {
  keyIdOf,
  noteKeyOf,
  noteText,
  type NoteSignature,
  verifierKey,
} from "../../wire/tlog/note.ts";
import { proofText } from "../../wire/tlog/proof.ts";
import { hashesIn, type Tile } from "../../wire/tlog/tile.ts";
import { entryOf, type Leaf, nameOfLeaf, pendingKind } from "./leaf.ts";
import { LogTree } from "./log-tree.ts";
import { noteKeysOf, signaturesOf } from "./note-signatures.ts";

export interface EvidenceLogOptions {
  readonly store: Store;
  readonly signer: NoteSigner;
  readonly clock: Clock;
  readonly crash: Crash;
  readonly onFailed: (error: unknown) => void;
  readonly everyMs?: number;
}

/** Kind `evidence-head`: the tree, and the last checkpoint that was signed of it. */
interface HeadDoc {
  readonly size: number;
  readonly root: string;
}
interface CheckpointDoc {
  readonly size: number;
  readonly text: string;
  readonly signatures: readonly SignatureDoc[];
}
interface SignatureDoc extends Omit<NoteSignature, "signature"> {
  readonly signature: string;
}

/** A checkpoint with the log's own signatures, as witnesses are shown it. */
export interface ShownCheckpoint {
  readonly size: number;
  readonly note: string;
}

/** Places are given to so many at a time. */
const batchMax = 1000;
/** Of witnesses under one checkpoint: sixteen that sign with both kinds. Readers of notes have limits. */
const cosignaturesMax = 32;

export class EvidenceLog {
  readonly #options: EvidenceLogOptions;
  readonly #tree: LogTree;
  readonly #timer: NodeJS.Timeout;
  #head: TreeHead;
  #checkpoint: CheckpointDoc | undefined;
  /** The one that witnesses were shown last, with what they have signed of it; and the one before. */
  #shown: CheckpointDoc | undefined;
  #shownBefore: CheckpointDoc | undefined;
  #working: Promise<void> = Promise.resolve();

  private constructor(options: EvidenceLogOptions, tree: LogTree, head: TreeHead) {
    this.#options = options;
    this.#tree = tree;
    this.#head = head;
    this.#timer = setInterval(() => void this.settle(), options.everyMs ?? 1000).unref();
  }

  static async open(options: EvidenceLogOptions): Promise<EvidenceLog> {
    const { store } = options;
    const doc = await store.get<HeadDoc>("evidence-head", "tree");
    const size = doc?.size ?? 0;
    const head = { size, root: Buffer.from(doc?.root ?? "", "base64") };
    const log = new EvidenceLog(options, await LogTree.open(store, size), head);
    log.#checkpoint = await store.get<CheckpointDoc>("evidence-head", "checkpoint");
    log.#shown = await store.get<CheckpointDoc>("evidence-head", "shown");
    return log;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.settle();
  }

  /** The log's name: the DID of its node. */
  get origin(): string {
    return this.#options.signer.name;
  }

  get size(): number {
    return this.#head.size;
  }

  /** The last one that was signed, with all signatures under it; undefined: nothing is logged yet. */
  get checkpoint(): string | undefined {
    return this.#checkpoint && noteOf(this.#checkpoint);
  }

  /** What witnesses are to see now: the last checkpoint. Kept until they are shown another. */
  show(): ShownCheckpoint | undefined {
    if (this.#shown?.size !== this.#checkpoint?.size) {
      if (this.#cosignatures(this.#shown) > 0) this.#shownBefore = this.#shown;
      this.#shown = this.#checkpoint;
    }
    if (this.#shown === undefined) return undefined;
    const { size, signatures } = this.#shown;
    const own = signatures.filter(({ name }) => name === this.origin);
    return { size, note: noteOf({ ...this.#shown, signatures: own }) };
  }

  /** As verifiers are told of them (c2sp.org/signed-note). */
  get verifierKeys(): readonly string[] {
    return noteKeysOf(this.#options.signer).map(verifierKey);
  }

  /** Everything that waits has its place, and the head is signed. */
  settle(): Promise<void> {
    this.#working = this.#working
      .then(() => this.#work())
      .catch((error: unknown) => this.#options.onFailed(error));
    return this.#working;
  }

  /** Undefined: there is none. */
  tile(tile: Tile): Promise<Buffer | undefined> {
    return this.#tree.tile(tile);
  }

  /** Hashes that show a witness what came since; throws where the log was never so long. */
  async consistency(first: number, size = this.#checkpoint?.size ?? 0): Promise<Buffer[]> {
    if (first > size) throw new RangeError(`the log has ${size} entries, not ${first}`);
    return consistencyProof(first, size, this.#hashes(size));
  }

  /** How much of it was signed, and is shown to everybody. */
  get signedSize(): number {
    return this.#checkpoint?.size ?? 0;
  }

  /** The root that it had at that size; throws where it was never so long. */
  async rootAt(size: number): Promise<Buffer> {
    if (size > this.size) throw new RangeError(`the log has ${this.size} entries, not ${size}`);
    return rootOf(size, this.#hashes(size));
  }

  /**
   * A file that proves the leaf (c2sp.org/tlog-proof), with its entry and the keys beside it: in
   * the checkpoint that has it and that most witnesses have signed, the newest of them.
   */
  async prove(name: string, witnessKeys: readonly string[] = []): Promise<string> {
    const { store } = this.#options;
    await this.settle();
    const place = await store.get<{ index: number }>("evidence-place", name);
    const [checkpoint] = [this.#checkpoint, this.#shown, this.#shownBefore]
      .filter((doc) => doc !== undefined)
      .filter(({ size }) => place !== undefined && place.index < size)
      .toSorted((a, b) => this.#cosignatures(b) - this.#cosignatures(a));
    if (place === undefined || checkpoint === undefined) {
      throw new ComityError("NOT_FOUND", { what: "entry of the evidence log", id: name });
    }
    const leaf = await store.get<Leaf>("evidence-entry", entryId(place.index));
    if (leaf === undefined) throw new Error(`entry ${place.index} of the evidence log is missing`);
    const { size } = checkpoint;
    const hashes = await inclusionProof(place.index, size, this.#hashes(size));
    const names = new Set(checkpoint.signatures.map((one) => `${one.name} ${one.keyId}`));
    const theirs = witnessKeys.filter((text) => {
      const key = noteKeyOf(text);
      return key !== undefined && names.has(`${key.name} ${keyIdOf(key)}`);
    });
    const beside = { entry: leaf, keys: [...this.verifierKeys, ...theirs] };
    const extra = Buffer.from(JSON.stringify(beside));
    return proofText({ index: place.index, hashes, checkpoint: noteOf(checkpoint), extra });
  }

  /** A witness has signed the checkpoint that was shown. */
  async cosigned(size: number, signatures: readonly NoteSignature[]): Promise<void> {
    const shown = this.#shown;
    if (shown?.size !== size) return;
    const known = new Set(shown.signatures.map(({ name, keyId }) => `${name} ${keyId}`));
    const added = signatures.filter(({ name, keyId }) => !known.has(`${name} ${keyId}`));
    if (added.length === 0 || this.#cosignatures(shown) + added.length > cosignaturesMax) return;
    const doc: CheckpointDoc = {
      ...shown,
      signatures: [...shown.signatures, ...added.map(signatureDoc)],
    };
    await this.#options.store.commit([{ op: "put", kind: "evidence-head", id: "shown", doc }]);
    this.#shown = doc;
  }

  /** Of a checkpoint, by others than the log itself. */
  #cosignatures(doc: CheckpointDoc | undefined): number {
    return doc?.signatures.filter(({ name }) => name !== this.origin).length ?? 0;
  }

  #hashes(size: number) {
    return hashesIn(size, async (tile) => {
      const hashes = await this.#tree.tile(tile);
      if (hashes !== undefined) return hashes;
      throw new Error(`the evidence log has no tile ${tile.level}/${tile.index}`);
    });
  }

  async #work(): Promise<void> {
    while (await this.#placeSome());
    if (this.#head.size > (this.#checkpoint?.size ?? 0)) await this.#sign();
  }

  /** One batch; whether there may be more. */
  async #placeSome(): Promise<boolean> {
    const { store, crash } = this.#options;
    const pending = await store.list<Leaf>(pendingKind, { limit: batchMax });
    const known = await Promise.all(pending.map(({ id }) => store.get("evidence-place", id)));
    const fresh = pending.filter((_, i) => known[i] === undefined).map(({ doc }) => doc);
    if (pending.length === 0) return false;
    const first = this.#tree.size;
    const { writes, head, done } = await this.#tree.grown(fresh.map(entryOf));
    const doc: HeadDoc = { size: head.size, root: Buffer.from(head.root).toString("base64") };
    await store.commit([
      ...pending.map(({ id }): Write => ({ op: "remove", kind: pendingKind, id })),
      ...fresh.flatMap((leaf, i) => entryWrites(leaf, first + i)),
      ...writes,
      { op: "put", kind: "evidence-head", id: "tree", doc },
    ]);
    done();
    this.#head = head;
    crash("evidence.placed");
    return pending.length === batchMax;
  }

  async #sign(): Promise<void> {
    const { signer, clock, crash } = this.#options;
    const checkpoint: Checkpoint = { origin: signer.name, ...this.#head };
    const text = checkpointText(checkpoint);
    const seconds = Math.floor(clock.now() / 1000);
    const signatures = await signaturesOf(signer, checkpoint, seconds);
    crash("evidence.signed");
    const doc: CheckpointDoc = {
      ...{ size: checkpoint.size, text },
      signatures: signatures.map(signatureDoc),
    };
    await this.#options.store.commit([{ op: "put", kind: "evidence-head", id: "checkpoint", doc }]);
    this.#checkpoint = doc;
  }
}

function noteOf({ text, signatures }: CheckpointDoc): string {
  return noteText({ text, signatures: signatures.map(signatureOf) });
}

function entryWrites(leaf: Leaf, index: number): Write[] {
  return [
    { op: "add", kind: "evidence-entry", id: entryId(index), doc: leaf },
    { op: "add", kind: "evidence-place", id: nameOfLeaf(leaf), doc: { index } },
  ];
}

function entryId(index: number): string {
  return String(index).padStart(16, "0");
}

function signatureDoc({ signature, ...rest }: NoteSignature): SignatureDoc {
  return { ...rest, signature: signature.toString("base64") };
}

function signatureOf({ signature, ...rest }: SignatureDoc): NoteSignature {
  return { ...rest, signature: Buffer.from(signature, "base64") };
}
