import type { StoreDatabase } from "../../../src/engines/embedded/store-database.ts";
import { canonicalBytes, canonicalHash } from "../../../src/kernel/canonical.ts";
import { ComityError } from "../../../src/kernel/errors.ts";
import {
  lastPrice,
  type PriceChangeBody,
  priceChangeType,
  pricePathOf,
} from "../../../src/market/price-change.ts";
import { rate } from "../../../src/meter/rated.ts";
import { receiptsPath } from "../../../src/meter/both-signed.ts";
import { lastCosigned, type ReceiptBody, receiptType } from "../../../src/meter/receipt.ts";
import { signaturesOf } from "../../../src/settle/evidence-log/note-signatures.ts";
import { witnessPath } from "../../../src/settle/evidence-log/witness-book.ts";
import {
  invoiceAnswer,
  type InvoiceBody,
  invoiceType,
} from "../../../src/settle/invoice/document.ts";
import { invoicesPath } from "../../../src/settle/invoice/issued.ts";
import {
  dossierShape,
  signStatement,
  type StatementBody,
} from "../../../src/settle/statements/document.ts";
import { statementsPath } from "../../../src/settle/statements/exchange.ts";
import { mergeSignatures, unsignedJws } from "../../../src/wire/jws.ts";
import { checkpointText } from "../../../src/wire/tlog/checkpoint.ts";
import { noteText } from "../../../src/wire/tlog/note.ts";
import { copyOf } from "../memory-store.ts";
import type { Participant, Rooms } from "./participant.ts";
import type { Deal, World } from "./world.ts";

/** What somebody tries who is not honest; always over the other's real routes, with a real key. */
export interface Way {
  readonly name: string;
  /** What alone an honest side may answer. */
  readonly met: RegExp;
  /** As seller or as buyer of the deal, once; the answer in a few words, undefined: no occasion. */
  readonly as?: "seller" | "buyer";
  readonly tries?: (liar: Rooms, deal: Deal) => Promise<string | undefined>;
  /** For a whole month, from its first day on. */
  readonly begins?: (liar: Participant) => void;
  readonly ends?: (liar: Participant) => void;
  /** Its buyers' counts are told to nobody for the month. */
  readonly hidesCounts?: true;
  /** After the month. */
  readonly after?: (world: World, liar: Participant) => Promise<string>;
}

const miscounted = /does not agree with what was counted here: it claims/;
const mispriced = /does not agree with what was counted here: .* cost … micro-units, not/;
const another = /another receipt … is signed already/;
const waited = /^waited for/;

const huge = "9223372036854775807";

/** In the order in which each of them is tried, a month each. */
export const ways: readonly Way[] = [
  { name: "over-counts", met: either(miscounted, another), as: "seller", tries: overCounts },
  {
    name: "never signs",
    met: waited,
    begins(liar) {
      liar.cosigns = async () => {
        throw new ComityError("STATE_INVALID", {
          what: "Node",
          id: "it",
          state: "shy",
          act: "sign",
        });
      };
    },
    ends: honestAgain,
  },
  { name: "signs twice", met: another, as: "seller", tries: signsTwice },
  { name: "forks its log", met: /^found and named/, as: "seller", tries: forksItsLog },
  {
    name: "replays old receipts",
    met: either(/messages went from … to …/, another),
    as: "seller",
    tries: replays,
  },
  {
    name: "changes the price in the middle",
    met: either(mispriced, another),
    as: "seller",
    tries: changesPrice,
  },
  { name: "under-counts", met: waited, hidesCounts: true },
  {
    name: "invoices in an unknown currency",
    met: /^kept for people, its currency named/,
    as: "seller",
    tries: invoicesUnknown,
  },
  { name: "restores an old backup", met: /^restored/, after: restores },
  {
    name: "asks for amounts near 2^63",
    met: either(mispriced, another),
    as: "seller",
    tries: asksForHuge,
  },
  {
    name: "signs something else",
    met: waited,
    begins(liar) {
      liar.cosigns = async () => {
        const rooms = await liar.life.calm();
        const other = canonicalBytes({ of: liar.name });
        return { signature: await rooms.signer.sign(other, receiptType) };
      };
    },
    ends: honestAgain,
  },
  {
    name: "states too much",
    met: either(/^disputed at once/, /another statement … is here already/),
    as: "seller",
    tries: statesTooMuch,
  },
];

