import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type KeptTime, PassedTime } from "../kernel/passed-time.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import { readRules, termsOf } from "../market/policy.ts";
import type { GeneralJws } from "../ports/signer.ts";
import type { Store, Write } from "../ports/store.ts";
import type { ErasureRecord } from "./erasure-record.ts";

/** How far an ended agreement's erasure is, on either side; kind `erasure`, by agreement. */
export interface ErasureDoc {
  /** In time that has surely passed here; absent: its terms have no such duty. */
  readonly dueMs?: number;
  /** About when that is, ISO 8601, UTC. */
  readonly dueAt?: string;
  /** Consumer: what has been erased so far. */
  readonly erased?: { readonly messages: number; readonly bytes: number };
  readonly record?: ErasureRecord;
  readonly signed?: GeneralJws;
  /** Consumer: what the provider's node answered. */
  readonly told?: { readonly taken: boolean; readonly problem?: string };
  /** Provider: when it came, ISO 8601, UTC. */
  readonly receivedAt?: string;
}

/** Where an agreement's erasure stands. */
export interface ErasureState extends ErasureDoc {
  readonly state: "none" | "running" | "waiting" | "overdue" | "erased";
  readonly deleteAfterSeconds?: number;
}

/** A provider waits so much longer before it says that nothing came. */
const graceMs = 86_400_000;
const timeId = "passed-time";

/** What is known of each agreement's erasure, and when the next one is due. */
export class ErasureBook {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #agreements: Agreements;
  readonly #time: PassedTime;
  readonly #docs = new Map<string, ErasureDoc>();

  private constructor(store: Store, clock: Clock, agreements: Agreements, time: PassedTime) {
    this.#store = store;
    this.#clock = clock;
    this.#agreements = agreements;
    this.#time = time;
    agreements.withEnd((ended) => this.#writesAtEnd(ended));
  }

  static async open(options: { store: Store; clock: Clock; agreements: Agreements }) {
    const { store, clock, agreements } = options;
    const time = new PassedTime(clock, await store.get<KeptTime>("setting", timeId));
    const book = new ErasureBook(store, clock, agreements, time);
    for (const { id, doc } of await store.list<ErasureDoc>("erasure")) book.#docs.set(id, doc);
    return book;
  }

  get(agreement: string): ErasureDoc | undefined {
    return this.#docs.get(agreement);
  }

  /** Kept when the promise resolves, in one commit with `also`. */
  async put(agreement: string, doc: ErasureDoc, also: readonly Write[] = []): Promise<void> {
    await this.#store.commit([...also, { op: "put", kind: "erasure", id: agreement, doc }]);
    this.#docs.set(agreement, doc);
  }

  /** What this node has to erase now, and what it had begun. */
  due(): string[] {
    const now = this.#time.passedMs;
    return this.#waiting()
      .filter(([, { dueMs = 0, erased, record }]) => dueMs <= now || (erased ?? record))
      .map(([id]) => id);
  }

  /** Infinity where nothing waits. */
  nextDueInMs(): number {
    let next = Infinity;
    for (const [, { dueMs = 0, erased, record }] of this.#waiting()) {
      next = Math.min(next, (erased ?? record) ? 0 : dueMs - this.#time.passedMs);
    }
    return next;
  }

  /** So that a start goes on from about here. */
  async keepTime(): Promise<void> {
    if (this.#waiting().length > 0) await this.#store.commit(this.#timeWrites());
  }

  stateOf(agreement: Agreement): ErasureState {
    const doc = this.#docs.get(agreement.id) ?? {};
    const deleteAfterSeconds = dutyOf(agreement);
    const duty = deleteAfterSeconds === undefined ? {} : { deleteAfterSeconds };
    return { state: this.#stateOf(agreement, doc, duty), ...duty, ...doc };
  }

  #stateOf(agreement: Agreement, doc: ErasureDoc, duty: object): ErasureState["state"] {
    if (doc.signed !== undefined) return "erased";
    if (!("deleteAfterSeconds" in duty)) return "none";
    if (agreement.state === "active") return "running";
    if (doc.dueAt === undefined) return "none";
    const lateAt = Date.parse(doc.dueAt) + (agreement.role === "provider" ? graceMs : 0);
    return this.#clock.now() > lateAt ? "overdue" : "waiting";
  }

  #waiting(): (readonly [string, ErasureDoc])[] {
    return [...this.#docs].filter(([id, { signed }]) => {
      return signed === undefined && this.#agreements.get(id)?.role === "consumer";
    });
  }

  #writesAtEnd(agreement: Agreement): Write[] {
    const seconds = dutyOf(agreement);
    if (seconds === undefined) return [];
    const dueAt = new Date(this.#clock.now() + seconds * 1000).toISOString();
    const doc: ErasureDoc = { dueMs: this.#time.latestMs + seconds * 1000, dueAt };
    this.#docs.set(agreement.id, doc);
    return [{ op: "put", kind: "erasure", id: agreement.id, doc }, ...this.#timeWrites()];
  }

  #timeWrites(): Write[] {
    const { kept } = this.#time;
    return kept === undefined ? [] : [{ op: "put", kind: "setting", id: timeId, doc: kept }];
  }
}

/** Of a partner without a node, and of a connector that does not sign, no receipt can come. */
function dutyOf({ policy, role, consumer, keys }: Agreement): number | undefined {
  if (role === "provider" && keys[consumer] === undefined) return undefined;
  try {
    return termsOf(readRules(policy)).deleteAfterSeconds;
  } catch (error) {
    // no end may fail on terms that a later version of the profile does not admit
    if (error instanceof ComityError && error.code === "POLICY_UNENFORCEABLE") return undefined;
    throw error;
  }
}
