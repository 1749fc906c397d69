import { formatAmount } from "../../../src/kernel/amount.ts";
import { canonicalHash } from "../../../src/kernel/canonical.ts";
import type { ReceiptRecord } from "../../../src/meter/receipt.ts";
import { auditBooks } from "../../../src/settle/audit-books.ts";
import { balancesOf, type Account, type Posting } from "../../../src/settle/ledger.ts";
import { standingHere, type StatementRecord } from "../../../src/settle/statements/record.ts";
import { rowPrefix } from "../../../src/meter/row-id.ts";
import { byDid, hidden, isHonest, mostUnsigned, unsigned } from "./business.ts";
import { dueProblems } from "./dues.ts";
import { posted } from "./posted.ts";
import { docsOf, type Participant } from "./participant.ts";
import { costByHand } from "./prices.ts";
import type { Deal, World } from "./world.ts";

/** What a seller delivered to a buyer that is not honest, and has no signature for. */
export interface Loss {
  readonly deal: Deal;
  readonly micro: bigint;
  readonly mostMicro: bigint;
}

export interface Outcome {
  /** What is not as it has to be, in words; empty when all is well. */
  readonly problems: readonly string[];
  readonly receipts: number;
  /** How much of each thing there is on honest disks. */
  readonly did: Readonly<Record<string, number>>;
  readonly losses: readonly Loss[];
}

/** Everybody is there and nothing is under way: do the books say what was truly delivered? */
export async function outcomeOf(world: World): Promise<Outcome> {
  const problems: string[] = [];
  const losses: Loss[] = [];
  let receipts = 0;
  for (const one of world.participants) {
    const { store, agreements } = await one.life.calm();
    if (!isHonest(world, one)) continue;
    const report = await auditBooks(store, agreements);
    receipts += report.receipts;
    problems.push(...report.findings.map((f) => `${one.name} ${f.what}: ${f.problem}`));
    for (const { currency, sum } of report.books) {
      if (sum !== 0n) problems.push(`${one.name}: the book in ${currency} sums to ${sum}`);
    }
    await balancesOf(store); // throws where the running sums do not balance
  }
  for (const deal of world.deals) {
    const { seller, buyer, id } = deal;
    const owed = owedByHand(world, deal);
    const what = `${id} (${seller.name} to ${buyer.name})`;
    const earned = -booked(seller, id, "revenue");
    const spent = booked(buyer, id, "expense");
    if (isHonest(world, seller) && isHonest(world, buyer)) {
      if (earned !== owed) problems.push(`${what}: ${earned} earned, ${owed} owed by hand`);
      if (spent !== owed) problems.push(`${what}: ${spent} spent, ${owed} owed by hand`);
      problems.push(...receiptProblems(deal));
    } else if (isHonest(world, seller)) {
      const micro = owed - earned + (await hidden(deal));
      const loss = { deal, micro, mostMicro: mostUnsigned(deal) };
      losses.push(loss);
      if (loss.micro < 0n) problems.push(`${what}: earned ${-loss.micro} more than was delivered`);
      if (loss.micro > loss.mostMicro) {
        problems.push(`${what}: lost ${loss.micro}, and ${loss.mostMicro} is the most`);
      }
    } else if (isHonest(world, buyer) && spent > owed) {
      problems.push(`${what}: ${spent} spent, and ${owed} was owed`);
    }
  }
  problems.push(...pairProblems(world));
  problems.push(...dueProblems(world, (deal) => owedByHand(world, deal)));
  problems.push(...(await invoiceProblems(world)));
  return { problems, receipts, losses, did: happened(world) };
}

/** What was stopped at: no seller delivers more than its limit, and what was under way, unsigned. */
export async function exposureProblems(world: World): Promise<string[]> {
  const problems: string[] = [];
  for (const deal of world.deals) {
    const micro = await unsigned(deal);
    if (!isHonest(world, deal.seller) || micro <= mostUnsigned(deal)) continue;
    problems.push(`${deal.id}: ${micro} is unsigned, and ${mostUnsigned(deal)} is the most`);
  }
  return problems;
}

/**
 * On any day of the storm, whatever the nodes say of it: what came to stand on a buyer's disk, less
 * what its seller has a signature for, costs no more than may be unsigned.
 */
export function deliveryProblems(world: World): string[] {
  return world.deals.flatMap((deal) => {
    if (!isHonest(world, deal.seller)) return [];
    const micro = unsignedByHand(world, deal);
    if (micro <= mostUnsigned(deal)) return [];
    return [`${deal.id}: ${micro} was delivered unsigned, and ${mostUnsigned(deal)} is the most`];
  });
}

