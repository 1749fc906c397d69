import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import { topicProblem } from "../../kernel/topic.ts";
import type { Store, Write } from "../../ports/store.ts";
import { tokenHash } from "../token.ts";
import { newClaimCode } from "./claim-code.ts";

/** A code that unknown devices may come with, for a while. */
export interface Claim {
  readonly id: string;
  /** How many devices may become Things by it. */
  readonly devicesMax: number;
  /** Nothing else of them is looked at; absent: any topic. */
  readonly topicPrefix?: string;
  /** Who made it, as the audit trail names them. */
  readonly by: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

export type ClaimState = "open" | "used up" | "expired" | "revoked";

/** What was decided of one device that came with a code. */
export type Decided =
  /** `at`: milliseconds since the Unix epoch. */
  | { readonly state: "refused"; readonly at: number }
  | {
      readonly state: "accepted";
      readonly thing: string;
      /** It was heard under its own token since: the code is nothing to it any more. */
      readonly hasOwnToken?: true;
    };

export interface ClaimDraft {
  readonly seconds?: number | undefined;
  readonly devicesMax?: number | undefined;
  readonly topicPrefix?: string | undefined;
  readonly by: string;
}

interface StoredClaim {
  readonly claim: Claim;
  readonly codeHash: string;
}

interface StoredDecision {
  readonly claim: string;
  readonly device: string;
  readonly decided: Decided;
}

interface Book extends StoredClaim {
  readonly devices: Map<string, Decided>;
  /** Decisions on their way to the store: acceptances count already. */
  readonly deciding: Map<string, Decided>;
}

interface ClaimsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

const kind = "claim";
const decisionKind = "claimed";
const secondsDefault = 3_600;
/** Whoever shares a code can take the name, and so the token, of another that has it. */
const devicesDefault = 1;
const claimsMax = 100;
/** Of one code; the refusals beyond are forgotten, the oldest first. */
const refusalsMax = 256;
/** An ended code is still told from an unknown one, and listed, for so long. */
const endedMs = 7 * 86_400_000;
const idBytes = 4;

/** Codes, and what was decided of the devices that came with them; all of it is in the store. */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #books = new Map<string, Book>();
  readonly #byHash = new Map<string, Book>();

  private constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  static async open(options: ClaimsOptions): Promise<Claims> {
    const claims = new Claims(options);
    for (const { doc } of await options.store.list<StoredClaim>(kind)) claims.#hold(doc);
    for (const { doc } of await options.store.list<StoredDecision>(decisionKind)) {
      claims.#books.get(doc.claim)?.devices.set(doc.device, doc.decided);
    }
    return claims;
  }

