import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { GeneralJws } from "../../ports/signer.ts";
import type { Store } from "../../ports/store.ts";
import { compareVersions } from "./changes.ts";
import type { Commissions } from "./commissions.ts";
import type { Commission } from "./document.ts";

/** Whose word about a sector this node takes, and up to which version. */
export interface Recognition {
  /** DID. */
  readonly issuer: string;
  readonly sector: string;
  /** Hash of the version that was accepted; earlier ones of its chain count with it. */
  readonly accepted: string;
  /** Hash of a later version that waits to be accepted. */
  readonly offered?: string;
  /** ISO 8601, UTC: when it was last asked. */
  readonly checkedAt: string;
  /** What is wrong with what it publishes now. */
  readonly problem?: string;
  /** Another document it signed under a version that is kept here: the proof. */
  readonly rival?: GeneralJws;
}

const kind = "recognition";

/** A node's choice of commissions. What was accepted stays what it was, whatever they publish. */
export class Recognitions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #commissions: Commissions;
  readonly #recognitionsMax: number;
  readonly #recognitions = new Map<string, Recognition>();
  readonly #listeners = new Set<() => void>();

  private constructor(options: RecognitionsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#commissions = options.commissions;
    this.#recognitionsMax = options.recognitionsMax ?? 100;
  }

  static async open(options: RecognitionsOptions): Promise<Recognitions> {
    const recognitions = new Recognitions(options);
    for (const { id, doc } of await options.store.list<Recognition>(kind)) {
      recognitions.#recognitions.set(id, doc);
    }
    return recognitions;
  }

  list(): readonly Recognition[] {
    return [...this.#recognitions.values()];
  }

  get(issuer: string, sector: string): Recognition | undefined {
    return this.#recognitions.get(idOf({ issuer, sector }));
  }

  /** Does a mark by that document count here? This node's own always do. */
  counts(hash: string): boolean {
    const document = this.#commissions.get(hash)?.document;
    if (document === undefined) return false;
    if (this.#commissions.isOwn(document)) return true;
    const recognition = this.get(document.issuer, document.sector);
    const accepted = recognition && this.#commissions.get(recognition.accepted);
    if (!accepted) return false;
    return compareVersions(document.version, accepted.document.version) <= 0;
  }

  /** Hashes of all documents of a sector whose mark counts here. */
  hashesOf(sector: string): readonly string[] {
    return this.#commissions
      .list()
      .filter(({ hash, document }) => document.sector === sector && this.counts(hash))
      .map(({ hash }) => hash);
  }

  /** Takes an issuer's word from now on: what it has published, the oldest first. */
  async recognise(chain: readonly Commission[]): Promise<Recognition> {
    const newest = chain.at(-1);
    if (newest === undefined) throw new Error("nothing to recognise");
    const limit = this.#recognitionsMax;
    const { issuer, sector } = newest.document;
    if (!this.get(issuer, sector) && this.#recognitions.size >= limit) {
      throw new ComityError("LIMIT_REACHED", { limit, what: "recognised vocabularies" });
    }
    await this.#commissions.keep(chain);
    return this.#put({ issuer, sector, accepted: newest.hash, checkedAt: this.#now() });
  }

  /** What it has published since, the oldest first; it waits until it is accepted. */
  async offer(recognition: Recognition, since: readonly Commission[]): Promise<Recognition> {
    const { issuer, sector, accepted } = recognition;
    if (!this.#stands(recognition)) return recognition;
    await this.#commissions.keep(since);
    const offered = since.at(-1)?.hash;
    return this.#put({
      ...{ issuer, sector, accepted, checkedAt: this.#now() },
      ...(offered !== undefined && { offered }),
    });
  }

  /** Something is wrong with what it publishes now. */
  async object(recognition: Recognition, problem: string, rival?: GeneralJws): Promise<void> {
    if (!this.#stands(recognition)) return;
    const proof = rival ?? recognition.rival;
    const checkedAt = this.#now();
    await this.#put({ ...recognition, checkedAt, problem, ...(proof && { rival: proof }) });
  }

  /** Accepts the version that waits; STATE_INVALID where none does. */
  async accept({ issuer, sector, accepted, offered }: Recognition): Promise<Recognition> {
    if (offered === undefined) {
      const version = this.#commissions.get(accepted)?.document.version ?? "";
      const state = `accepted as ${version}, and no newer version is known`;
      throw new ComityError("STATE_INVALID", {
        ...{ what: "Vocabulary", id: sector, state, act: "to update it" },
      });
    }
    return this.#put({ issuer, sector, accepted: offered, checkedAt: this.#now() });
  }

  /** Its marks count no more; the documents stay for what was marked by them. */
  async forget(recognition: Recognition): Promise<void> {
    const id = idOf(recognition);
    await this.#store.commit([{ op: "remove", kind, id }]);
    this.#recognitions.delete(id);
    for (const listener of this.#listeners) listener();
  }

  /** Hears when the choice, or what is known of it, has changed. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asking takes time: meanwhile it may have been forgotten, or another version accepted. */
  #stands({ issuer, sector, accepted }: Recognition): boolean {
    return this.get(issuer, sector)?.accepted === accepted;
  }

  async #put(recognition: Recognition): Promise<Recognition> {
    const id = idOf(recognition);
    await this.#store.commit([{ op: "put", kind, id, doc: recognition }]);
    this.#recognitions.set(id, recognition);
    for (const listener of this.#listeners) listener();
    return recognition;
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

export interface RecognitionsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly commissions: Commissions;
  readonly recognitionsMax?: number;
}

function idOf({ issuer, sector }: Pick<Recognition, "issuer" | "sector">): string {
  return `${issuer}/${sector}`;
}