function either(...answers: readonly RegExp[]): RegExp {
  return new RegExp(answers.map(({ source }) => source).join("|"));
}

function honestAgain(liar: Participant): void {
  liar.cosigns = undefined;
}

async function overCounts(liar: Rooms, deal: Deal): Promise<string | undefined> {
  return offered(liar, deal, (honest) => ({
    ...honest,
    ...{ to: honest.to + 5000, messages: honest.messages + 4000, bytes: honest.bytes + 90_000 },
  }));
}

async function asksForHuge(liar: Rooms, deal: Deal): Promise<string | undefined> {
  const stated = await statesTooMuch(liar, deal, "9223372036854.775807");
  if (stated?.startsWith("taken") === true) return `its statement was ${stated}`;
  const body = (honest: ReceiptBody): ReceiptBody => ({ ...honest, amountMicro: huge });
  return offered(liar, deal, body, false);
}

async function changesPrice(liar: Rooms, deal: Deal): Promise<string | undefined> {
  const agreement = liar.agreements.need(deal.id);
  const { number } = lastPrice(agreement);
  const body: PriceChangeBody = {
    ...{ v: 1, agreement: deal.id, policyHash: agreement.policyHash, number: number + 1 },
    price: { currency: deal.price.currency, charges: [{ perMessages: 1, amount: "5" }] },
    from: "2027-01-01T00:00:00Z",
  };
  const signature = await liar.signer.sign(canonicalBytes(body), priceChangeType);
  const changed = await answerOf(liar, deal, pricePathOf(deal.id), { body, signature });
  if (changed?.startsWith("taken") === true) return "its price was taken, or waits for somebody";
  const dearer = (honest: ReceiptBody): ReceiptBody => {
    const more = 2n * BigInt(honest.amountMicro) + 1_000_000n;
    return { ...honest, amountMicro: more.toString() };
  };
  return offered(liar, deal, dearer, false);
}

/** A second body under the number of the last receipt. */
async function signsTwice(liar: Rooms, deal: Deal): Promise<string | undefined> {
  const last = (await lastCosigned(liar.store, deal.id))?.body;
  if (last === undefined) return undefined;
  return bring(liar, deal, { ...last, at: new Date(Date.parse(last.at) + 1).toISOString() });
}

/** An old one again, and then its counts as the next. */
async function replays(liar: Rooms, deal: Deal): Promise<string | undefined> {
  const record = await lastCosigned(liar.store, deal.id);
  if (record === undefined) return undefined;
  const { body, signatures } = record;
  const again = await answerOf(liar, deal, receiptsPath, { body, signature: signatures[0] });
  if (again === undefined) return undefined;
  if (again !== "taken") return `the same again: ${again}`;
  return bring(liar, deal, { ...body, seq: body.seq + 1, prevHash: canonicalHash(body) });
}

async function forksItsLog(liar: Rooms, deal: Deal): Promise<string | undefined> {
  const { log, noteSigner } = liar;
  const known = log.size;
  if (known === 0) return undefined;
  const checkpoint = { origin: log.origin, size: known + 1, root: Buffer.alloc(32, 7) };
  const signatures = await signaturesOf(noteSigner, checkpoint, 1_800_000_000);
  const note = noteText({ text: checkpointText(checkpoint), signatures });
  const proof = [Buffer.alloc(32, 9).toString("base64")];
  for (let old = known; old >= 0 && old > known - 40; old--) {
    const request = { checkpoint: note, old, proof };
    const answer = await liar.federation.peers
      .post(deal.buyer.did, witnessPath, request)
      .catch((thrown: unknown) => thrown);
    if (!isObject(answer) || answer instanceof Error) return undefined;
    if ("cosigned" in answer) return "cosigned";
    const buyer = await deal.buyer.life.calm();
    const found = await buyer.conflicts.list();
    if (found.some(({ origin }) => origin === log.origin)) return "found and named";
  }
  return undefined;
}

