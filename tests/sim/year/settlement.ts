/**
 * What people do in the first days of a month about the one before, in the storm like all else:
 * statements, disputes and their credit notes, lowered prices, set-offs, payments, invoices. In
 * the calm after it each does again what a process that ended left undone, as its owner would.
 */
import { formatAmount } from "../../../src/kernel/amount.ts";
import { ComityError } from "../../../src/kernel/errors.ts";
import type { Exchanged } from "../../../src/settle/statements/document.ts";
import {
  otherSide,
  standingHere,
  type StatementRecord,
} from "../../../src/settle/statements/record.ts";
import type { LineStanding } from "../../../src/settle/statements/standing.ts";
import { isWaiting } from "../../../src/settle/statements/statements.ts";
import { byDid, closeWindows, isHonest } from "./business.ts";
import type { Rooms } from "./participant.ts";
import { loweredOf } from "./prices.ts";
import { type Deal, expected, type World } from "./world.ts";

/** In its first days some prices are lowered, from the next month on. */
const lowersIn = "2027-06";

/** What is not through by then never is; machines that do other work take their time. */
const quietMs = 20_000;

/** What a seller gives back of a disputed line; micro-units. */
type Credits = Map<Deal, bigint>;

export async function settleMonth(world: World, month: string): Promise<string[]> {
  await agreeToSetOff(world);
  const credits: Credits = new Map();
  world.storm();
  await world.eachRunning(({ statements }) => statements.look());
  await argue(world, month, credits);
  await world.calm();
  await world.each(({ statements }) => statements.look());
  const problems = await quiet(world, month);
  // by whoever did not get to it before the month was stated
  await closeWindows(world, () => true);
  await world.each(({ statements }) => statements.look());
  await endDisputes(world, month, credits);
  problems.push(...(await quiet(world, month)));
  world.storm();
  if (month === lowersIn) await lowerPrices(world);
  await setOff(world);
  await pay(world, month);
  await world.eachRunning((rooms) => invoice(rooms, month));
  await world.calm();
  if (month === lowersIn) await pricesLowered(world);
  await world.each((rooms) => invoice(rooms, month));
  problems.push(...(await quiet(world, month)));
  await world.each(({ issued }) => issued.tell());
  return problems;
}

