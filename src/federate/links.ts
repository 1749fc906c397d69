import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { Link, type LinkOutside } from "./link.ts";
import { ReceivedLog } from "./received-log.ts";

export interface LinksOptions extends Omit<LinkOutside, "logOf"> {
  /** Does the node fetch by itself what this agreement gives? */
  readonly fetches: (agreement: Agreement) => boolean;
  /** How long an ended link can still be looked at; its agreement stays for ever. */
  readonly endedKeptMs?: number;
}

const endedKeptMsDefault = 600_000;

/** The links of all agreements under which this node receives. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  readonly #logs = new Map<string, ReceivedLog>();
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

  /** Opens the agreement's link, once; from then on it is the link that tries and tries again. */
  start(agreement: Agreement): void {
    if (agreement.role !== "consumer" || agreement.state === "ended") return;
    if (this.#closed || this.#links.has(agreement.id)) return;
    if (!this.#options.fetches(agreement)) return;
    const outside = { ...this.#options, logOf: (name: string) => this.#logOf(name) };
    const link = new Link(agreement, outside);
    this.#links.set(agreement.id, link);
    link.start();
  }

  /** So that whoever agrees hears at once where the stream cannot be had; it is tried on. */
  async ready(agreement: Agreement): Promise<void> {
    this.start(agreement);
    await this.#links.get(agreement.id)?.ready;
  }

  end(agreement: string): void {
    const link = this.#links.get(agreement);
    if (link === undefined) return;
    link.end();
    const forget = (): unknown => this.#links.delete(agreement);
    setTimeout(forget, this.#options.endedKeptMs ?? endedKeptMsDefault).unref();
  }

  need(agreement: string): Link {
    const link = this.#links.get(agreement);
    if (link === undefined)
      throw new ComityError("NOT_FOUND", { what: "link for agreement", id: agreement });
    return link;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.list().map((link) => link.close()));
  }

  #logOf(name: string): ReceivedLog {
    let log = this.#logs.get(name);
    if (log === undefined) this.#logs.set(name, (log = new ReceivedLog(name, this.#options.store)));
    return log;
  }
}