function unsignedByHand({ truth }: World, { id, seller, price, changed }: Deal): bigint {
  const range = { prefix: rowPrefix(id), reverse: true, limit: 2 };
  const signed = seller.life.disk
    .list("receipt", range)
    .map(({ doc }) => JSON.parse(doc) as ReceiptRecord)
    .find(({ state }) => state === "cosigned")?.body;
  const delivered = truth.of(id);
  const left = new Map(delivered);
  let [messages, bytes] = [-(signed?.messages ?? 0), -(signed?.bytes ?? 0)];
  for (const month of delivered.values()) {
    messages += month.messages;
    bytes += month.bytes;
  }
  for (const [month, all] of [...delivered].toReversed()) {
    const less = { messages: Math.min(messages, all.messages), bytes: Math.min(bytes, all.bytes) };
    left.set(month, { messages: all.messages - less.messages, bytes: all.bytes - less.bytes });
    messages -= less.messages;
    bytes -= less.bytes;
  }
  return costByHand(price, delivered, changed) - costByHand(price, left, changed);
}

function owedByHand({ truth }: World, { id, price, changed, credited }: Deal): bigint {
  return costByHand(price, truth.of(id), changed) - credited;
}

/** An account's sum over the entries of one agreement. */
function booked(one: Participant, id: string, account: Account): bigint {
  const sums = [...posted(one, account, ({ agreement }) => agreement === id)];
  return sums.reduce((sum, [, micro]) => sum + micro, 0n);
}

function happened(world: World): Record<string, number> {
  const honest = world.participants.filter((one) => isHonest(world, one));
  const postings = honest.flatMap((one) => docsOf<Posting>(one, "posting"));
  const of = (kind: string): number =>
    postings.filter(({ source }) => source?.kind === kind).length;
  return {
    postings: postings.length,
    charges: of("charge"),
    credits: of("credit"),
    payments: of("payment"),
    "of them exchanged": of("exchange"),
    "set-offs": of("setoff"),
    statements: honest.reduce((sum, one) => sum + docsOf(one, "statement").length, 0),
    invoices: honest.reduce((sum, one) => sum + docsOf(one, "invoice").length, 0),
    "stops at the limit of what is unsigned": honest.reduce(
      (sum, { seen }) => sum + (seen.get("exposure") ?? 0),
      0,
    ),
    "forked or shrunk logs found": honest.reduce(
      (sum, one) => sum + docsOf(one, "evidence-conflict").length,
      0,
    ),
  };
}

/** Between honest ones every invoice came, and agrees with what its buyer knows. */
async function invoiceProblems(world: World): Promise<string[]> {
  const problems: string[] = [];
  for (const one of world.participants) {
    if (!isHonest(world, one)) continue;
    for await (const { body, hash } of (await one.life.calm()).issued.all()) {
      const buyer = byDid(world, body.consumer);
      if (buyer === undefined || !isHonest(world, buyer)) continue;
      const what = `invoice ${body.number} of ${one.name} to ${buyer.name}`;
      const there = await (await buyer.life.calm()).received.get(one.did, body.number);
      if (there?.hash !== hash) problems.push(`${what} is not there`);
      for (const { where, invoiced, own } of there?.differences ?? []) {
        problems.push(`${what}, ${where}: ${invoiced} is asked for, ${own} is owed`);
      }
    }
  }
  return problems;
}

function receiptProblems({ id, seller, buyer }: Deal): string[] {
  const hashes = (one: Participant): string[] =>
    docsOf<ReceiptRecord>(one, "receipt")
      .filter(({ body }) => body.agreement === id)
      .map(({ body, state }) => `${state} ${canonicalHash(body)}`);
  const same = hashes(seller).join() === hashes(buyer).join();
  return same ? [] : [`${id}: receipts of ${seller.name} and ${buyer.name} differ`];
}

/** Two honest participants: what one is owed the other owes; every statement stands alike. */
function pairProblems(world: World): string[] {
  const problems: string[] = [];
  const honest = world.participants.filter((one) => isHonest(world, one));
  for (const one of honest) {
    for (const other of honest) {
      if (one === other) continue;
      const owing = posted(other, "payable", ({ party }) => party === one.did);
      for (const [currency, owed] of posted(
        one,
        "receivable",
        ({ party }) => party === other.did,
      )) {
        const owes = owing.of(currency);
        if (owed === -owes) continue;
        const texts = [formatAmount(owed), formatAmount(-owes), currency];
        problems.push(`${one.name} is owed ${texts[0]} by ${other.name}, who owes ${texts[1]}`);
      }
      const standing = (of: Participant): string =>
        docsOf<StatementRecord>(of, "statement")
          .filter(({ body }) => body.provider === one.did && body.consumer === other.did)
          .map((record) => JSON.stringify([record.id, standingHere(record)], bigints))
          .join();
      if (standing(one) !== standing(other)) {
        problems.push(`statements of ${one.name} to ${other.name} stand differently`);
      }
    }
  }
  return problems;
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
