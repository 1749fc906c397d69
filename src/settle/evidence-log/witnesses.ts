import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Store } from "../../ports/store.ts";
import { type Checkpoint, openCheckpoint } from "../../wire/tlog/checkpoint.ts";
import { keyIdOf, noteIn, noteKeyOf, signatureType, verifierKey } from "../../wire/tlog/note.ts";
import type { LogConflict, LogConflicts } from "./conflicts.ts";
import type { EvidenceLog, ShownCheckpoint } from "./evidence-log.ts";
import {
  type WitnessAnswer,
  witnessAnswer,
  witnessPath,
  type WitnessRequest,
} from "./witness-book.ts";

export interface WitnessesOptions {
  readonly log: EvidenceLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "post">;
  readonly conflicts: LogConflicts;
  /** DIDs of the nodes that agreements stand with, each side's key pinned. */
  readonly partners: () => readonly string[];
  readonly onFailed: (error: unknown) => void;
  /** How often each is asked, where there is something new. */
  readonly everyMs?: number | undefined;
}

/** Kind `evidence-witness`, id = the witness's DID. */
export interface Witness {
  /** Entries of this node's log that it has signed for, and when; ISO 8601, UTC. */
  readonly size: number;
  readonly at: string;
  /** As verifiers are told of them. */
  readonly keys: readonly string[];
}

const kind = "evidence-witness";
const cosignerTypes = [signatureType.ed25519Cosignature, signatureType.mlDsa44Cosignature];

/** Shows this node's log to the nodes it trades with, and keeps their signatures with it. */
export class Witnesses {
  readonly #options: WitnessesOptions;
  readonly #timer: NodeJS.Timeout;
  /** Since the start. */
  readonly #asked = new Set<string>();
  #asking: Promise<void> | undefined;

  constructor(options: WitnessesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.ask(), options.everyMs ?? 60_000).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#asking;
  }

  /** By their DIDs. */
  async list(): Promise<ReadonlyMap<string, Witness>> {
    const stored = await this.#options.store.list<Witness>(kind);
    return new Map(stored.map(({ id, doc }) => [id, doc]));
  }

  /** Each one that has not signed for the last checkpoint yet; never rejects. */
  ask(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #askAll(): Promise<void> {
    const known = await this.list();
    const { partners, log } = this.#options;
    const shown = log.show();
    if (shown === undefined) return;
    for (const did of new Set(partners())) {
      // Once after a start also where nothing is new: this node may have been restored since.
      if (known.get(did)?.size === shown.size && this.#asked.has(did)) continue;
      try {
        await this.#askOne(did, shown, known.get(did)?.size ?? 0);
        this.#asked.add(did);
      } catch {
        // Who is away, or has no such door, is asked again.
      }
    }
  }

  async #askOne(did: string, shown: ShownCheckpoint, known: number): Promise<void> {
    let answer = await this.#post(did, shown, known);
    // Who was restored from a backup knows less of this log, or nothing.
    if (known > 0 && !answer.cosigned && !answer.known) answer = await this.#post(did, shown, 0);
    if (answer.cosigned !== undefined) return this.#keep(did, shown, answer.cosigned);
    const told = this.#ownCheckpoint(answer.known);
    if (told === undefined) return;
    const contradiction = await this.#contradictionOf(told);
    if (contradiction !== undefined) {
      const both = { origin: this.#options.log.origin, known: told.note, shown: shown.note };
      return this.#options.conflicts.keep({ ...both, what: contradiction }, "This node's own");
    }
    // an older one: what came since is shown from there on
    const again = await this.#post(did, shown, told.size);
    if (again.cosigned !== undefined) await this.#keep(did, shown, again.cosigned);
  }

  /** A checkpoint that this log grew from, or has signed since, contradicts nothing: who knows it is behind. */
  async #contradictionOf({ size, root }: Checkpoint): Promise<LogConflict["what"] | undefined> {
    const { log } = this.#options;
    if (size > log.signedSize) return "shrank";
    return (await log.rootAt(size)).equals(root) ? undefined : "forked";
  }

  async #post(did: string, shown: ShownCheckpoint, old: number): Promise<WitnessAnswer> {
    const { log, peers } = this.#options;
    const known = Math.min(old, shown.size);
    const hashes = await log.consistency(known, shown.size);
    const proof = hashes.map((hash) => hash.toString("base64"));
    const request: WitnessRequest = { checkpoint: shown.note, old: known, proof };
    const answer = await peers.post(did, witnessPath, request);
    if (witnessAnswer.Check(answer)) return answer;
    const problem = "the answer is none of a witness";
    throw new ComityError("SIGNATURE_INVALID", { what: `the checkpoint at ${did}`, problem });
  }

  /** Only what it signed of the very checkpoint that it was shown, with one key of each kind. */
  async #keep(
    did: string,
    shown: ShownCheckpoint,
    cosigned: NonNullable<WitnessAnswer["cosigned"]>,
  ): Promise<void> {
    const { log, store, clock } = this.#options;
    const keys = cosignerTypes.flatMap((type) => {
      const told = cosigned.keys.flatMap((text) => noteKeyOf(text) ?? []);
      return told.find((key) => key.name === did && key.type === type) ?? [];
    });
    const opened = openCheckpoint(cosigned.note, keys);
    if (opened === undefined || opened.signers.length === 0) return;
    if (opened.note.text !== noteIn(shown.note)?.text) return;
    const { size } = opened.checkpoint;
    const ids = new Set(opened.signers.map(keyIdOf));
    const own = opened.note.signatures.filter(({ name, keyId }) => name === did && ids.has(keyId));
    await log.cosigned(size, own);
    const at = new Date(clock.now()).toISOString();
    const doc: Witness = { size, at, keys: opened.signers.map(verifierKey) };
    await store.commit([{ op: "put", kind, id: did, doc }]);
  }

  /** What the witness says to know, if this node has signed it. */
  #ownCheckpoint(text = ""): (Checkpoint & { readonly note: string }) | undefined {
    const { log } = this.#options;
    const keys = log.verifierKeys.flatMap((key) => noteKeyOf(key) ?? []);
    const opened = openCheckpoint(text, keys.slice(0, 1));
    if (opened?.checkpoint.origin !== log.origin || opened.signers.length === 0) return undefined;
    return { ...opened.checkpoint, note: text };
  }
}
