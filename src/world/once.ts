import { setTimeout as wait } from "node:timers/promises";
import type { UsageResource } from "../client/resources.ts";
import { formatAmount, microOf } from "../kernel/amount.ts";
import type { Clock } from "../kernel/clock.ts";
import { monthOf } from "../kernel/clock.ts";
import { problemOf } from "../kernel/errors.ts";
import { verifyBill } from "../settle/verify/bill.ts";
import { sectorWorkOf, type SectorWork } from "./sector-work.ts";
import type { Deal, World } from "./world.ts";

/** What `--once` prints: one agreement's line. */
export interface DealSummary {
  readonly product: string;
  readonly provider: string;
  readonly consumer: string;
  readonly agreement: string;
  readonly messages: { readonly provider: number; readonly consumer: number };
  /** Sent by the devices since the start, and heard by the app that acts on it. */
  readonly published: number;
  readonly heardByApp: number;
  readonly amount: string;
  readonly currency: string;
  /** Receipts with two signatures, checked offline from the consumer's bill. */
  readonly receipts: number;
  readonly receiptedMessages: number;
  readonly latencyMs?: number;
  readonly effect: { readonly text: string; readonly value: number; readonly unit: string };
}

export interface Summary {
  readonly ok: boolean;
  readonly seconds: number;
  readonly nodes: readonly { name: string; did: string; http: string; mqtt: string }[];
  readonly agreements: readonly DealSummary[];
  readonly sectors: readonly SectorWork[];
  readonly totals: readonly { currency: string; amount: string; messages: number }[];
  /** Empty when all is well. */
  readonly missing: readonly string[];
}

const settleTimeoutMs = 40_000;

interface Counts {
  readonly provider: UsageResource | undefined;
  readonly consumer: UsageResource | undefined;
}

/** Waits until both sides count alike and have signed for all of it; false when time ran out. */
export async function settleAll(world: World, clock: Clock): Promise<boolean> {
  const until = clock.monotonic() + settleTimeoutMs;
  let before = "";
  while (clock.monotonic() < until) {
    const counts = await Promise.all(world.deals.map(countsOf));
    const now = counts.map(({ provider }) => provider?.messages).join();
    const quiet = world.waiting === 0 && now === before;
    if (quiet && counts.every((one) => openPoints(one).length === 0)) return true;
    before = now;
    await wait(500);
  }
  return false;
}

async function countsOf({ agreement, provider, consumer }: Deal): Promise<Counts> {
  if (!agreement) return { provider: undefined, consumer: undefined };
  const [theirs, ours] = await Promise.all([
    provider.node.http.agreement(agreement.id),
    consumer.node.http.agreement(agreement.id),
  ]);
  return { provider: theirs.usage, consumer: ours.usage };
}

/** What is still open between the two sides, in words. */
export function openPoints({ provider, consumer }: Counts): string[] {
  const sold = provider?.messages ?? 0;
  const bought = consumer?.messages ?? 0;
  const points: string[] = [];
  if (sold === 0 || bought === 0) points.push("nothing was delivered");
  if (sold !== bought) points.push(`the provider counts ${sold}, the consumer ${bought}`);
  for (const [side, usage] of [["provider", provider] as const, ["consumer", consumer] as const]) {
    const signed = usage?.receipted?.messages ?? 0;
    const all = usage?.messages ?? 0;
    if (signed !== all) points.push(`the ${side} has receipts for ${signed} of ${all}`);
  }
  return points;
}

/** Everything checked once more, bills included, and put into one object. */
export async function summarise(
  world: World,
  times: { readonly began: number; readonly now: number; readonly seconds: number },
): Promise<Summary> {
  const missing: string[] = [];
  const agreements: DealSummary[] = [];
  const totals = new Map<string, { amountMicro: bigint; messages: number }>();
  for (const deal of world.deals) {
    const name = `${deal.config.product} to ${deal.config.consumer}`;
    try {
      const counts = await countsOf(deal);
      missing.push(...openPoints(counts).map((point) => `${name}: ${point}`));
      const bill = await billOf(deal, times);
      const messages = counts.consumer?.messages ?? 0;
      if (bill.messages !== messages) {
        missing.push(`${name}: its bills cover ${bill.messages} of ${messages} messages`);
      }
      if (!deal.resumed && messages !== deal.published) {
        missing.push(`${name}: ${messages} of ${deal.published} published messages arrived`);
      }
      agreements.push(line(deal, counts, bill));
      const total = totals.get(deal.currency) ?? { amountMicro: 0n, messages: 0 };
      total.amountMicro += bill.amountMicro;
      total.messages += bill.messages;
      totals.set(deal.currency, total);
    } catch (error) {
      missing.push(`${name}: ${problemOf(error)}`);
    }
  }
  const sectors: SectorWork[] = [];
  for (const member of world.members) {
    if (member.node.running) sectors.push(await sectorWorkOf(member, missing));
    else missing.push(`node ${member.config.name} is not running`);
  }
  return {
    ok: missing.length === 0,
    seconds: times.seconds,
    nodes: world.members.map(({ config, state, node }) => ({
      name: config.name,
      did: state.did,
      http: node.httpUrl,
      mqtt: node.mqttUrl,
    })),
    agreements,
    sectors,
    totals: [...totals].map(([currency, { amountMicro, messages }]) => ({
      currency,
      amount: formatAmount(amountMicro),
      messages,
    })),
    missing,
  };
}

interface BillSum {
  readonly receipts: number;
  readonly messages: number;
  readonly amountMicro: bigint;
}

/** The consumer's bills of every month the run touched, each verified as a stranger would. */
async function billOf(
  deal: Deal,
  { began, now }: { readonly began: number; readonly now: number },
): Promise<BillSum> {
  const id = deal.agreement?.id ?? "";
  const months = new Set([monthOf(began), monthOf(now)]);
  const sum = { receipts: 0, messages: 0, amountMicro: 0n };
  for (const month of months) {
    const lines = await deal.consumer.node.http.statement(month);
    if (!lines.some(({ agreement }) => agreement === id)) continue;
    const bill = await verifyBill(await deal.consumer.node.http.bill(month, id));
    sum.receipts += bill.receipts;
    sum.messages += bill.messages;
    sum.amountMicro += microOf(bill.amount);
  }
  return sum;
}

function line(deal: Deal, counts: Counts, bill: BillSum): DealSummary {
  const { config, seat, agreement } = deal;
  const { value, unit } = seat.actor.outcome();
  return {
    product: config.product,
    provider: config.provider,
    consumer: config.consumer,
    agreement: agreement?.id ?? "",
    messages: {
      provider: counts.provider?.messages ?? 0,
      consumer: counts.consumer?.messages ?? 0,
    },
    published: deal.published,
    heardByApp: seat.heard,
    amount: formatAmount(bill.amountMicro),
    currency: deal.currency,
    receipts: bill.receipts,
    receiptedMessages: bill.messages,
    ...(seat.latencyMs !== undefined && { latencyMs: Math.round(seat.latencyMs * 10) / 10 }),
    effect: { text: config.sentence, value: Math.round(value * 100) / 100, unit },
  };
}
