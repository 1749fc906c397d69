import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { Link, type LinkOutside } from "./link.ts";
import { LinkConnections, type LinkConnectionsOptions } from "./link-connections.ts";
import { ReceivedLog } from "./received-log.ts";

export interface LinksOptions
  extends Omit<LinkOutside, "logOf" | "budgetOf" | "connections">, LinkConnectionsOptions {
  /** Does the node fetch by itself what this agreement gives? */
  readonly fetches: (agreement: Agreement) => boolean;
  /** How long an ended link can still be looked at; its agreement stays for ever. */
  readonly endedKeptMs?: number;
}

interface BudgetDoc {
  readonly bytesPerSecond: number;
}

const endedKeptMsDefault = 600_000;

/** The links of all agreements under which this node receives. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  readonly #logs = new Map<string, ReceivedLog>();
  readonly #connections: LinkConnections;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#connections = new LinkConnections(options);
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
    const link = new Link(agreement, {
      ...this.#options,
      connections: this.#connections,
      logOf: (name) => this.#logOf(name),
      budgetOf: (id) => this.#budgetOf(id),
    });
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
    void link.end();
    const forget = (): unknown => this.#links.delete(agreement);
    setTimeout(forget, this.#options.endedKeptMs ?? endedKeptMsDefault).unref();
  }

  /** Resolves when nothing more of an ended agreement is stored. */
  async settled(agreement: string): Promise<void> {
    await this.#links.get(agreement)?.end();
  }

  need(agreement: string): Link {
    const link = this.#links.get(agreement);
    if (link === undefined)
      throw new ComityError("NOT_FOUND", { what: "link for agreement", id: agreement });
    return link;
  }

  /** Kept until it is set anew; undefined: as fast as the connection. */
  async setBudget(agreement: string, bytesPerSecond: number | undefined): Promise<void> {
    const link = this.need(agreement);
    const id = budgetId(agreement);
    await this.#options.store.commit([
      bytesPerSecond === undefined
        ? { op: "remove", kind: "setting", id }
        : { op: "put", kind: "setting", id, doc: { bytesPerSecond } },
    ]);
    link.reattach("its budget changed");
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.list().map((link) => link.close()));
    this.#connections.close();
  }

  async #budgetOf(agreement: string): Promise<number | undefined> {
    const doc = await this.#options.store.get<BudgetDoc>("setting", budgetId(agreement));
    return doc?.bytesPerSecond;
  }

  #logOf(name: string): ReceivedLog {
    let log = this.#logs.get(name);
    if (log === undefined) this.#logs.set(name, (log = new ReceivedLog(name, this.#options.store)));
    return log;
  }
}

function budgetId(agreement: string): string {
  return `link-budget/${agreement}`;
}