/** Until each side has what the other signed; between honest ones that is to come about. */
async function quiet(world: World, month: string): Promise<string[]> {
  const until = performance.now() + quietMs;
  for (;;) {
    const left = (
      await world.each(async ({ kept, keptSetoffs }, one) => {
        const statements = (await kept.list(month)).filter(isWaiting).map((record) => {
          return {
            who: otherSide(record),
            text: `statement ${record.id}: ${record.problem ?? ""}`,
          };
        });
        const setoffs = (await keptSetoffs.list()).filter(({ state, told }) => {
          return !told || state === "drawn";
        });
        const waits = [
          ...statements,
          ...setoffs.map(({ id, with: who }) => ({ who, text: `set-off ${id}` })),
        ];
        return waits
          .filter(({ who }) => isHonest(world, one) && isHonest(world, byDid(world, who)))
          .map(({ who, text }) => `${one.name} waits for ${who}: ${text}`);
      })
    ).flat();
    if (left.length === 0 || performance.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Now and then a buyer disputes a line; its seller credits a part, and the buyer takes that. */
async function argue(world: World, month: string, credits: Credits): Promise<void> {
  for (const deal of world.deals) {
    const { id, buyer, seller } = deal;
    if (!world.random.chance(0.06)) continue;
    const [buying, selling] = [buyer.rooms, seller.rooms];
    if (buying === undefined || selling === undefined) continue;
    try {
      const [record, line] = (await lineOf(buying, deal, month)) ?? [];
      if (record === undefined || line?.state !== "accepted" || line.micro < 10n) continue;
      credits.set(deal, line.micro / 4n);
      const amount = formatAmount(line.micro - line.micro / 3n);
      const dispute = { agreement: id, reason: "a sensor stood still", amount, files: [] };
      await buying.statements.act(record.id, { do: "dispute", ...dispute });
      await credit(selling, deal, record.id, line.micro / 4n);
      await agree(buying, deal, month);
    } catch (thrown) {
      expected(thrown);
    }
  }
}

/** What was disputed in the storm is credited and agreed to, if it is not yet. */
async function endDisputes(world: World, month: string, credits: Credits): Promise<void> {
  for (const [deal, micro] of credits) {
    const buying = await deal.buyer.life.calm();
    const selling = await deal.seller.life.calm();
    try {
      const [record, line] = (await lineOf(buying, deal, month)) ?? [];
      if (record === undefined || line?.dispute === undefined) continue; // it was never said
      if (line.dispute.credit === undefined) await credit(selling, deal, record.id, micro);
      await agree(buying, deal, month);
    } catch (thrown) {
      expected(thrown);
    }
    const [, line] = (await lineOf(buying, deal, month)) ?? [];
    if (line?.dispute?.state === "adjusted") deal.credited += micro;
  }
}

async function credit(selling: Rooms, deal: Deal, statement: string, micro: bigint): Promise<void> {
  const about = { agreement: deal.id, reason: "so it did", amount: formatAmount(micro) };
  await selling.statements.act(statement, { do: "credit", ...about });
}

async function agree(buying: Rooms, deal: Deal, month: string): Promise<void> {
  const [record, line] = (await lineOf(buying, deal, month)) ?? [];
  if (record === undefined || line?.state !== "disputed") return;
  const hash = line.dispute?.credit?.hash;
  const act = { agreement: deal.id };
  await buying.statements.act(
    record.id,
    hash === undefined ? { do: "withdraw", ...act } : { do: "agree", ...act, credit: hash },
  );
}

/** A deal's line in the buyer's first statement of the month that has one. */
async function lineOf(
  buying: Rooms,
  { id }: Deal,
  month: string,
): Promise<[StatementRecord, LineStanding] | undefined> {
  for (const record of await buying.kept.list(month)) {
    if (record.role !== "consumer") continue;
    const line = standingHere(record).lines.find((one) => one.line.agreement === id);
    if (line !== undefined) return [record, line];
  }
  return undefined;
}

/** Signed by both by themselves: what can only lower a bill needs nobody's word. */
async function lowerPrices({ deals, clock }: World): Promise<void> {
  for (const { id, price, seller } of deals) {
    const lower = loweredOf(price);
    if (lower === undefined) continue;
    const from = `${clock.monthAfter}-01T00:00:00Z`;
    await seller.rooms?.federation.prices.offer(id, lower, from).catch(expected);
  }
}

/** Offered once more, where nothing came of it in the storm. */
async function pricesLowered({ deals, clock }: World): Promise<void> {
  const from = clock.monthAfter;
  for (const deal of deals) {
    const price = loweredOf(deal.price);
    if (price === undefined) continue;
    const { federation, agreements } = await deal.seller.life.calm();
    if (agreements.need(deal.id).changes === undefined) {
      await federation.prices.offer(deal.id, price, `${from}-01T00:00:00Z`).catch(expected);
    }
    for (let tries = 0; agreements.need(deal.id).changes === undefined && tries < 2000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (agreements.need(deal.id).changes !== undefined) deal.changed = { from, price };
  }
}

/** Neighbours sign what is set off without asking anybody, as long as their books say the same. */
async function agreeToSetOff({ participants }: World): Promise<void> {
  for (const [i, one] of participants.entries()) {
    const other = participants[i % 2 === 0 ? i + 1 : i - 1];
    if (other !== undefined) await (await one.life.calm()).setoffs.always(other.did, true);
  }
}

/** Either of two neighbours begins, whichever of them it is who draws it up. */
async function setOff({ participants, random }: World): Promise<void> {
  for (const [i, one] of participants.entries()) {
    const other = participants[i % 2 === 0 ? i + 1 : i - 1];
    if (other === undefined || !random.chance(0.3)) continue;
    for (const currency of ["EUR", "USD", "JPY"]) {
      await one.rooms?.setoffs.propose(other.did, currency).catch(expected);
    }
  }
}

/** Half of the statements are paid, some of them in part. */
async function pay(world: World, month: string): Promise<void> {
  await world.eachRunning(async ({ kept, statements }) => {
    for (const record of await kept.list(month)) {
      if (record.role !== "provider" || world.random.chance(0.5)) continue;
      for (const { currency, due } of standingHere(record).dues) {
        const part = world.random.chance(0.3) ? due / 3n : due;
        if (part <= 0n) continue;
        const amount = formatAmount(part);
        const paid = { do: "paid" as const, currency, amount, reference: "" };
        const act = world.random.chance(0.2) ? { ...paid, exchanged: inZloty(part) } : paid;
        await statements.act(record.id, act).catch(expected);
      }
    }
  });
}

/** It came in another currency than was owed, at a rate that somebody tells. */
function inZloty(micro: bigint): Exchanged {
  const amount = formatAmount((micro * 43n) / 10n);
  return { currency: "PLN", amount, rate: "4.3", source: "what the bank says" };
}

async function invoice({ issued, agreements }: Rooms, month: string): Promise<void> {
  const buyers = agreements.list().filter(({ role }) => role === "provider");
  for (const buyer of new Set(buyers.map((one) => one.consumer))) {
    await issued.issue({ month, buyer }).catch((thrown: unknown) => {
      // a month of trial, or without a delivery, has nothing to ask for
      if (!(thrown instanceof ComityError) || thrown.code !== "NOT_FOUND") throw thrown;
    });
  }
  await issued.tell();
}
