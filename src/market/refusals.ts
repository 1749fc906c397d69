import { canonicalBytes } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Entropy, newUrn } from "../kernel/id.ts";
import type { GeneralJws, PublicJwk, Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../wire/jws.ts";

/** `typ` of the signature under a refusal. */
const refusalType = "comity-refusal+jws";
const kind = "refusal";

/** Why a right was not granted; in canonical form it is the payload of the refuser's signature. */
export interface RefusalRecord {
  readonly v: 1;
  readonly id: string;
  /** Participants' ids: who asked, and who refuses. */
  readonly asker: string;
  readonly by: string;
  /** What was asked for, in words. */
  readonly subject: string;
  /** Of Regulation (EU) 2023/2854: `Art. 5(3)`. */
  readonly article: string;
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface Refusal {
  readonly record: RefusalRecord;
  readonly signed: GeneralJws;
}

export interface RefusalsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Different ones to one asker; beyond it the asker is told to slow down. */
  readonly perAskerMax?: number;
  /** Of all askers, who may be strangers. */
  readonly refusalsMax?: number;
}

/**
 * Refusals given and received, each signed by who refused and kept for ever. The same question
 * refused for the same reason has one record, and gets the same bytes again.
 */
export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #refusals = new Map<string, Refusal>();

  private constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  static async open(options: RefusalsOptions): Promise<Refusals> {
    const refusals = new Refusals(options);
    for (const { doc } of await options.store.list<Refusal>(kind)) {
      refusals.#refusals.set(doc.record.id, doc);
    }
    return refusals;
  }

  /** The newest first. */
  list(): readonly Refusal[] {
    return [...this.#refusals.values()].sort((a, b) => b.record.at.localeCompare(a.record.at));
  }

  /** What this node has refused somebody. */
  givenTo(asker: string): readonly Refusal[] {
    const { did } = this.#options.signer;
    return [...this.#refusals.values()].filter(
      ({ record }) => record.asker === asker && record.by === did,
    );
  }

  async give(
    refused: Pick<RefusalRecord, "asker" | "subject" | "article" | "reason">,
  ): Promise<Refusal> {
    const { signer, clock, entropy, perAskerMax = 100, refusalsMax = 100_000 } = this.#options;
    const given = this.givenTo(refused.asker);
    const known = given.find(({ record }) => isSame(record, refused));
    if (known) return known;
    if (given.length >= perAskerMax || this.#refusals.size >= refusalsMax) {
      const limit = given.length >= perAskerMax ? perAskerMax : refusalsMax;
      throw new ComityError("LIMIT_REACHED", { limit, what: "refusals" });
    }
    const at = new Date(clock.now()).toISOString();
    const { asker, subject, article, reason } = refused;
    const id = newUrn(entropy);
    const record: RefusalRecord = {
      ...{ v: 1, id, asker, by: signer.did, subject, article, reason, at },
    };
    const bytes = canonicalBytes(record);
    const signed = mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, refusalType));
    return this.#keep({ record, signed });
  }

  /** One that another participant gave to this node; SIGNATURE_INVALID where it is not theirs. */
  async receive(by: string, key: PublicJwk, signed: GeneralJws): Promise<Refusal> {
    const what = `the refusal of ${by}`;
    const keyOf = (kid: string) => (didOfKeyId(kid) === by ? key : undefined);
    await verifySignature(signed, keyOf, { what, type: refusalType });
    const text = Buffer.from(signaturePayload(signed)).toString("utf8");
    const record: unknown = JSON.parse(text);
    if (!isRecord(record) || record.by !== by || record.asker !== this.#options.signer.did) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "it is about another one" });
    }
    return this.#refusals.get(record.id) ?? this.#keep({ record, signed });
  }

  async #keep(refusal: Refusal): Promise<Refusal> {
    const { id } = refusal.record;
    await this.#options.store.commit([{ op: "put", kind, id, doc: refusal }]);
    this.#refusals.set(id, refusal);
    return refusal;
  }
}

function isSame(
  record: RefusalRecord,
  { subject, article, reason }: Pick<RefusalRecord, "subject" | "article" | "reason">,
): boolean {
  return record.subject === subject && record.article === article && record.reason === reason;
}

function isRecord(value: unknown): value is RefusalRecord {
  if (typeof value !== "object" || value === null || !("v" in value) || value.v !== 1) return false;
  const members = value as Record<string, unknown>;
  return ["id", "asker", "by", "subject", "article", "reason", "at"].every((name) => {
    const text = members[name];
    return typeof text === "string" && text.length > 0 && text.length <= 1_000;
  });
}
