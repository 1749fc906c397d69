import type { Clock } from "../kernel/clock.ts";
import type { Used } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Owed } from "./owed.ts";
import { Rates } from "./rates.ts";
import type { Meter } from "./usage.ts";

export type LinkState = "up" | "down" | "ended";

/** A link as far as it is watched from here. */
interface WatchedLink {
  readonly agreement: Agreement;
  readonly state: LinkState;
  readonly lagMs: number | undefined;
  readonly used: Used;
}

export interface TrafficOptions {
  readonly clock: Clock;
  readonly flow: { readonly counts: { readonly messagesIn: number } };
  readonly meter: Meter;
  readonly agreements: Agreements;
  readonly owed: Owed;
  readonly links: {
    list(): readonly WatchedLink[];
    get(agreement: string): WatchedLink | undefined;
  };
}

/** How one agreement flows on this side. */
export interface AgreementFlow {
  readonly agreement: string;
  readonly link: LinkState;
  readonly ratePerSecond: number;
  readonly messages: number;
  readonly amountMicro: bigint;
  readonly latencyMs?: number;
}

const everyMs = 1000;
const nodeKey = "";

/** What flows right now, for people who look: rates, link states, lag. Sampled once a second. */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #rates = new Rates();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sample(), everyMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  messagesPerSecond(): number {
    return this.#rates.perSecond(nodeKey);
  }

  flows(): AgreementFlow[] {
    return this.#options.agreements.list().map((agreement) => {
      const used = this.#usedOf(agreement);
      const link = this.#options.links.get(agreement.id);
      return {
        agreement: agreement.id,
        link: this.#stateOf(agreement, link),
        ratePerSecond: this.#rates.perSecond(agreement.id),
        messages: used.messages,
        amountMicro: this.#options.owed.micro(agreement, used),
        ...(link?.lagMs === undefined ? {} : { latencyMs: link.lagMs }),
      };
    });
  }

  #stateOf(agreement: Agreement, link: WatchedLink | undefined): LinkState {
    if (agreement.state === "ended") return "ended";
    if (agreement.role === "consumer") return link?.state ?? "down";
    // The provider knows its consumers by what they acknowledge.
    return this.#rates.perSecond(agreement.id) > 0 ? "up" : "down";
  }

  #usedOf({ id, role }: Agreement): Used {
    if (role === "consumer") return this.#options.links.get(id)?.used ?? { messages: 0, bytes: 0 };
    const { messages, payloadBytes: bytes } = this.#options.meter.acknowledged(id);
    return { messages, bytes };
  }

  #sample(): void {
    const { clock, flow, agreements } = this.#options;
    const counts: [string, number][] = [[nodeKey, flow.counts.messagesIn]];
    for (const agreement of agreements.list()) {
      counts.push([agreement.id, this.#usedOf(agreement).messages]);
    }
    this.#rates.sample(clock.monotonic(), counts);
  }
}
