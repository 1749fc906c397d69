/**
 * A year of business among many participants of whom some are not honest, while processes end at
 * any commit and the network loses, repeats and delays what they say. In comes a seed; out comes
 * what does not agree with what was truly delivered: nothing, every time, but for what a seller
 * delivered unsigned to who then did not sign, and that is bounded.
 *
 * Real is everything of contracts and money: routes, signatures, state machines, receipts, the
 * ledger, statements, disputes, set-offs, invoices, the evidence log and its witnesses, over the
 * embedded store's own tables. The stream alone is modelled, by its checkpoints, and the clock is
 * put forward from day to day.
 */
import { Turns } from "../../../src/kernel/turns.ts";
import { deliveryProblems, exposureProblems, type Loss, outcomeOf } from "./books.ts";
import { closeMonth, deliver, isHonest } from "./business.ts";
import { settleMonth } from "./settlement.ts";
import { Tried, type WayRow } from "./tried.ts";
import { World, type WorldOptions } from "./world.ts";

export interface YearOptions extends WorldOptions {
  /** On which something is delivered, of each month. */
  readonly daysPerMonth: number;
  /** Told how far it is. */
  readonly tell?: (line: string) => void;
}

export interface YearResult {
  readonly problems: readonly string[];
  readonly participants: number;
  readonly deals: number;
  readonly receipts: number;
  /** How much of each thing happened. */
  readonly did: Readonly<Record<string, number>>;
  readonly losses: readonly Loss[];
  readonly ways: readonly WayRow[];
}

const sideBySide = 8;

export async function year(options: YearOptions): Promise<YearResult> {
  const world = await World.open(options);
  const { tell = () => {} } = options;
  const problems: string[] = [];
  const tried = new Tried(world);
  tell(`${world.participants.length} participants, ${world.deals.length} agreements`);
  const lines = new Turns();
  let told = 0;
  // who is not honest takes all that it is given, so that each limit is come to
  const taken = world.deals.filter(({ buyer }) => !isHonest(world, buyer));
  const greedy = [...taken, ...taken, ...taken];
  for (let n = 0; n < 12; n++) {
    const { month } = world.clock;
    tried.begin(n);
    world.storm();
    for (let day = 0; day < options.daysPerMonth; day++) {
      world.clock.goTo(1 + Math.floor((28 / options.daysPerMonth) * day));
      await inParts(world.random.shuffled([...world.deals, ...greedy]), (deal) =>
        lines.take(deal.id, () => deliver(world, deal, !tried.hides(deal))),
      );
      problems.push(...deliveryProblems(world));
      await tried.attack();
      await world.eachRunning(({ receipts }) => receipts.closeWindows(undefined, 200));
    }
    await closeMonth(world, (deal) => tried.hides(deal));
    problems.push(...(await exposureProblems(world)));
    await tried.end(n === 11);
    world.clock.turn();
    problems.push(...(await settleMonth(world, month)).map((one) => `${month}: ${one}`));
    tell(`${month}: ${crashesIn(world)} crashes so far, ${problems.length} problems`);
    for (const problem of problems.slice(told, told + 10)) tell(`  ${problem}`);
    told = problems.length;
  }
  const outcome = await outcomeOf(world);
  const result = {
    ...outcome,
    problems: [...problems, ...tried.problems(), ...outcome.problems],
    participants: world.participants.length,
    deals: world.deals.length,
    did: { crashes: crashesIn(world), ...outcome.did, "prices changed": changedIn(world) },
    ways: tried.rows(),
  };
  await world.close();
  return result;
}

function changedIn({ deals }: World): number {
  return deals.filter(({ changed }) => changed !== undefined).length;
}

function crashesIn({ participants }: World): number {
  return participants.reduce((sum, { life }) => sum + life.crashed, 0);
}

/** A few at a time, so that they cross each other. */
async function inParts<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const one = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next);
  };
  await Promise.all(Array.from({ length: sideBySide }, one));
}
