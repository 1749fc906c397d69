import type { Clock } from "../../kernel/clock.ts";
import type { Journal } from "../../kernel/journal.ts";
import type { Store } from "../../ports/store.ts";

/** Two checkpoints of one log, both under its signature, of which one denies the other. */
export interface LogConflict {
  /** The log, by its node's DID. */
  readonly origin: string;
  /** As it was signed earlier, and as it was signed then. */
  readonly known: string;
  readonly shown: string;
  /** `shrank`: it had more entries; `forked`: it had others. */
  readonly what: "shrank" | "forked";
  /** ISO 8601, UTC: when it was seen. */
  readonly at: string;
}

const kind = "evidence-conflict";

/** Contradictions of logs, others' or this node's own: kept for ever, each once. */
export class LogConflicts {
  readonly #outside: { readonly store: Store; readonly clock: Clock; readonly journal: Journal };

  constructor(outside: { store: Store; clock: Clock; journal: Journal }) {
    this.#outside = outside;
  }

  async list(): Promise<readonly LogConflict[]> {
    const stored = await this.#outside.store.list<LogConflict>(kind);
    return stored.map(({ doc }) => doc);
  }

  /** `whose`: for people. The first of a log is kept, with its two signatures; later ones prove no more. */
  async keep(conflict: Omit<LogConflict, "at">, whose: string): Promise<void> {
    const { store, clock, journal } = this.#outside;
    const id = conflict.origin;
    if ((await store.get(kind, id)) !== undefined) return;
    const at = new Date(clock.now()).toISOString();
    await store.commit([{ op: "put", kind, id, doc: { ...conflict, at } }]);
    const how = conflict.what === "shrank" ? "has fewer entries than" : "contradicts what";
    const text = `${whose} evidence log ${how} it signed before; both signatures are kept`;
    journal.record({ at: clock.now(), kind: `evidence.${conflict.what}`, text });
  }
}
