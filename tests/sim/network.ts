import type { FastifyInstance } from "fastify";
import type { Caller, OutboundAnswer, OutboundCall } from "../../src/federate/outbound.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import type { Random } from "./random.ts";

/** How badly the network does; chances are for each message. */
export interface Weather {
  readonly lostRequests: number;
  readonly lostAnswers: number;
  readonly saidTwice: number;
  /** Each way, so that messages overtake each other. */
  readonly delayMsMax: number;
}

export const calm: Weather = { lostRequests: 0, lostAnswers: 0, saidTwice: 0, delayMsMax: 0 };

/** A process that can be called; it is gone as soon as `runs` says so. */
export interface Host {
  readonly app: FastifyInstance;
  runs(): boolean;
  /** Resolves when the process ends: whoever waits for its answer hears the line break. */
  readonly ended: Promise<void>;
  /** A new token for the same message: whoever says it again signs again. */
  token(audience: string): Promise<string>;
}

/**
 * The network between simulated nodes: it loses requests and answers, says things twice and
 * late. What is said arrives at the other node's real routes.
 */
export class Network {
  readonly #random: Random;
  readonly #weather: () => Weather;
  readonly #hosts = new Map<string, { did: string; host: Host }>();
  /** What is being said and not answered yet. */
  readonly underWay = new Set<string>();
  #calls = 0;

  constructor(random: Random, weather: () => Weather) {
    this.#random = random;
    this.#weather = weather;
  }

  attach(origin: string, did: string, host: Host): void {
    this.#hosts.set(origin, { did, host });
  }

  /** The way out of one process; dead with it. */
  callerOf(from: Host): Caller {
    return {
      call: (call) => this.#call(from, call),
      close: () => {},
    };
  }

  async #call(from: Host, call: OutboundCall): Promise<OutboundAnswer> {
    const name = `${++this.#calls} ${call.method} ${call.url}`;
    this.underWay.add(name);
    try {
      return await this.#exchange(from, call);
    } finally {
      this.underWay.delete(name);
    }
  }

  async #exchange(from: Host, call: OutboundCall): Promise<OutboundAnswer> {
    if (!from.runs()) throw unreachable(new URL(call.url), "the caller is gone");
    const { lostRequests, lostAnswers, saidTwice, delayMsMax } = this.#weather();
    const url = new URL(call.url);
    const fate = {
      lostRequest: this.#random.chance(lostRequests),
      lostAnswer: this.#random.chance(lostAnswers),
      twice: this.#random.chance(saidTwice),
      there: this.#random.between(0, delayMsMax),
      back: this.#random.between(0, delayMsMax),
      again: this.#random.between(0, delayMsMax * 3),
    };
    await pause(fate.there);
    if (fate.lostRequest) throw unreachable(url, "the request was lost");
    if (fate.twice) void this.#sayAgain(from, url, call, fate.again).catch(() => undefined);
    const answer = await this.#deliver(url, call, call.headers ?? {});
    await pause(fate.back);
    if (fate.lostAnswer) throw unreachable(url, "the answer was lost");
    if (!from.runs()) throw unreachable(url, "the caller is gone");
    return answer;
  }

  async #sayAgain(from: Host, url: URL, call: OutboundCall, waitMs: number): Promise<void> {
    const name = `${++this.#calls} again ${call.url}`;
    this.underWay.add(name);
    try {
      const to = this.#hosts.get(url.origin);
      const authorization = `Bearer ${await from.token(to?.did ?? "")}`;
      await pause(waitMs);
      await this.#deliver(url, call, { ...call.headers, authorization });
    } finally {
      this.underWay.delete(name);
    }
  }

  async #deliver(
    url: URL,
    call: OutboundCall,
    headers: Readonly<Record<string, string>>,
  ): Promise<OutboundAnswer> {
    const host = this.#hosts.get(url.origin)?.host;
    if (!host?.runs()) throw unreachable(url, "nobody listens");
    const answer = host.app.inject({
      method: call.method,
      url: `${url.pathname}${url.search}`,
      headers: {
        ...headers,
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(call.body === undefined ? {} : { payload: call.body }),
    });
    const first = await Promise.race([answer, host.ended]);
    if (!first || !host.runs()) throw unreachable(url, "it broke off");
    return { status: first.statusCode, body: first.body };
  }
}

function unreachable({ origin }: URL, problem: string): ComityError {
  return new ComityError("PEER_UNREACHABLE", { peer: origin, problem });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
