import { bytesEach, exposureMaxMicro, type Participant } from "./participant.ts";
import { dearestMicro } from "../../../src/kernel/price.ts";
import { type Deal, expected, type World } from "./world.ts";

const closeMs = 200;

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
  // some get to it only after the month, and after its statement was drawn up
  await closeWindows(world, () => !world.random.chance(0.1));
  await world.each(({ log }) => log.settle());
  await world.each(({ witnesses }) => witnesses.ask());
}

/** Between honest ones until all is signed; who is not, and does not sign, is not waited for. */
export async function closeWindows(world: World, closes: () => boolean): Promise<void> {
  let closing = new Set(world.participants.filter(closes));
  for (let tries = 0; closing.size > 0 && tries < 100; tries++) {
    const left = await world.each(async ({ receipts }, one) => {
      if (!closing.has(one)) return [];
      const standings = await receipts.closeWindows(undefined, closeMs);
      const isLeft =
        isHonest(world, one) &&
        standings.some(({ agreement, complete }) => {
          const deal = world.deals.find(({ id }) => id === agreement);
          return !complete && isHonest(world, deal?.buyer);
        });
      return isLeft ? [one] : [];
    });
    closing = new Set(left.flat());
  }
}

/** What is delivered and not signed for, as its seller sees it, in micro-units. */
export async function unsigned({ id, seller }: Deal): Promise<bigint> {
  const { receipts } = await seller.life.calm();
  return (await receipts.standing(id))?.exposureMicro ?? 0n;
}

/** What the buyer has and did not tell. */
export async function hidden({ id, seller, buyer, price }: Deal): Promise<bigint> {
  const there = await (await buyer.life.calm()).counts.last(id);
  const told = (await seller.life.calm()).meter.acknowledged(id);
  const messages = (there?.messages ?? 0) - told.messages;
  const bytes = (there?.payloadBytes ?? 0) - told.payloadBytes;
  return messages <= 0 ? 0n : dearestMicro(price, { messages, bytes: Math.max(0, bytes) });
}

export function byDid(world: World, did: string): Participant | undefined {
  return world.participants.find((one) => one.did === did);
}

export function isHonest(world: World, one: Participant | undefined): boolean {
  return one !== undefined && !world.dishonest.has(one);
}
