/**
 * Two nodes that trade while their processes end at any commit and the network between them
 * loses, repeats and reorders what they say. In comes a seed; out comes what does not agree
 * between the two sides once the storm is over: nothing, every time.
 *
 * Everything of the contracts is real (routes, signatures, state machines, outbox, receipts,
 * the embedded store's tables). The stream alone is modelled, by its checkpoints: whatever a
 * consumer commits and a provider is told, in any order of crashes.
 */
import type { Signer } from "../../src/ports/signer.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { Turns } from "../../src/kernel/turns.ts";
import { disagreements } from "./agreement-of-sides.ts";
import { calm, Network, type Weather } from "./network.ts";
import { Random } from "./random.ts";
import { type Process, type Side, sideOf } from "./side.ts";

export interface SimulationResult {
  /** What does not agree, in words; empty when all is well. */
  readonly problems: readonly string[];
  readonly crashes: number;
  readonly agreements: number;
  readonly receipts: number;
  readonly terminated: number;
}

const origins = { provider: "http://provider.test", consumer: "http://consumer.test" };

export async function simulate(
  seed: number,
  signers: { readonly provider: Signer; readonly consumer: Signer },
): Promise<SimulationResult> {
  const random = new Random(seed);
  let weather: Weather = {
    lostRequests: random.next() * 0.25,
    lostAnswers: random.next() * 0.25,
    saidTwice: random.next() * 0.25,
    delayMsMax: random.between(0, 4),
  };
  const network = new Network(random.branch(), () => weather);
  const openSide = (name: "provider" | "consumer"): Side => {
    const otherName = name === "provider" ? "consumer" : "provider";
    return sideOf({
      name,
      signer: signers[name],
      origin: origins[name],
      other: { did: signers[otherName].did, origin: origins[otherName] },
      network,
      random: random.branch(),
      crashes: crashPlan(random.branch()),
      downMs: () => random.between(0, 6),
    });
  };
  const sides = { provider: openSide("provider"), consumer: openSide("consumer") };
  await sides.provider.start();
  await sides.consumer.start();
  const work: Promise<unknown>[] = [];
  const steps = new Workload(sides, random.branch());
  for (let step = random.between(15, 40); step > 0; step--) {
    work.push(steps.next().catch(expected));
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 25)));
  }
  weather = calm;
  const provider = await sides.provider.calm();
  const consumer = await sides.consumer.calm();
  await Promise.all(work);
  const left = await leftAfter(sides, network, provider);
  const problems = disagreements(sides.provider.disk, sides.consumer.disk);
  const result = {
    problems: [...left, ...problems],
    crashes: sides.provider.crashed + sides.consumer.crashed,
    agreements: consumer.agreements.list().length,
    receipts: sides.consumer.disk.list("receipt", {}).length,
    terminated: sides.provider.disk
      .list("negotiation", {})
      .filter(({ doc }) => doc.includes('"TERMINATED"')).length,
  };
  await sides.provider.close();
  await sides.consumer.close();
  return result;
}

/** Some of the first commits of a life, each ended before it or after it. */
function crashPlan(random: Random): Map<number, "before" | "after"> {
  const plan = new Map<number, "before" | "after">();
  for (let left = random.between(0, 6); left > 0; left--) {
    plan.set(random.between(1, 60), random.pick(["before", "after"] as const));
  }
  return plan;
}

/** What people and their devices do meanwhile. */
class Workload {
  readonly #sides: { readonly provider: Side; readonly consumer: Side };
  readonly #random: Random;
  readonly #links = new Turns();

  constructor(sides: { provider: Side; consumer: Side }, random: Random) {
    this.#sides = sides;
    this.#random = random;
  }

  async next(): Promise<void> {
    const { provider, consumer } = this.#sides;
    const [selling, buying] = [provider.process, consumer.process];
    if (!selling || !buying) return;
    const draw = this.#random.next();
    if (selling.catalogue.list().length === 0 || draw < 0.08) await this.#offer(selling);
    else if (draw < 0.3) await this.#negotiate(selling, buying);
    else if (draw < 0.42) await this.#transfer(buying);
    else if (draw < 0.86) await this.#deliver(selling, buying);
    else if (draw < 0.94) await this.#suspend(this.#random.pick([selling, buying]));
    else await this.#end(this.#random.pick([selling, buying]));
  }

