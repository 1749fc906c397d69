import { canonicalHash } from "../../kernel/canonical.ts";
import { ComityError } from "../../kernel/errors.ts";
import { didOfKeyId, verifySignature } from "../../wire/jws.ts";
import { differencesOf } from "../invoice/differences.ts";
import type { InvoiceBody, InvoiceLine, OfferedInvoice } from "../invoice/document.ts";
import { invoiceIn, invoiceType } from "../invoice/document.ts";
import { invoiceFile } from "../invoice/file.ts";
import type { Dossier } from "../statements/document.ts";
import type { Standing } from "../statements/standing.ts";
import { microOf } from "../../kernel/amount.ts";
import { pinnedKeys } from "./agreed.ts";
import { type ProvedBill, proveBill } from "./bill.ts";
import { broken, brokenIn } from "./broken.ts";
import type { ProvedChain } from "./receipts.ts";
import { type Stated, statedAs, verifyDossier } from "./statement.ts";

/** What an invoice's file proves. */
export interface VerifiedInvoice {
  readonly body: InvoiceBody;
  /** Of each line. */
  readonly evidence: readonly {
    readonly chain?: ProvedChain;
    /** Its last receipt stands in an evidence log, of that name. */
    readonly log?: string;
    /** Where statements of the month end with the same receipt. */
    readonly stated?: Stated;
  }[];
  /** Of both sides; to be compared once with what they publish. */
  readonly keys: readonly string[];
}

/**
 * Checks it with nothing but the file: the seller's signature; every line against receipts that
 * both signed, less what earlier invoices asked for; rounding, taxes and sums; and the month's
 * statements where they end with the same receipt. Throws EVIDENCE_BROKEN and names the first
 * thing that is wrong.
 */
export async function verifyInvoiceFile(file: unknown): Promise<VerifiedInvoice> {
  if (!invoiceFile.Check(file)) throw broken("it is no invoice's file of version 1");
  const body = bodyOf("the invoice", file.invoice);
  const bills = await billsOf(file.bills, body);
  const sides = [...bills.values()];
  await verifySigned("the invoice", file.invoice, body.provider, sides);
  const earlier = await earlierOf(file.earlier, body, sides);
  for (const line of body.lines) verifyReceipts(line, bills.get(line.agreement));
  const corrected = earlier.find(({ number }) => number === body.corrects?.number);
  const differences = differencesOf(body, {
    lines: sides.map(({ bill }) => ({ ...bill, role: "consumer", evidence: "two-sided" })),
    before: askedBefore(body, earlier, bills),
    ...(corrected && { corrected }),
  });
  if (corrected !== undefined) verifyGiven(body, corrected, earlier);
  for (const { where, what, invoiced, own } of differences) {
    throw broken(`${where}: it says ${what} ${invoiced}, and its evidence says ${own}`);
  }
  const dossiers: { dossier: Dossier; standing: Standing }[] = [];
  for (const dossier of file.statements) {
    const { provider, consumer, month, lines } = dossier.statement.body;
    const named = lines.flatMap(({ agreement }) => bills.get(agreement)?.agreed ?? []);
    const isOfIt = provider === body.provider && consumer === body.consumer && named.length > 0;
    if (!isOfIt || month !== body.month) throw broken("a statement in it is of something else");
    dossiers.push({ dossier, standing: await verifyDossier(dossier, named) });
  }
  return {
    body,
    evidence: body.lines.map((line) => {
      const { bill, ...more } = needed(line, bills.get(line.agreement));
      const stated = statedAs({ bill, ...more }, dossiers);
      if (stated !== undefined && stated.micro !== stated.ownMicro) {
        throw broken(`line ${line.id}: the month's statements do not say what its receipts say`);
      }
      const { chain, proof } = bill;
      return {
        ...(chain && { chain }),
        ...(proof && { log: proof.checkpoint.origin }),
        ...(stated && { stated: { ids: stated.ids, accepted: stated.accepted } }),
      };
    }),
    keys: [...new Set(sides.flatMap(({ bill }) => bill.keys))],
  };
}

function bodyOf(name: string, signed: OfferedInvoice): InvoiceBody {
  try {
    return invoiceIn(signed);
  } catch (thrown) {
    if (!(thrown instanceof ComityError)) throw thrown;
    throw broken(`${name}: ${thrown.details["problem"]}`, thrown);
  }
}

async function billsOf(
  files: readonly unknown[],
  body: InvoiceBody,
): Promise<ReadonlyMap<string, ProvedBill>> {
  const bills = new Map<string, ProvedBill>();
  for (const [i, file] of files.entries()) {
    const name = `bill ${i + 1} in it`;
    const proved = await proveBill(file).catch((thrown: unknown) => {
      throw brokenIn(name, thrown);
    });
    const { id, provider, consumer } = proved.agreed;
    const isOfPair = provider === body.provider && consumer === body.consumer;
    const isNamed = body.lines.some(({ agreement }) => agreement === id);
    if (!isOfPair || !isNamed || proved.bill.month !== body.month) {
      throw broken(`${name} is of another agreement or month`);
    }
    if (bills.has(id)) throw broken(`${name} is there twice`);
    bills.set(id, proved);
  }
  const bare = body.lines.find(({ agreement }) => !bills.has(agreement));
  if (bare !== undefined) throw broken(`line ${bare.id}: its bill is not in the file`);
  return bills;
}

