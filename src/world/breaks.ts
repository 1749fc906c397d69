import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { LogLine } from "../client/resources.ts";
import type { Clock } from "../kernel/clock.ts";
import { monthOf } from "../kernel/clock.ts";
import { problemOf } from "../kernel/errors.ts";
import type { Bill, SignedReceipt } from "../settle/bill.ts";
import { verifyBill } from "../settle/verify/bill.ts";
import { chainText } from "../settle/verify/receipts.ts";
import { compareLogs } from "./log-compare.ts";
import type { Deal, Member, World } from "./world.ts";

/**
 * Four ways to try and break the world, for its newcomer. Each does it to the running nodes,
 * waits for what comes of it and tells it in a few lines; every number is counted, none assumed.
 */
const recoverTimeoutMs = 30_000;
const comparedMax = 20_000;

const count = (value: number): string => value.toLocaleString("en");

/** The seller ends the agreement; the stream must stop on both sides at the same message. */
export async function revoke(deal: Deal): Promise<string[]> {
  if (!isActive(deal)) return [hasEnded(deal)];
  const id = idOf(deal);
  deal.agreement = await deal.provider.node.http.revoke(id);
  const publishedThen = deal.published;
  await wait(300);
  const atOnce = await messagesOf(deal);
  await wait(2000);
  const later = await messagesOf(deal);
  const more = deal.published - publishedThen;
  const stood = later.consumer === atOnce.consumer && later.provider === later.consumer;
  return [
    `Revoked ${name(deal)}: stopped after message ${count(later.consumer)}.`,
    stood
      ? `Both sides count ${count(later.consumer)}; of ${count(more)} published since, none left.`
      : `The provider counts ${count(later.provider)}, the consumer ${count(later.consumer)}.`,
  ];
}

/** The consumer's link is cut for three seconds; a logged stream must go on where it stopped. */
export async function cutAndMend(deal: Deal, clock: Clock): Promise<string[]> {
  if (!isActive(deal)) return [hasEnded(deal)];
  const { http } = deal.consumer.node;
  const id = idOf(deal);
  const before = await messagesOf(deal);
  await http.link(id, "cut");
  await wait(3000);
  const cut = await messagesOf(deal);
  await http.link(id, "mend");
  const back = await recovered([deal], clock);
  const after = await messagesOf(deal);
  const lines = [
    `Cut ${name(deal)} at message ${count(before.consumer)} for 3 s ` +
      `(${count(cut.consumer - before.consumer)} arrived meanwhile)` +
      (back ? `; mended, now at ${count(after.consumer)}.` : "; it has not come back yet."),
  ];
  if (!deal.logged) {
    return [...lines, "It is a live stream: what passed by was neither delivered nor billed."];
  }
  return [...lines, ...(await verdict([deal]))];
}

/** kill -9 and a new start; every logged stream of that node is then compared on both sides. */
export async function killAndRestart(
  member: Member,
  world: World,
  clock: Clock,
): Promise<string[]> {
  const deals = world.deals.filter(
    (deal) => (deal.provider === member || deal.consumer === member) && isActive(deal),
  );
  await member.node.kill();
  await wait(1000);
  const began = clock.monotonic();
  await member.node.start();
  const startedMs = Math.round(clock.monotonic() - began);
  const back = await recovered(deals, clock);
  const logged = deals.filter((deal) => deal.logged);
  return [
    `Killed ${member.config.name} with -9 and started it again: ready after ${startedMs} ms` +
      (back ? "." : "; not every stream has come back yet."),
    ...(await verdict(logged)),
  ];
}

/** A bill is checked offline; then one byte of its evidence is flipped, and it is checked again. */
export async function flipOneByte(deal: Deal, folder: string, now: number): Promise<string[]> {
  const month = monthOf(now);
  const bill = await deal.consumer.node.http.bill(month, idOf(deal));
  const text = JSON.stringify(bill);
  const file = join(folder, `bill-${deal.config.product}-${month}.json`);
  writeFileSync(file, `${text}\n`);
  const verified = await verifyBill(JSON.parse(text));
  const lines = [
    `Bill of ${name(deal)}: ${count(verified.messages)} messages, ${verified.amount} ` +
      `${verified.currency}, ${chainText(verified.chain)} signed by both. Verified.`,
  ];
  const flipped = flipReceipt(text);
  try {
    await verifyBill(JSON.parse(flipped.text));
    lines.push(`One byte of receipt ${flipped.receipt} was flipped, and nobody noticed.`);
  } catch (error) {
    lines.push(`One byte of receipt ${flipped.receipt} flipped: ${problemOf(error)}`);
  }
  return [...lines, `Try it: comity verify ${file}`];
}