async function invoicesUnknown(liar: Rooms, deal: Deal): Promise<string | undefined> {
  let last: InvoiceBody | undefined;
  for await (const { body } of liar.issued.all()) if (body.consumer === deal.buyer.did) last = body;
  if (last === undefined) return undefined;
  const body = { ...last, number: "2027-900001", currency: "QQQ" };
  const bytes = canonicalBytes(body);
  const signed = mergeSignatures(unsignedJws(bytes), await liar.signer.sign(bytes, invoiceType));
  return answerOf(liar, deal, invoicesPath, signed, (answer) => {
    const found = invoiceAnswer.Check(answer) ? answer.differences : [];
    const isNamed = found.some(({ invoiced }) => invoiced.includes("QQQ"));
    return isNamed ? "kept for people, its currency named as none that was agreed" : "taken";
  });
}

/** The next statement of the month before, with another sum. */
async function statesTooMuch(
  liar: Rooms,
  deal: Deal,
  amount = "1000",
): Promise<string | undefined> {
  const last = (await lastCosigned(liar.store, deal.id))?.body;
  if (last === undefined) return undefined;
  const { month } = last;
  const earlier = (await liar.kept.list(month)).filter(({ body }) => {
    return body.provider === liar.signer.did && body.consumer === deal.buyer.did;
  });
  const { product, title } = liar.agreements.need(deal.id);
  const body: StatementBody = {
    ...{ v: 1, type: "statement", provider: liar.signer.did, consumer: deal.buyer.did, month },
    ...{ number: earlier.length + 1, disputeDays: 30, at: last.at },
    lines: [
      {
        ...{ agreement: deal.id, product, title, from: 0, to: last.seq },
        ...{ messages: last.messages, bytes: last.bytes, usage: amount, amount },
        currency: last.currency,
      },
    ],
  };
  const signature = await signStatement(body, liar.signer);
  const dossier = { statement: { body, signature }, steps: [] };
  return answerOf(liar, deal, statementsPath, dossier, (answer) => {
    if (!dossierShape.Check(answer)) return `taken, with ${JSON.stringify(answer).slice(0, 500)}`;
    const acts = answer.steps.map(({ body: { act } }) => act.do);
    return acts.includes("dispute") ? "disputed at once" : `taken, with ${acts.join()}`;
  });
}

async function restores({ clock }: World, liar: Participant): Promise<string> {
  const { kept } = liar;
  if (kept === undefined) throw new Error(`nothing was kept of ${liar.name} in ${clock.month}`);
  await liar.life.restartOn((disk: StoreDatabase) => {
    disk.close();
    return copyOf(kept);
  });
  return "restored";
}

/** The receipt that honestly comes next, changed; `rated`: by the price that is agreed. */
async function offered(
  liar: Rooms,
  deal: Deal,
  change: (honest: ReceiptBody) => ReceiptBody,
  rated = true,
): Promise<string | undefined> {
  const last = (await lastCosigned(liar.store, deal.id))?.body;
  const there = await (await deal.buyer.life.calm()).counts.last(deal.id);
  const agreement = liar.agreements.need(deal.id);
  if (last === undefined || there === undefined || there.messages <= last.messages) {
    return undefined;
  }
  const { epoch, position: to, messages, payloadBytes: bytes, at } = there;
  const { base: _base, price: _price, trial: _trial, ...rest } = last;
  const month = new Date(at).toISOString().slice(0, 7);
  const next = {
    ...{ ...rest, seq: last.seq + 1, epoch, from: last.to, to, messages, bytes, month },
    ...{ at: new Date(at).toISOString(), prevHash: canonicalHash(last) },
  };
  const honest = { ...next, ...rate(agreement, last, { messages, bytes, month, at }) };
  const body = change(honest);
  const used = { messages: body.messages, bytes: body.bytes, month, at };
  return bring(liar, deal, rated ? { ...body, ...rate(agreement, last, used) } : body);
}

async function bring(liar: Rooms, deal: Deal, body: ReceiptBody): Promise<string | undefined> {
  const signature = await liar.signer.sign(canonicalBytes(body), receiptType);
  return answerOf(liar, deal, receiptsPath, { body, signature });
}

/** `taken`, or why not; undefined: the answer was lost on the way. */
async function answerOf(
  liar: Rooms,
  deal: Deal,
  path: string,
  body: unknown,
  taken: (answer: unknown) => string = () => "taken",
): Promise<string | undefined> {
  try {
    return taken(await liar.federation.peers.post(deal.buyer.did, path, body));
  } catch (thrown) {
    if (!(thrown instanceof ComityError)) throw thrown;
    return thrown.code === "PEER_REFUSED" ? `refused: ${thrown.message}` : undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
