import { isWaiting } from "../../../src/settle/statements/statements.ts";
import { otherSide, standingHere } from "../../../src/settle/statements/record.ts";
import { ComityError } from "../../../src/kernel/errors.ts";
import { formatAmount } from "../../../src/kernel/amount.ts";
import { bytesEach, exposureMaxMicro, type Participant } from "./participant.ts";
import { loweredOf } from "./prices.ts";
import { dearestMicro } from "../../../src/kernel/price.ts";
import { type Deal, expected, type World } from "./world.ts";

/** In its first days some prices are lowered, from the next month on. */
const lowersIn = "2027-06";

/** Who does not sign is not waited for longer. */
const closeMs = 3000;

/** Messages of one stretch at most; what a line has under way that is not acknowledged. */
export const stretchMax = 60;

/**
 * A stretch of a stream: sent, counted and stored at the buyer, acknowledged to the seller. The
 * link's own rules are kept: it goes on from what the buyer has, and nothing more goes out while
 * the stretch before is not acknowledged or too much is unsigned.
 */
export async function deliver(world: World, deal: Deal, acknowledges = true): Promise<void> {
  const { id, seller, buyer } = deal;
  const [selling, buying] = [seller.rooms, buyer.rooms];
  if (selling === undefined || buying === undefined) return;
  const { random, clock, truth } = world;
  try {
    const last = await buying.counts.last(id);
    if (last && acknowledges) await selling.meter.acknowledge(id, last);
    const known = selling.meter.acknowledged(id);
    if (seller.stopped.has(id) || (last?.position ?? 0) > known.position) return;
    const count = random.between(1, stretchMax);
    const next = {
      epoch: known.epoch === "" ? "e" : known.epoch,
      position: known.position + count,
      messages: known.messages + count,
      payloadBytes: known.payloadBytes + count * random.between(1, bytesEach),
    };
    await buying.store.commit(buying.counts.writesFor(id, next));
    if (acknowledges && random.chance(0.7)) await selling.meter.acknowledge(id, next);
  } catch (thrown) {
    expected(thrown);
  } finally {
    // what is hidden counts from when it is told
    if (acknowledges) truth.note(id, buyer.life.disk, clock.month);
  }
}

/** More than a seller may ever have delivered without a signature for it, in micro-units. */
export function mostUnsigned({ price }: Pick<Deal, "price">): bigint {
  const under = dearestMicro(price, {
    messages: 2 * stretchMax,
    bytes: 2 * stretchMax * bytesEach,
  });
  return exposureMaxMicro({ price }) + under;
}

/** Everything that was stored is acknowledged, and signed by both where both are willing. */
export async function closeMonth(world: World, hides: (deal: Deal) => boolean): Promise<void> {
  await world.calm();
  for (const deal of world.deals) {
    if (hides(deal)) continue;
    const last = await (await deal.buyer.life.calm()).counts.last(deal.id);
    if (last) await (await deal.seller.life.calm()).meter.acknowledge(deal.id, last);
  }
  await world.each(async ({ receipts, log }) => {
    // some get to it only after the month, and after its statement was drawn up
    if (!world.random.chance(0.1)) await receipts.closeWindows(undefined, closeMs);
    await log.settle();
  });
  await world.each(({ witnesses }) => witnesses.ask());
}

/** What people do in the first days of a month about the one before. */
export async function settleMonth(world: World, month: string): Promise<string[]> {
  await world.each(({ statements }) => statements.look());
  const problems = await quiet(world, month);
  await world.each(({ receipts }) => receipts.closeWindows(undefined, closeMs));
  await world.each(({ statements }) => statements.look());
  await argue(world, month);
  problems.push(...(await quiet(world, month)));
  if (month === lowersIn) await lowerPrices(world);
  await setOff(world);
  await pay(world, month);
  problems.push(...(await quiet(world, month)));
  await invoice(world, month);
  return problems;
}

