import { Command } from "commander";
import { formatAmount } from "../kernel/amount.ts";
import { describePrice } from "../kernel/price-text.ts";
import type { VerifiedBill } from "../settle/verify/bill.ts";
import type { VerifiedInvoice } from "../settle/verify/invoice.ts";
import type { ProvedChain } from "../settle/verify/receipts.ts";
import type { VerifiedStatement } from "../settle/verify/statement.ts";
import { type CliIo, globals, readText } from "./context.ts";
import { printVerifiedProof } from "./evidence.ts";
import { printJson, printLine } from "./output.ts";

/** `verify`: a file of evidence, with no node and no network. */
export function verifyCommand(io: CliIo): Command {
  return new Command("verify")
    .description("check a bill, a statement, an invoice or a proof out of a log, offline")
    .argument(
      "<file>",
      "from comity bill, statement export, invoice export or evidence prove, with --out FILE",
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const text = readText(file);
      const { verifyFile } = await import("../settle/verify/file.ts");
      const { chainText } = await import("../settle/verify/receipts.ts");
      const verified = await verifyFile(text);
      const isJson = globals(command).json === true;
      if (!isJson && verified.kind !== "proof") printLine(io, `${file} verifies.`);
      switch (verified.kind) {
        case "proof": {
          if (!isJson) return printVerifiedProof(io, file, verified.proof);
          const { leaf, index, signers } = verified.proof;
          return printJson(io, { verified: true, leaf, index, signers });
        }
        case "bill":
          if (isJson) return printJson(io, { verified: true, ...verified.bill });
          return printBill(io, verified.bill, chainText);
        case "statement":
          if (isJson) return printJson(io, { verified: true, ...told(verified.statement) });
          return printStatement(io, verified.statement, chainText);
        case "invoice":
          if (isJson) return printJson(io, { verified: true, ...verified.invoice });
          return printInvoice(io, verified.invoice, chainText);
      }
    });
}

type ChainText = (chain: ProvedChain | undefined) => string;

const partText = {
  usage: "for what was delivered",
  month: "by the month",
  minimum: "up to the month's minimum",
} as const;

function printBill(io: CliIo, bill: VerifiedBill, chainText: ChainText): void {
  printLine(io, `  agreement  ${bill.agreement} (${bill.title})`);
  printLine(io, `  provider   ${bill.provider}`);
  printLine(io, `  consumer   ${bill.consumer}`);
  printLine(io, `  month      ${bill.month}`);
  printLine(io, `  delivered  ${bill.messages.toLocaleString("en")} messages`);
  printLine(io, `  price      ${describePrice(bill.price)}`);
  printLine(io, `  amount     ${bill.amount} ${bill.currency}`);
  for (const { charge, amount } of bill.parts ?? []) {
    printLine(io, `             ${amount} ${partText[charge]}`);
  }
  printLine(io, `  evidence   ${chainText(bill.chain)}, each signed by both`);
  const { proof, chain } = bill;
  if (proof !== undefined && chain !== undefined) {
    const { checkpoint, index } = proof;
    const place = `entry ${index} of ${checkpoint.size}`;
    const others = proof.signers.filter(({ name }) => name !== checkpoint.origin);
    printLine(io, `  log        receipt ${chain.to} is ${place} of ${checkpoint.origin}`);
    for (const { name } of others) printLine(io, `             witnessed by ${name}`);
  }
  printKeys(io, bill.keys);
}

function printStatement(io: CliIo, statement: VerifiedStatement, chainText: ChainText): void {
  const { id, body, standing, cleared, words, evidence, keys } = statement;
  printLine(io, `  statement  ${id}, number ${body.number} of ${body.month}, ${body.at}`);
  printLine(io, `  provider   ${body.provider}`);
  printLine(io, `  consumer   ${body.consumer}`);
  for (const [i, { line, state, micro, dispute }] of standing.lines.entries()) {
    const why = dispute === undefined ? "" : `, ${dispute.state}: ${dispute.reason}`;
    printLine(io, `  line ${i + 1}     ${line.title}, ${line.agreement}`);
    const amount = `${line.amount} ${line.currency}`;
    const stands = formatAmount(micro) === line.amount ? "" : `, ${formatAmount(micro)} stands`;
    printLine(io, `             ${amount}${stands}, ${state}${why}`);
    printEvidence(io, evidence[i], chainText);
  }
  for (const { currency, accepted, paid, due } of standing.dues) {
    const sums = `${formatAmount(accepted)} accepted, ${formatAmount(paid)} paid`;
    printLine(io, `  ${currency}        ${sums}, ${formatAmount(due)} due`);
    for (const one of cleared) {
      if (one.currency !== currency) continue;
      printLine(io, `             ${one.amount} set off by ${one.setoff}, signed by both`);
    }
  }
  printLine(io, `  words      ${words}, each signed and chained by who said it`);
  printKeys(io, keys);
}

function printInvoice(io: CliIo, { body, evidence, keys }: VerifiedInvoice, text: ChainText): void {
  const { type, number, month, issued, currency, totals, seller, buyer } = body;
  const what = type === "invoice" ? "invoice   " : "credit note";
  printLine(io, `  ${what} ${number} of ${month}, issued ${issued}`);
  printLine(io, `  seller     ${seller.name}, ${body.provider}`);
  printLine(io, `  buyer      ${buyer.name}, ${body.consumer}`);
  for (const [i, line] of body.lines.entries()) {
    printLine(io, `  line ${line.id}     ${line.title}, ${line.agreement}`);
    printLine(io, `             ${line.exact} ${currency}, rounded to ${line.amount}`);
    printEvidence(io, evidence[i], text);
    const { stated } = evidence[i] ?? {};
    if (stated === undefined) continue;
    const by = stated.accepted ? "accepted by the buyer" : "as stated";
    printLine(io, `             ${by} in statement ${stated.ids.join(", ")}`);
  }
  const sums = `${totals.net} net, ${totals.tax} tax`;
  printLine(io, `  total      ${totals.gross} ${currency} (${sums}; ${totals.exact} exactly)`);
  printKeys(io, keys);
}

function printEvidence(
  io: CliIo,
  evidence: { readonly chain?: ProvedChain; readonly log?: string } = {},
  chainText: ChainText,
): void {
  printLine(io, `             ${chainText(evidence.chain)}, each signed by both`);
  if (evidence.log === undefined) return;
  printLine(io, `             the last stands in the log of ${evidence.log}`);
}

function printKeys(io: CliIo, keys: readonly string[]): void {
  printLine(io, "  keys       compare them once with what both publish in their DID documents:");
  for (const key of keys) printLine(io, `             ${key}`);
}

/** Sums as decimal strings. */
function told({ standing, ...statement }: VerifiedStatement): object {
  return {
    ...statement,
    lines: standing.lines.map(({ line, state, micro, dispute }) => ({
      ...{ agreement: line.agreement, state, stated: line.amount, amount: formatAmount(micro) },
      ...(dispute && { dispute: { state: dispute.state, reason: dispute.reason } }),
    })),
    dues: standing.dues.map(({ currency, accepted, paid, setOff, due }) => ({
      ...{ currency, accepted: formatAmount(accepted), paid: formatAmount(paid) },
      ...{ setOff: formatAmount(setOff), due: formatAmount(due) },
    })),
  };
}