/** Changes one character of the middle receipt's first signature. */
export function flipReceipt(text: string): { readonly text: string; readonly receipt: number } {
  const start = text.indexOf('"receipts":[');
  const marks = [...text.slice(start).matchAll(/"signature":"/g)];
  const receipts = Math.floor(marks.length / 2);
  const index = Math.floor((receipts - 1) / 2);
  const mark = marks[index * 2];
  if (start === -1 || !mark) throw new Error("the bill has no receipt to flip a byte of");
  const at = start + mark.index + mark[0].length + 20;
  const flipped = text[at] === "A" ? "B" : "A";
  const receipt = (JSON.parse(text) as Bill).receipts[index] as SignedReceipt;
  return { text: text.slice(0, at) + flipped + text.slice(at + 1), receipt: receipt.body.seq };
}

/** `resumed: 0 lost, 0 twice`, counted over the logs of both sides. */
async function verdict(deals: readonly Deal[]): Promise<string[]> {
  let [compared, lost, twice] = [0, 0, 0];
  for (const deal of deals) {
    const result = await compareDeal(deal);
    compared += result.compared;
    lost += result.lost;
    twice += result.twice;
  }
  if (compared === 0) return ["It has no logged stream to compare."];
  const streams = deals.map(({ config }) => config.product).join(", ");
  return [
    `Resumed: ${count(lost)} lost, ${count(twice)} twice ` +
      `(${count(compared)} messages of ${streams} compared on both sides).`,
  ];
}

async function compareDeal(deal: Deal): Promise<ReturnType<typeof compareLogs>> {
  const theirs = `product/${deal.config.product}`;
  const ours = deal.seat.root;
  const logs = await deal.consumer.node.http.logs();
  const end = logs.find(({ log }) => log === ours)?.end ?? 0;
  const after = Math.max(0, end - comparedMax);
  const consumer = await read(deal.consumer, ours, after);
  return compareLogs(await read(deal.provider, theirs, after), consumer);
}

async function read(member: Member, log: string, after: number): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const range = { after, limit: comparedMax + 5000 };
  for await (const line of member.node.http.readLog(log, range)) lines.push(line);
  return lines;
}

/** Until every link is up again and something new has arrived on each. */
async function recovered(deals: readonly Deal[], clock: Clock): Promise<boolean> {
  const until = clock.monotonic() + recoverTimeoutMs;
  const floors = new Map<Deal, number>();
  while (clock.monotonic() < until) {
    let open = 0;
    for (const deal of deals) {
      const { consumer } = await messagesOf(deal).catch(() => ({ consumer: -1 }));
      const floor = floors.get(deal);
      if (consumer >= 0 && floor === undefined) floors.set(deal, consumer);
      if (floor === undefined || consumer <= floor) open += 1;
    }
    if (open === 0) return true;
    await wait(200);
  }
  return false;
}

async function messagesOf(
  deal: Deal,
): Promise<{ readonly provider: number; readonly consumer: number }> {
  const id = idOf(deal);
  const [sold, bought] = await Promise.all([
    deal.provider.node.http.agreement(id),
    deal.consumer.node.http.agreement(id),
  ]);
  return { provider: sold.usage?.messages ?? 0, consumer: bought.usage?.messages ?? 0 };
}

function hasEnded(deal: Deal): string {
  return `The agreement on ${name(deal)} has ended: choose another with ↑ and ↓.`;
}

function isActive({ agreement }: Deal): boolean {
  return agreement?.state === "active";
}

function idOf({ agreement, config }: Deal): string {
  if (!agreement) throw new Error(`${config.product} has not been agreed on`);
  return agreement.id;
}

function name({ config }: Deal): string {
  return `${config.product} (${config.provider} → ${config.consumer})`;
}