/** Until each side has what the other signed; between honest ones that is to come about. */
async function quiet(world: World, month: string): Promise<string[]> {
  let left: string[] = [];
  for (let tries = 0; tries < 200; tries++) {
    left = (
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
    if (left.length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return left;
}

/** Now and then a buyer disputes a line; its seller credits a part, and the buyer takes that. */
async function argue(world: World, month: string): Promise<void> {
  for (const deal of world.deals) {
    const { id, buyer, seller } = deal;
    if (!world.random.chance(0.04)) continue;
    const buying = await buyer.life.calm();
    const record = (await buying.kept.list(month)).find(({ role, body }) => {
      return role === "consumer" && body.lines.some((line) => line.agreement === id);
    });
    const line = record && standingHere(record).lines.find((one) => one.line.agreement === id);
    if (record === undefined || line?.state !== "accepted" || line.micro < 10n) continue;
    const amount = formatAmount(line.micro - line.micro / 3n);
    const about = { agreement: id, reason: "a sensor stood still" };
    const credited = line.micro / 4n;
    const credit = formatAmount(credited);
    try {
      await buying.statements.act(record.id, { do: "dispute", ...about, amount, files: [] });
      const selling = await seller.life.calm();
      await selling.statements.act(record.id, { do: "credit", ...about, amount: credit });
      const here = standingHere(await buying.kept.need(record.id));
      const hash = here.lines.find((one) => one.line.agreement === id)?.dispute?.credit?.hash;
      const agree = { do: "agree" as const, agreement: id, credit: hash ?? "" };
      await buying.statements.act(record.id, hash ? agree : { do: "withdraw", agreement: id });
      if (hash) deal.credited += credited;
    } catch (thrown) {
      expected(thrown);
    }
  }
}

/** Signed by both by themselves: what can only lower a bill needs nobody's word. */
async function lowerPrices({ deals, clock }: World): Promise<void> {
  const from = clock.monthAfter;
  for (const deal of deals) {
    const price = loweredOf(deal.price);
    if (price === undefined) continue;
    const { federation, agreements } = await deal.seller.life.calm();
    await federation.prices.offer(deal.id, price, `${from}-01T00:00:00Z`);
    for (let tries = 0; agreements.need(deal.id).changes === undefined && tries < 2000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (agreements.need(deal.id).changes !== undefined) deal.changed = { from, price };
  }
}

async function setOff(world: World): Promise<void> {
  for (const [i, one] of world.participants.entries()) {
    const other = world.participants[i + 1];
    if (i % 2 !== 0 || other === undefined || !world.random.chance(0.6)) continue;
    const [first, second] = one.did < other.did ? [one, other] : [other, one];
    const rooms = await first.life.calm();
    await (await second.life.calm()).setoffs.always(first.did, true);
    for (const currency of ["EUR", "USD", "JPY"]) {
      await rooms.setoffs.propose(second.did, currency).catch(expected);
    }
  }
}

/** Half of the statements are paid, some of them in part. */
async function pay(world: World, month: string): Promise<void> {
  await world.each(async ({ kept, statements }) => {
    for (const record of await kept.list(month)) {
      if (record.role !== "provider" || world.random.chance(0.5)) continue;
      for (const { currency, due } of standingHere(record).dues) {
        const part = world.random.chance(0.3) ? due / 3n : due;
        if (part <= 0n) continue;
        const amount = formatAmount(part);
        const act = { do: "paid" as const, currency, amount, reference: "" };
        await statements.act(record.id, act).catch(expected);
      }
    }
  });
}

async function invoice(world: World, month: string): Promise<void> {
  await world.each(async ({ issued, agreements }) => {
    const buyers = agreements.list().filter(({ role }) => role === "provider");
    for (const buyer of new Set(buyers.map((one) => one.consumer))) {
      await issued.issue({ month, buyer }).catch((thrown: unknown) => {
        // a month of trial, or without a delivery, has nothing to ask for
        if (!(thrown instanceof ComityError) || thrown.code !== "NOT_FOUND") throw thrown;
      });
    }
    await issued.tell();
  });
}

/** What is delivered and not signed for, as its seller sees it, in micro-units. */
export async function unsigned({ id, seller }: Deal): Promise<bigint> {
  const { receipts } = await seller.life.calm();
  return (await receipts.standing(id))?.exposureMicro ?? 0n;
}

export function byDid(world: World, did: string): Participant | undefined {
  return world.participants.find((one) => one.did === did);
}

export function isHonest(world: World, one: Participant | undefined): boolean {
  return one !== undefined && !world.dishonest.has(one);
}
