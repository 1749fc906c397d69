import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { Turns } from "../../kernel/turns.ts";
import type { NoteSigner } from "../../ports/note-signer.ts";
import type { PublicJwk } from "../../ports/signer.ts";
import type { Store } from "../../ports/store.ts";
import { type Checkpoint, openCheckpoint } from "../../wire/tlog/checkpoint.ts";
import { isConsistent } from "../../wire/tlog/merkle.ts";
import { type NoteKey, noteText, signatureType, verifierKey } from "../../wire/tlog/note.ts";
import type { LogConflicts } from "./conflicts.ts";
import { cosignaturesOf, noteKeysOf } from "./note-signatures.ts";

/** `/comity/v1/log/witness` on the witness's node. */
export const witnessPath = "/comity/v1/log/witness";

const noteCharsMax = 100_000;
const hashPattern = "^[A-Za-z0-9+/]{43}=$";

/** What c2sp.org/tlog-witness calls add-checkpoint, as JSON between nodes that know each other. */
const WitnessRequest = Type.Object({
  checkpoint: Type.String({ maxLength: noteCharsMax }),
  /** The size that the witness is believed to know; 0 at first. */
  old: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  proof: Type.Array(Type.String({ pattern: hashPattern }), { maxItems: 63 }),
});
export type WitnessRequest = Static<typeof WitnessRequest>;
const witnessRequest = Compile(WitnessRequest);

const WitnessAnswer = Type.Object({
  /** The note with the witness's signatures alone, and its keys. */
  cosigned: Type.Optional(
    Type.Object({
      note: Type.String({ maxLength: noteCharsMax }),
      keys: Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 8 }),
    }),
  ),
  /** What the witness knows instead, where `old` is not that. */
  known: Type.Optional(Type.String({ maxLength: noteCharsMax })),
});
export type WitnessAnswer = Static<typeof WitnessAnswer>;
export const witnessAnswer = Compile(WitnessAnswer);

export interface WitnessBookOptions {
  readonly store: Store;
  readonly signer: NoteSigner;
  readonly clock: Clock;
  readonly conflicts: LogConflicts;
  /** The key a participant signs with. */
  readonly keyOf: (did: string) => Promise<PublicJwk>;
  readonly nameOf: (did: string) => string;
}

/** Kind `evidence-witnessed`, id = the log's name. */
interface Witnessed {
  readonly size: number;
  readonly note: string;
}

const kind = "evidence-witnessed";

/**
 * Others' logs as this node has seen them. It signs that one goes on from all it has seen of it,
 * and keeps what it signed before it says so.
 */
export class WitnessBook {
  readonly #options: WitnessBookOptions;
  readonly #turns = new Turns();

  constructor(options: WitnessBookOptions) {
    this.#options = options;
  }

  /** `from`: the authenticated caller. Throws BODY_INVALID or SIGNATURE_INVALID. */
  async witness(from: string, asked: unknown): Promise<WitnessAnswer> {
    if (!witnessRequest.Check(asked)) throw invalid("it is no checkpoint to be witnessed");
    const checkpoint = await this.#opened(from, asked.checkpoint);
    return this.#turns.take(from, () => this.#answer(checkpoint, asked));
  }

  async #opened(from: string, note: string): Promise<Checkpoint> {
    const key: NoteKey = {
      ...{ name: from, type: signatureType.ed25519 },
      publicKey: Buffer.from((await this.#options.keyOf(from)).x, "base64url"),
    };
    const opened = openCheckpoint(note, [key]);
    if (opened?.checkpoint.origin !== from) throw invalid(`it is no checkpoint of ${from}`);
    if (opened.signers.length > 0) return opened.checkpoint;
    const problem = "the log has not signed it";
    throw new ComityError("SIGNATURE_INVALID", { what: "the checkpoint", problem });
  }

  async #answer(checkpoint: Checkpoint, asked: WitnessRequest): Promise<WitnessAnswer> {
    const { store, conflicts, nameOf } = this.#options;
    const { origin, size, root } = checkpoint;
    const known = await store.get<Witnessed>(kind, origin);
    if ((known?.size ?? 0) !== asked.old) {
      if (known !== undefined && size < known.size) {
        const both = {
          origin,
          known: known.note,
          shown: asked.checkpoint,
          what: "shrank",
        } as const;
        await conflicts.keep(both, `${nameOf(origin)}'s`);
      }
      return known === undefined ? {} : { known: known.note };
    }
    if (known !== undefined) {
      const before = await this.#opened(origin, known.note);
      const proof = asked.proof.map((hash) => Buffer.from(hash, "base64"));
      if (!isConsistent(before, { size, root }, proof)) {
        const both = {
          origin,
          known: known.note,
          shown: asked.checkpoint,
          what: "forked",
        } as const;
        await conflicts.keep(both, `${nameOf(origin)}'s`);
        return { known: known.note };
      }
    }
    return this.#cosign(checkpoint, asked.checkpoint);
  }

  async #cosign(checkpoint: Checkpoint, note: string): Promise<WitnessAnswer> {
    const { store, signer, clock } = this.#options;
    const { origin, size } = checkpoint;
    const doc: Witnessed = { size, note };
    await store.commit([{ op: "put", kind, id: origin, doc }]);
    const seconds = Math.floor(clock.now() / 1000);
    const signatures = await cosignaturesOf(signer, checkpoint, seconds);
    const text = note.slice(0, note.lastIndexOf("\n\n") + 1);
    const keys = noteKeysOf(signer).filter(({ type }) => type !== signatureType.ed25519);
    return { cosigned: { note: noteText({ text, signatures }), keys: keys.map(verifierKey) } };
  }
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
