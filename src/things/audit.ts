import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";

/** One administrative act; kept for ever. */
export interface AuditEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly who: string;
  /** Such as `thing.add`. */
  readonly act: string;
  /** What it was done to. */
  readonly what: string;
  /** `done`, `refused: CODE`, `failed: CODE`; `begun` where the node stopped in the middle. */
  readonly outcome: string;
}

export interface AuditRange {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

const kind = "audit";
const digits = 12;
const whatMax = 200;

/**
 * The audit trail. Nothing is ever taken from it; an entry is written before its act begins and
 * its outcome filled in once, so that an act is on record whenever the node dies.
 */
export class AuditTrail {
  readonly #store: Store;
  readonly #clock: Clock;
  #next: number;

  private constructor(store: Store, clock: Clock, next: number) {
    this.#store = store;
    this.#clock = clock;
    this.#next = next;
  }

  static async open(store: Store, clock: Clock): Promise<AuditTrail> {
    const [last] = await store.list(kind, { reverse: true, limit: 1 });
    return new AuditTrail(store, clock, last ? Number(last.id) + 1 : 1);
  }

  /** Records the act, does it, records how it ended, and passes its result or error on. */
  async around<T>(who: string, act: string, what: string, run: () => Promise<T>): Promise<T> {
    const entry = this.#entry(who, act, what, "begun");
    const id = await this.#add(entry);
    let result: T;
    try {
      result = await run();
    } catch (error) {
      const outcome = outcomeOf(error);
      await this.#store.commit([{ op: "put", kind, id, doc: { ...entry, outcome } }]);
      throw error;
    }
    await this.#store.commit([{ op: "put", kind, id, doc: { ...entry, outcome: "done" } }]);
    return result;
  }

  /** An act that was refused before it began. */
  async refused(who: string, act: string, what: string, code: string): Promise<void> {
    await this.#add(this.#entry(who, act, what, `refused: ${code}`));
  }

  /** Oldest first. */
  async list(range: AuditRange = {}): Promise<(AuditEntry & { readonly id: string })[]> {
    const { after, limit = 100 } = range;
    const listed = await this.#store.list<AuditEntry>(kind, {
      ...(after !== undefined && { after }),
      limit,
    });
    return listed.map(({ id, doc }) => ({ id, ...doc }));
  }

  #entry(who: string, act: string, what: string, outcome: string): AuditEntry {
    const at = new Date(this.#clock.now()).toISOString();
    return { at, who, act, what: what.slice(0, whatMax), outcome };
  }

  async #add(entry: AuditEntry): Promise<string> {
    const id = String(this.#next++).padStart(digits, "0");
    await this.#store.commit([{ op: "add", kind, id, doc: entry }]);
    return id;
  }
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof ComityError)) return "failed: INTERNAL";
  return error.status < 500 ? `refused: ${error.code}` : `failed: ${error.code}`;
}