/** By the key that each of the agreements pins for the seller. */
async function verifySigned(
  name: string,
  signed: OfferedInvoice,
  seller: string,
  sides: readonly ProvedBill[],
): Promise<void> {
  const agreements = sides.map(({ agreed }) => agreed);
  try {
    for (const key of pinnedKeys(agreements, seller)) {
      const pinned = (kid: string) => (didOfKeyId(kid) === seller ? key : undefined);
      await verifySignature(signed, pinned, { what: name, type: invoiceType });
    }
  } catch (thrown) {
    throw broken(`${name}: the seller's signature does not verify`, thrown);
  }
}

async function earlierOf(
  files: readonly OfferedInvoice[],
  of: InvoiceBody,
  sides: readonly ProvedBill[],
): Promise<InvoiceBody[]> {
  const bodies: InvoiceBody[] = [];
  for (const signed of files) {
    const body = bodyOf("an earlier invoice", signed);
    const name = `earlier invoice ${body.number}`;
    const { provider, consumer, month, currency, number, lines } = body;
    const isOfPair = provider === of.provider && consumer === of.consumer;
    if (!isOfPair || month !== of.month || currency !== of.currency || number === of.number) {
      throw broken(`${name}: it is not one before it`);
    }
    if (bodies.some((one) => one.number === number)) throw broken(`${name}: it is there twice`);
    const pinned = sides.filter(({ agreed }) => {
      return lines.some(({ agreement }) => agreement === agreed.id);
    });
    if (pinned.length === 0) throw broken(`${name}: it names none of the agreements`);
    await verifySigned(name, signed, provider, pinned);
    bodies.push(body);
  }
  return bodies;
}

/** The line names the month's first and last receipt, as they are in its bill. */
function verifyReceipts(line: InvoiceLine, proved: ProvedBill | undefined): void {
  const { bill, receipts } = needed(line, proved);
  const hashOf = (seq: number): string => {
    const body = receipts.find((one) => one.seq === seq);
    return body === undefined ? "" : canonicalHash(body);
  };
  const { chain } = bill;
  const own = chain && {
    ...{ first: chain.first, last: chain.to },
    ...{ firstHash: hashOf(chain.first), lastHash: hashOf(chain.to) },
  };
  if (canonicalHash(own ?? null) === canonicalHash(line.receipts ?? null)) return;
  throw broken(`line ${line.id}: the receipts it names are not those of its bill`);
}

/** Credit notes together give back no more of a line than it is. */
function verifyGiven(
  body: InvoiceBody,
  corrected: InvoiceBody,
  earlier: readonly InvoiceBody[],
): void {
  const notes = earlier.filter((one) => one.corrects?.number === corrected.number);
  for (const { id, amount } of corrected.lines) {
    const given = [...notes, body]
      .flatMap(({ lines }) => lines.filter(({ corrects }) => corrects === id))
      .reduce((sum, line) => sum + microOf(line.amount), 0n);
    if (given <= microOf(amount)) continue;
    throw broken(`line ${id} of ${corrected.number}: more of it is given back than ${amount}`);
  }
}

function needed({ id, evidence }: InvoiceLine, proved: ProvedBill | undefined): ProvedBill {
  if (evidence === "one-sided" || proved === undefined) {
    throw broken(`line ${id}: it is one-sided: the seller alone counted, and nobody else signed`);
  }
  return proved;
}

/**
 * Micro-units that were asked for before, by agreement. What a credit note gave back is asked for
 * again only where the line does not owe it: between the two the seller's books decide.
 */
function askedBefore(
  { lines }: InvoiceBody,
  earlier: readonly InvoiceBody[],
  bills: ReadonlyMap<string, ProvedBill>,
): Map<string, bigint> {
  const before = new Map<string, bigint>();
  for (const [id, { bill }] of bills) {
    const sum = (type: InvoiceBody["type"]): bigint =>
      earlier
        .filter((one) => one.type === type)
        .flatMap((one) => one.lines.filter(({ agreement }) => agreement === id))
        .reduce((all, { exact }) => all + microOf(exact), 0n);
    const [asked, given] = [sum("invoice"), sum("credit-note")];
    const own = lines.filter(({ agreement }) => agreement === id);
    const left = own.reduce((all, { exact }) => all - microOf(exact), microOf(bill.amount));
    const least = asked - given;
    before.set(id, left > asked ? asked : left < least ? least : left);
  }
  return before;
}
