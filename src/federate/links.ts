import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { Link, type LinkOutside } from "./link.ts";
import { ReceivedLog } from "./received-log.ts";

const retryMs = 1000;

export type LinksOptions = Omit<LinkOutside, "logOf">;

/** The links of all agreements under which this node receives. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  readonly #logs = new Map<string, ReceivedLog>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  list(): readonly Link[] {
    return [...this.#links.values()];
  }

  get(agreement: string): Link | undefined {
    return this.#links.get(agreement);
  }

  /** Opens the agreement's link; where the provider does not answer it is tried until it does. */
  async start(agreement: Agreement): Promise<void> {
    if (agreement.role !== "consumer" || agreement.state === "ended") return;
    if (this.#closed || this.#links.has(agreement.id)) return;
    // Whoever agrees hears at once where the stream cannot be had.
    await this.#options.addressOf(agreement);
    if (this.#closed || this.#links.has(agreement.id)) return;
    const outside = { ...this.#options, logOf: (name: string) => this.#logOf(name) };
    const link = new Link(agreement, outside);
    this.#links.set(agreement.id, link);
    link.start();
  }

  /** As `start`, for what a restart takes up: a failure is retried, never thrown. */
  resume(agreement: Agreement): void {
    this.start(agreement).catch((error: unknown) => {
      if (error instanceof ComityError && error.code === "AGREEMENT_ENDED") return;
      const { journal, clock } = this.#options;
      const text = `The stream ${agreement.title} cannot be fetched yet: ${problemOf(error)}`;
      journal.record({ at: clock.now(), kind: "link.waiting", text, agreement: agreement.id });
      const timer = setTimeout(() => {
        this.#timers.delete(agreement.id);
        this.resume(agreement);
      }, retryMs);
      this.#timers.set(agreement.id, timer.unref());
    });
  }

  end(agreement: string): void {
    clearTimeout(this.#timers.get(agreement));
    this.#links.get(agreement)?.end();
  }

  need(agreement: string): Link {
    const link = this.#links.get(agreement);
    if (link === undefined)
      throw new ComityError("NOT_FOUND", { what: "link for agreement", id: agreement });
    return link;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.list().map((link) => link.close()));
  }

  #logOf(name: string): ReceivedLog {
    let log = this.#logs.get(name);
    if (log === undefined) this.#logs.set(name, (log = new ReceivedLog(name, this.#options.store)));
    return log;
  }
}
