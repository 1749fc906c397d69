import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNoteSigner } from "../../../src/engines/embedded/note-signer.ts";
import { openEmbeddedSigner } from "../../../src/engines/embedded/signer.ts";
import { ComityError } from "../../../src/kernel/errors.ts";
import { systemEntropy } from "../../../src/kernel/id.ts";
import type { Price } from "../../../src/kernel/price.ts";
import { calm, Network, type Weather } from "../network.ts";
import { Random } from "../random.ts";
import { Participant, type Rooms } from "./participant.ts";
import { prices } from "./prices.ts";
import { Truth } from "./truth.ts";
import { YearClock } from "./year-clock.ts";

/** An agreement between two of the world's participants. */
export interface Deal {
  readonly id: string;
  readonly seller: Participant;
  readonly buyer: Participant;
  readonly price: Price;
  /** Another price that both signed, and the month from which it holds. */
  changed?: { readonly from: string; readonly price: Price };
  /** Given back by credit notes that the buyer took; micro-units. */
  credited: bigint;
}

export interface WorldOptions {
  readonly seed: number;
  readonly participants: number;
  /** Agreements that each has as a consumer. */
  readonly dealsEach: number;
  /** How many of the participants are not honest. */
  readonly dishonest: number;
}

/** Of each commit, that a process ends there; each storm has its own, and its own weather. */
const crashChanceMax = 0.03;
const lostMax = 0.1;

/** Participants that trade with each other over one clock and one bad network. */
export class World {
  readonly random: Random;
  readonly clock = new YearClock();
  readonly truth = new Truth();
  readonly participants: Participant[] = [];
  readonly deals: Deal[] = [];
  readonly dishonest = new Set<Participant>();
  readonly network: Network;
  #weather: Weather = calm;
  #crashChance = 0;
  #folder = "";

  constructor(seed: number) {
    this.random = new Random(seed);
    this.network = new Network(this.random.branch(), () => this.#weather);
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options.seed);
    await world.#people(options);
    await world.#agree(options);
    return world;
  }

  async close(): Promise<void> {
    await Promise.all(this.participants.map((one) => one.life.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Processes end at any commit, and the network loses, repeats and delays. */
  storm(): void {
    const { random } = this;
    this.#crashChance = random.next() * crashChanceMax;
    this.#weather = {
      lostRequests: random.next() * lostMax,
      lostAnswers: random.next() * lostMax,
      saidTwice: random.next() * lostMax,
      delayMsMax: random.between(0, 2),
    };
    for (const { life } of this.participants) life.stormy();
  }

  /** Everybody is there, and what is said arrives. */
  async calm(): Promise<void> {
    this.#weather = calm;
    this.#crashChance = 0;
    await Promise.all(this.participants.map(({ life }) => life.calm()));
  }

  /** Each one's rooms, one after the other side by side; all are there. */
  async each<T>(work: (rooms: Rooms, one: Participant) => Promise<T>): Promise<T[]> {
    return Promise.all(this.participants.map(async (one) => work(await one.life.calm(), one)));
  }

  /** In the storm: with whoever runs, and what comes of it is seen in the calm. */
  async eachRunning(work: (rooms: Rooms, one: Participant) => Promise<unknown>): Promise<void> {
    await Promise.all(
      this.participants.map(async (one) => {
        if (one.rooms !== undefined) await work(one.rooms, one).catch(expected);
      }),
    );
  }

  async #people({ participants, dishonest }: WorldOptions): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "comity-year-"));
    const { clock, network, random } = this;
    const names = Array.from({ length: participants }, (_, i) => `p${i}`);
    const everybody = names.map((name) => ({
      did: `did:web:${name}.test`,
      url: `http://${name}.test`,
    }));
    for (const [i, name] of names.entries()) {
      const { did, url: origin } = everybody[i]!;
      const dir = join(this.#folder, name);
      const signer = await openEmbeddedSigner({ dir, did, clock });
      const noteSigner = await openNoteSigner({ dir, entropy: systemEntropy });
      const one = new Participant({
        ...{ name, signer, noteSigner, origin, everybody, clock, network },
        random: random.branch(),
        crashChance: () => this.#crashChance,
      });
      this.participants.push(one);
      await one.life.start();
    }
    // spread over the world, so that each has honest partners, and some who sell by the month
    const step = Math.max(1, Math.floor(participants / Math.max(1, dishonest)));
    for (let i = 0; i < dishonest; i++) {
      this.dishonest.add(this.participants[(i * step + 3) % participants]!);
    }
  }

  /** Each offers one product, at each kind of price in turn, and buys from the next ones. */
  async #agree({ dealsEach }: WorldOptions): Promise<void> {
    const offers = await this.each(async ({ catalogue, parties }, { name }) => {
      const price =
        prices[this.participants.findIndex((one) => one.name === name) % prices.length]!;
      const terms = { price };
      const topics = [`${name}/#`];
      await catalogue.add({ id: name, title: name, topics, delivery: "logged", terms } as never);
      await parties.set({
        party: { name, address: { city: "Utrecht", country: "NL" } },
        payment: { days: 30 },
        taxes: [{ category: "O", reason: "Outside the scope of VAT" }],
      });
      return catalogue.offerOf(name)?.["@id"] ?? "";
    });
    const all = this.participants;
    for (const [i, buyer] of all.entries()) {
      for (let n = 1; n <= dealsEach; n++) {
        // both ways with a neighbour, so that there is something to set off
        const away = n === 1 ? (i % 2 === 0 ? 1 : -1) : n;
        const at = (i + away + all.length) % all.length;
        const seller = all[at]!;
        if (seller === buyer) continue;
        const rooms = await buyer.life.calm();
        const { id } = await rooms.federation.negotiations.negotiate(seller.did, offers[at]!);
        this.deals.push({ id, seller, buyer, price: prices[at % prices.length]!, credited: 0n });
      }
    }
  }
}

/** What a crash, a refusal or a broken line does to who waits for it. */
export function expected(thrown: unknown): void {
  if (!(thrown instanceof ComityError)) throw thrown;
}
