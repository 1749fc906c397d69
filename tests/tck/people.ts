import type { ComityHttp } from "../../src/client/http.ts";
import type { NegotiationAct } from "../../src/client/negotiations.ts";
import type {
  ConsumerMove,
  Decisions,
  ProviderMove,
  TransferMove,
} from "../../src/market/decisions.ts";
import type { Negotiation } from "../../src/market/negotiation.ts";
import { type Offer, readRules } from "../../src/market/policy.ts";
import type { Transfer, TransferAct } from "../../src/market/transfer.ts";
import { until } from "../two-nodes.ts";
import { consumerNegotiations, consumerTransfers, type NegotiationStep } from "./script.ts";
import { providerNegotiations, providerTransfers, type TransferStep } from "./script.ts";

export interface PeopleOptions {
  readonly pauseMs: number;
  /** What is offered in answer to a request for this dataset. */
  readonly offerOf: (dataset: string) => Offer;
  /** The node's own API, once it runs. */
  readonly http: () => ComityHttp;
}

type Step = NegotiationStep | TransferStep;

/** One process and what is still to be done in it. */
interface Task {
  readonly kind: "negotiation" | "transfer";
  readonly pid: string;
  readonly steps: Step[];
  readonly asked: readonly string[];
}

const reason = "the script says so";

/**
 * Who decides for the connector under test. Where the node asks, it is told; where it asks nobody
 * (it never suspends or terminates of its own accord), a person does it through the API.
 */
export class People {
  readonly #options: PeopleOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #busy = new Set<Promise<void>>();
  #closed = false;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  readonly decisions: Decisions = {
    requested: (negotiation) => this.#provides(negotiation),
    accepted: (negotiation) => this.#provides(negotiation),
    verified: (negotiation) => this.#provides(negotiation),
    offered: (negotiation) => this.#consumes(negotiation),
    agreed: (negotiation) => this.#consumes(negotiation),
    transferRequested: (transfer) => this.#starts(transfer),
    // what the kit sells is asked for when the kit says so
    bought: () => ({ do: "wait" }),
  };

  /** A negotiation that this side began. */
  began(pid: string, dataset: string): void {
    this.#task("negotiation", pid, consumerNegotiations[dataset], ["OFFERED", "AGREED"]);
  }

  /** A transfer that this side asked for. */
  fetches(pid: string, agreement: string): void {
    this.#task("transfer", pid, consumerTransfers[agreement], []);
  }

  /** Nobody does anything any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#busy);
  }

  async #provides({ pid, product, state }: Negotiation): Promise<ProviderMove> {
    const asked = ["REQUESTED", "ACCEPTED", "VERIFIED"];
    const task = this.#task("negotiation", pid, providerNegotiations[product], asked);
    const act = await this.#next(task, state);
    if (act === "offer") return { do: "offer", offer: this.#options.offerOf(product) };
    if (act === "terminate") return { do: "terminate", reason };
    return { do: act === "agree" || act === "finalize" ? act : "wait" };
  }

  async #consumes({ pid, product, state, offer, rules }: Negotiation): Promise<ConsumerMove> {
    this.began(pid, product);
    const act = await this.#next(this.#tasks.get(pid), state);
    if (act === "request") {
      return { do: "request", offer: { "@type": "Offer", "@id": offer, ...readRules(rules) } };
    }
    if (act === "terminate") return { do: "terminate", reason };
    return { do: act === "accept" || act === "verify" ? act : "wait" };
  }

  async #starts({ pid, agreement, state }: Transfer): Promise<TransferMove> {
    const task = this.#task("transfer", pid, providerTransfers[agreement], ["REQUESTED"]);
    const act = await this.#next(task, state);
    if (act === "terminate") return { do: "terminate", reason };
    return { do: act === "start" ? act : "wait" };
  }

  #task(
    kind: Task["kind"],
    pid: string,
    steps: readonly Step[] = [],
    asked: readonly string[],
  ): Task {
    const known = this.#tasks.get(pid);
    if (known) return known;
    const task = { kind, pid, steps: [...steps], asked };
    this.#tasks.set(pid, task);
    this.#carryOn(task);
    return task;
  }

  /** What is next in this state, once the other side is ready for it. */
  async #next(task: Task | undefined, state: string): Promise<string | undefined> {
    const [due, act] = task?.steps[0]?.split(" ") ?? [];
    if (task === undefined || due !== state) return undefined;
    await this.#pause();
    task.steps.shift();
    this.#carryOn(task);
    return act;
  }

  /** Where the node asks nobody about the next step, a person takes it. */
  #carryOn(task: Task): void {
    const [state = "", act = ""] = task.steps[0]?.split(" ") ?? [];
    if (state === "" || task.asked.includes(state)) return;
    const work = this.#step(task, state, act)
      // the other side misses what was not done, and says so
      .catch((error: unknown) => console.error(`${task.pid} ${state} ${act}: ${String(error)}`))
      .finally(() => this.#busy.delete(work));
    this.#busy.add(work);
  }

  async #step(task: Task, state: string, act: string): Promise<void> {
    const http = this.#options.http();
    const { kind, pid } = task;
    const now = () => (kind === "transfer" ? http.transfers.get(pid) : http.negotiations.get(pid));
    await until(`${state}, to ${act}`, async () => this.#closed || (await now()).state === state);
    await this.#pause();
    if (this.#closed) return;
    if (kind === "transfer") await http.transfers.act(pid, act as TransferAct, reason);
    else await http.negotiations.act(pid, act as NegotiationAct, { reason });
    task.steps.shift();
    this.#carryOn(task);
  }

  #pause(): Promise<void> {
    const { pauseMs } = this.#options;
    return new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
