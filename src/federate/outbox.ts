import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { Turns } from "../kernel/turns.ts";
import type { Store, Write } from "../ports/store.ts";
import { pidFor } from "./dsp/pid.ts";

/** A message that must reach another node, kept until it did. */
export interface Outgoing {
  readonly id: string;
  readonly did: string;
  readonly url: string;
  /** Null where the handler composes it: what carries a secret is not kept. */
  readonly body: unknown;
  /** What it is about, for whoever sent it: `negotiation`, `transfer`, `ending` or `erasure`. */
  readonly kind: string;
  /** The pid or agreement it belongs to. */
  readonly subject: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** One try; PEER_UNREACHABLE is tried again, every other error is final. */
  readonly send: (did: string, url: string, body: unknown) => Promise<unknown>;
  readonly backOffMs?: { readonly first: number; readonly most: number };
  /** How long a message is tried before it counts as refused. */
  readonly keepMs?: number;
}

/** What becomes of a message of one kind. */
export interface OutgoingHandler {
  /** Asked before every try: a message nobody waits for any more is dropped. */
  wanted?(message: Outgoing): boolean | Promise<boolean>;
  compose?(message: Outgoing): Promise<unknown>;
  delivered?(message: Outgoing, answer: unknown): void | Promise<void>;
  /** The peer's last word, or the end of our patience. */
  refused?(message: Outgoing, error: ComityError): void | Promise<void>;
}

/**
 * Messages are written in the same commit as the state they tell of, and sent after it; so a
 * node that stops in between sends them when it is back. They may arrive twice, which the
 * receiver must bear; messages about one subject go out one after the other, in order.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #handlers = new Map<string, OutgoingHandler>();
  readonly #turns = new Turns();
  readonly #timers = new Map<NodeJS.Timeout, () => void>();
  readonly #under = new Set<string>();
  #number = 0;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  handle(kind: string, handler: OutgoingHandler): void {
    this.#handlers.set(kind, handler);
  }

  /** `write` goes into the commit; `send` is called once that is durable. */
  prepare(outgoing: Omit<Outgoing, "id" | "at">): { write: Write; send: () => void } {
    const at = this.#options.clock.now();
    // ids order by time, then by number: a restart sends in the order things happened
    const number = String(++this.#number).padStart(8, "0");
    const id = `${String(at).padStart(15, "0")}-${number}-${outgoing.subject}`;
    const message: Outgoing = { ...outgoing, id, at };
    return {
      write: { op: "put", kind: "outbox", id, doc: message },
      send: () => this.#enqueue(message),
    };
  }

  /** Takes up what a stop left behind. */
  async resume(): Promise<void> {
    for (const { doc } of await this.#options.store.list<Outgoing>("outbox")) this.#enqueue(doc);
  }

  /** Resolves when nothing is being tried; what is left waits in the store. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [timer, wake] of this.#timers) {
      clearTimeout(timer);
      wake();
    }
    await this.#turns.settled();
  }

  #enqueue(message: Outgoing): void {
    if (this.#under.has(message.id)) return; // sent and resumed at once
    this.#under.add(message.id);
    void this.#turns
      .take(message.subject, () => this.#deliver(message))
      .catch(() => undefined) // the store failed: the message is still in it
      .then(() => this.#under.delete(message.id));
  }

  async #deliver(message: Outgoing): Promise<void> {
    const handler = this.#handlers.get(message.kind) ?? {};
    const { first, most } = this.#options.backOffMs ?? { first: 100, most: 60_000 };
    for (let waitMs = first; !this.#closed; waitMs = Math.min(waitMs * 2, most)) {
      if (handler.wanted && !(await handler.wanted(message))) break;
      try {
        const body = withId(message.body ?? (await handler.compose?.(message)), message);
        const answer = await this.#options.send(message.did, message.url, body);
        await handler.delivered?.(message, answer);
        break;
      } catch (thrown) {
        if (this.#closed) return;
        const error = refusalIn(thrown, message.did);
        if (error.code === "STORE_FAILED") throw error;
        const age = this.#options.clock.now() - message.at;
        const keepMs = this.#options.keepMs ?? 7 * 24 * 3_600_000;
        if (error.code !== "PEER_UNREACHABLE" || age > keepMs) {
          await handler.refused?.(message, error);
          break;
        }
      }
      await this.#wait(waitMs);
    }
    if (this.#closed) return;
    await this.#options.store.commit([{ op: "remove", kind: "outbox", id: message.id }]);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#timers.delete(timer);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      timer.unref();
      this.#timers.set(timer, wake);
    });
  }
}

/** An answer that nothing here could make sense of is the peer's last word as well. */
function refusalIn(thrown: unknown, peer: string): ComityError {
  if (thrown instanceof ComityError) return thrown;
  return new ComityError("PEER_REFUSED", { peer, problem: problemOf(thrown) });
}

/**
 * A message of the protocol has an id that stays the same when it is said again, so that one
 * that comes late, after the one that followed it, is known for what it is.
 */
function withId(body: unknown, { did, subject, id }: Outgoing): unknown {
  if (typeof body !== "object" || body === null || !("@type" in body)) return body;
  return { "@id": pidFor("message", did, subject, id), ...body };
}