  /** The newest first. */
  list(): readonly Claim[] {
    return [...this.#books.values()]
      .map(({ claim }) => claim)
      .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  /** Its code is told here and never again. */
  async create(draft: ClaimDraft): Promise<{ readonly claim: Claim; readonly code: string }> {
    const { seconds = secondsDefault, devicesMax = devicesDefault, topicPrefix, by } = draft;
    const wrong = topicPrefix === undefined ? undefined : prefixProblem(topicPrefix);
    if (wrong !== undefined) {
      throw new ComityError("BODY_INVALID", { problem: `the topic prefix ${wrong}` });
    }
    await this.#forgetEnded();
    if (this.#books.size >= claimsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: claimsMax, what: "claim codes" });
    }
    const { clock, entropy, store } = this.#options;
    const now = clock.now();
    const claim: Claim = {
      id: `claim-${Buffer.from(entropy.bytes(idBytes)).toString("hex")}`,
      devicesMax,
      ...(topicPrefix !== undefined && { topicPrefix }),
      by,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + seconds * 1000).toISOString(),
    };
    const code = newClaimCode(entropy);
    const stored = { claim, codeHash: tokenHash(code).toString("base64url") };
    await store.commit([{ op: "add", kind, id: claim.id, doc: stored }]);
    this.#hold(stored);
    return { claim, code };
  }

  async revoke(id: string): Promise<Claim> {
    const book = this.#need(id);
    if (book.claim.revokedAt !== undefined) return book.claim;
    const revokedAt = new Date(this.#options.clock.now()).toISOString();
    const claim = { ...book.claim, revokedAt };
    const stored = { claim, codeHash: book.codeHash };
    await this.#options.store.commit([{ op: "put", kind, id, doc: stored }]);
    Object.assign(book, stored);
    return claim;
  }

  /** Undefined where no code is this one: finding it takes the code itself. */
  ofCode(code: string): Claim | undefined {
    return this.#byHash.get(tokenHash(code).toString("base64url"))?.claim;
  }

  need(id: string): Claim {
    return this.#need(id).claim;
  }

  /** The code's hash where it is for one device alone. */
  hashForOne(id: string): Buffer | undefined {
    const { claim, codeHash } = this.#need(id);
    return claim.devicesMax === 1 ? Buffer.from(codeHash, "base64url") : undefined;
  }

  stateOf(id: string): ClaimState {
    const claim = this.#books.get(id)?.claim;
    if (claim === undefined) return "expired"; // so long ago that it is forgotten
    if (claim.revokedAt !== undefined) return "revoked";
    if (this.#options.clock.now() >= Date.parse(claim.expiresAt)) return "expired";
    return this.acceptedCount(id) >= claim.devicesMax ? "used up" : "open";
  }

  acceptedCount(id: string): number {
    const { devices, deciding } = this.#need(id);
    const all = [...devices.values(), ...deciding.values()];
    return all.filter(({ state }) => state === "accepted").length;
  }

  decided(id: string, device: string): Decided | undefined {
    return this.#books.get(id)?.devices.get(device);
  }

  /** Whoever was accepted by a code and was not heard under its own token yet. */
  *unsettled(): Generator<{ claim: string; device: string; thing: string }> {
    for (const [claim, { devices }] of this.#books) {
      for (const [device, decided] of devices) {
        if (decided.state !== "accepted" || decided.hasOwnToken) continue;
        yield { claim, device, thing: decided.thing };
      }
    }
  }

  /**
   * Makes a Thing of a device: `make` commits the decision together with the Thing. CLAIM_REFUSED
   * where the code has ended, LIMIT_REACHED where it has made as many as it may.
   */
  async accept<T>(
    id: string,
    device: string,
    decided: Extract<Decided, { state: "accepted" }>,
    make: (write: Write) => Promise<T>,
  ): Promise<T> {
    const book = this.#need(id);
    const state = this.stateOf(id);
    if (state === "expired" || state === "revoked") {
      throw new ComityError("CLAIM_REFUSED", { problem: `the code is ${state}` });
    }
    if (this.acceptedCount(id) >= book.claim.devicesMax) {
      const what = "devices of this claim code";
      throw new ComityError("LIMIT_REACHED", { limit: book.claim.devicesMax, what });
    }
    return this.#deciding(book, device, decided, () => make(writeOf(id, device, decided)));
  }

  /** Remembered until the code is forgotten. */
  async refuse(id: string, device: string): Promise<void> {
    const book = this.#need(id);
    const { devices } = book;
    const refused = [...devices].flatMap(([name, one]) =>
      one.state === "refused" ? [{ name, at: one.at }] : [],
    );
    const oldest = refused.length < refusalsMax ? undefined : refused.reduce(earlier);
    const decided = { state: "refused", at: this.#options.clock.now() } as const;
    await this.#deciding(book, device, decided, () =>
      this.#options.store.commit([
        writeOf(id, device, decided),
        ...(oldest === undefined ? [] : [removalOf(id, oldest.name)]),
      ]),
    );
    if (oldest !== undefined) devices.delete(oldest.name);
  }

  /** From now the code opens nothing to this device. */
  async settle(id: string, device: string): Promise<void> {
    const { devices } = this.#need(id);
    const before = devices.get(device);
    if (before?.state !== "accepted") return;
    const decided = { ...before, hasOwnToken: true } as const;
    devices.set(device, decided);
    await this.#options.store.commit([writeOf(id, device, decided)]);
  }

  /** Of two decisions that come at once one is taken. */
  async #deciding<T>(
    { devices, deciding }: Book,
    device: string,
    decided: Decided,
    keep: () => Promise<T>,
  ): Promise<T> {
    const before = devices.get(device) ?? deciding.get(device);
    if (before !== undefined) {
      const act = decided.state === "refused" ? "refuse" : "accept";
      throw new ComityError("STATE_INVALID", {
        what: "device",
        id: device,
        state: before.state,
        act,
      });
    }
    deciding.set(device, decided);
    try {
      const kept = await keep();
      devices.set(device, decided);
      return kept;
    } finally {
      deciding.delete(device);
    }
  }

  /** Not only what is over, but what is over for long. */
  async #forgetEnded(): Promise<void> {
    const before = this.#options.clock.now() - endedMs;
    const old = [...this.#books.values()].filter(({ claim }) => {
      return Date.parse(claim.revokedAt ?? claim.expiresAt) < before;
    });
    if (old.length === 0) return;
    await this.#options.store.commit(
      old.flatMap(({ claim: { id }, devices }) => [
        { op: "remove", kind, id } as const,
        ...[...devices.keys()].map((device) => removalOf(id, device)),
      ]),
    );
    for (const { claim, codeHash } of old) {
      this.#books.delete(claim.id);
      this.#byHash.delete(codeHash);
    }
  }

  #hold(stored: StoredClaim): void {
    const book = { ...stored, devices: new Map<string, Decided>(), deciding: new Map() };
    this.#books.set(stored.claim.id, book);
    this.#byHash.set(stored.codeHash, book);
  }

  #need(id: string): Book {
    const book = this.#books.get(id);
    if (book === undefined) throw new ComityError("NOT_FOUND", { what: "claim code", id });
    return book;
  }
}

function earlier<T extends { readonly at: number }>(a: T, b: T): T {
  return b.at < a.at ? b : a;
}

function writeOf(claim: string, device: string, decided: Decided): Write {
  const doc: StoredDecision = { claim, device, decided };
  return { op: "put", kind: decisionKind, id: `${claim}/${device}`, doc };
}

function removalOf(claim: string, device: string): Write {
  return { op: "remove", kind: decisionKind, id: `${claim}/${device}` };
}

function prefixProblem(prefix: string): string | undefined {
  if (prefix.startsWith("$") || prefix.startsWith("from/")) return "is the node's own";
  return topicProblem(prefix);
}