  /** A product, or other terms for one that is there. */
  async #offer({ catalogue }: Process): Promise<void> {
    const id = this.#random.pick(["buses", "trams"]);
    await catalogue.remove(id);
    const amount = this.#random.pick(["0", "0.01", "0.02"]);
    await catalogue.add({
      id,
      title: id,
      topics: [`${id}/#`],
      delivery: this.#random.pick(["live", "logged"] as const),
      terms: { price: { amount, currency: "EUR", perMessages: 10 } },
    });
  }

  async #negotiate({ catalogue }: Process, { federation }: Process): Promise<void> {
    const { id } = this.#random.pick(catalogue.list());
    const offer = catalogue.offerOf(id)?.["@id"];
    if (offer !== undefined)
      await federation.negotiations.negotiate(this.#sides.provider.did, offer);
  }

  async #transfer({ agreements, federation }: Process): Promise<void> {
    const agreement = this.#one(agreements.list());
    if (agreement) await federation.transfers.start(agreement.id);
  }

  async #suspend({ agreements, federation }: Process): Promise<void> {
    const agreement = this.#one(agreements.list());
    if (!agreement) return;
    await federation.transfers.suspend(agreement.id, "a rest");
    if (this.#random.chance(0.8)) await federation.transfers.resume(agreement.id);
  }

  async #end({ agreements, federation }: Process): Promise<void> {
    const agreement = this.#one(agreements.list());
    if (agreement) await federation.endings.end(agreement.id, "revoked");
  }

  /** An agreement has one link at a time. */
  async #deliver(selling: Process, buying: Process): Promise<void> {
    const agreement = this.#one(buying.agreements.list());
    if (!agreement || selling.agreements.get(agreement.id)?.state !== "active") return;
    await this.#links.take(agreement.id, () => this.#stretch(agreement, selling, buying));
  }

  /** A stretch of the stream: sent, counted and committed there, acknowledged here. */
  async #stretch(agreement: Agreement, selling: Process, buying: Process): Promise<void> {
    const last = await buying.counts.last(agreement.id);
    // a link begins by telling what is committed: a crash may have swallowed the acknowledgement
    if (last) await selling.meter.acknowledge(agreement.id, last);
    const { epoch, position, messages, payloadBytes } = selling.meter.acknowledged(agreement.id);
    const count = this.#random.between(1, 50);
    const next = {
      epoch: epoch === "" ? "e" : epoch,
      position: position + count,
      messages: messages + count,
      payloadBytes: payloadBytes + count * 8,
    };
    await buying.store.commit(buying.counts.writesFor(agreement.id, next));
    if (this.#random.chance(0.7)) await selling.meter.acknowledge(agreement.id, next);
  }

  #one(agreements: readonly Agreement[]): Agreement | undefined {
    const active = agreements.filter(({ state }) => state === "active");
    return active.length === 0 ? undefined : this.#random.pick(active);
  }
}

/** What is still at work when all of it should long be done. */
async function leftAfter(
  sides: { provider: Side; consumer: Side },
  network: Network,
  { receipts }: Process,
): Promise<string[]> {
  let left: string[] = [];
  let still = 0;
  for (let tries = 0; tries < 1_000 && still < 3; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const standings = await receipts.closeWindows(undefined, 1_000);
    left = [
      ...standings
        .filter(({ complete }) => !complete)
        .map((one) => `receipts: ${one.problem ?? ""}`),
      ...[sides.provider, sides.consumer].flatMap(({ disk }) =>
        disk.list("outbox", {}).map(({ doc }) => `outbox: ${doc.slice(0, 200)}`),
      ),
      ...[...network.underWay].map((call) => `under way: ${call}`),
    ];
    still = left.length === 0 ? still + 1 : 0;
  }
  return left;
}

/** What a crash, a refusal or a broken line does to the one who waits for it. */
function expected(thrown: unknown): void {
  if (!(thrown instanceof ComityError)) throw thrown;
}
