import { copyOf } from "../memory-store.ts";
import { hidden, isHonest, unsigned } from "./business.ts";
import { type Way, ways } from "./dishonest.ts";
import type { Participant } from "./participant.ts";
import { type Deal, expected, type World } from "./world.ts";

/** What came of one way of not being honest. */
export interface WayRow {
  readonly way: string;
  readonly tries: number;
  /** In which currency, and how much at most, an honest seller had delivered without a signature. */
  readonly most: ReadonlyMap<string, bigint>;
  /** What the honest side answered, with how often. */
  readonly answers: ReadonlyMap<string, number>;
}

interface Row extends WayRow {
  tries: number;
  readonly most: Map<string, bigint>;
  readonly answers: Map<string, number>;
}

/** What each dishonest participant does in each month, and what it got of it. */
export class Tried {
  readonly #world: World;
  readonly #rows = new Map<string, Row>();
  readonly #now = new Map<Participant, Way>();
  readonly #newest = new Map<Participant, ReturnType<typeof copyOf>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Each goes through all ways in the course of the year, one a month. */
  begin(nth: number): void {
    for (const [i, liar] of [...this.#world.dishonest].entries()) {
      const way = ways[(nth + 2 + 5 * i) % ways.length]!;
      this.#now.set(liar, way);
      way.begins?.(liar);
      liar.kept = this.#newest.get(liar);
      this.#newest.set(liar, copyOf(liar.life.disk));
    }
  }

  /** The buyer tells its seller nothing of what it gets. */
  hides({ buyer }: Deal): boolean {
    return this.#now.get(buyer)?.hidesCounts === true;
  }

  async attack(): Promise<void> {
    for (const [liar, way] of this.#now) {
      for (const deal of this.#world.deals) {
        if (deal.seller !== liar || !isHonest(this.#world, deal.buyer)) continue;
        const { rooms } = liar;
        if (way.tries === undefined || rooms === undefined) continue;
        const answer = await way.tries(rooms, deal).catch(expected);
        if (answer !== undefined) this.#note(way, answer);
      }
    }
  }

  /** After the month: what it would have cost had nothing been signed later. */
  async end(isLast: boolean): Promise<void> {
    const world = this.#world;
    for (const deal of world.deals) {
      const way = this.#now.get(deal.buyer);
      if (way === undefined || !isHonest(world, deal.seller)) continue;
      const { most } = this.#row(way);
      const micro = (await unsigned(deal)) + (await hidden(deal));
      const { currency } = deal.price;
      if (micro > (most.get(currency) ?? 0n)) most.set(currency, micro);
    }
    for (const [liar, way] of this.#now) {
      if (!isLast) way.ends?.(liar);
      if (way.ends !== undefined || way.hidesCounts) this.#note(way, "waited for");
      if (way.after !== undefined && liar.kept !== undefined) {
        this.#note(way, await way.after(world, liar));
      }
    }
  }

  /** What was not refused, or not seen, that has to be. */
  problems(): string[] {
    const missing = ways.filter(({ name }) => !this.#rows.has(name)).map(({ name }) => name);
    const problems = this.#world.dishonest.size === 0 ? [] : missing.map((one) => `${one}: never`);
    for (const { name, met } of ways) {
      for (const answer of this.#rows.get(name)?.answers.keys() ?? []) {
        if (!met.test(answer)) problems.push(`${name}: ${answer}`);
      }
    }
    return problems;
  }

  rows(): readonly WayRow[] {
    return [...this.#rows.values()];
  }

  #note(way: Way, answer: string): void {
    const row = this.#row(way);
    row.tries += 1;
    const short = answer.replaceAll(/urn:uuid:\S+|did:web:\S+|\d+/g, "…");
    row.answers.set(short, (row.answers.get(short) ?? 0) + 1);
  }

  #row({ name }: Way): Row {
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { way: name, tries: 0, most: new Map(), answers: new Map() };
      this.#rows.set(name, row);
    }
    return row;
  }
}
