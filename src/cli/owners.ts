import { Command } from "commander";
import type { OwnerResource } from "../client/owners.ts";
import { monthAfter, monthOf, systemClock } from "../kernel/clock.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { amountFrom, invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `owners`: whose a product is, and what each owner is owed of what it earns. */
export function ownersCommand(io: CliIo): Command {
  const command = new Command("owners").description(
    "products with several owners: their parts, and what they are owed",
  );
  command
    .command("list", { isDefault: true })
    .description("whose each product is, from when, and what owners are owed")
    .action(async (_options: unknown, self: Command) => {
      const node = connect(io, self);
      const [all, dues] = [await node.owners.list(), await node.owners.due()];
      if (globals(self).json === true) return printJson(io, { owners: all, dues });
      const rows = all.flatMap(({ product, versions }) =>
        versions.map(({ from, owners }) => [product, from, partsText(owners)]),
      );
      printTable(io, ["PRODUCT", "FROM", "OWNERS"], rows, "Every product is this node's alone.");
      for (const { owner, due, currency } of dues)
        printLine(io, `${owner} is owed ${due} ${currency}`);
    });
  command
    .command("set <product> [parts...]")
    .option("--from <month>", "such as 2026-12 (default: the next)")
    .description('such as "Ann=25%" did:web:farm.example=10.5%; what is left is yours; none: all')
    .action(async (product: string, parts: string[], options: { from?: string }, self: Command) => {
      const from = options.from ?? monthAfter(monthOf(systemClock.now()));
      const told = await connect(io, self).owners.set(product, from, parts.map(ownerIn));
      if (globals(self).json === true) return printJson(io, told);
      const named = told.versions.find((one) => one.from === from)?.owners ?? [];
      printLine(io, `From ${from} ${product} is shared: ${partsText(named)}`);
    });
  command
    .command("month [month]")
    .description("what a month has come to and whose it is (default: this one)")
    .action(async (month: string | undefined, _options: unknown, self: Command) => {
      const asked = month ?? monthOf(systemClock.now());
      const shares = await connect(io, self).owners.month(asked);
      if (globals(self).json === true) return printJson(io, shares);
      const rows = shares.flatMap(({ product, agreement, revenue, currency, parts }) =>
        parts.map(({ id, share, booked }) => {
          return [product, agreement, `${revenue} ${currency}`, id, share, booked];
        }),
      );
      const heads = ["PRODUCT", "AGREEMENT", "EARNED", "OWNER", "SHARE", "BOOKED"];
      printTable(io, heads, rows, `Nothing that is shared was earned in ${asked}.`);
    });
  command
    .command("paid <owner> <amount>")
    .option("--reference <text>", "the bank's, or your own", "")
    .description('an owner got its money, such as "12.5 EUR"; part of it will do')
    .action(
      async (owner: string, text: string, { reference }: { reference: string }, self: Command) => {
        const { amount, currency } = amountFrom(text);
        const dues = await connect(io, self).owners.paid(owner, amount, currency, reference);
        if (globals(self).json === true) return printJson(io, dues);
        const left = dues.find((one) => one.owner === owner && one.currency === currency);
        printLine(io, `${left?.due ?? "0"} ${currency} are still owed to ${owner}.`);
      },
    );
  return command;
}

function partsText(owners: readonly OwnerResource[]): string {
  const sum = owners.reduce((all, one) => all + one.partsPerMillion, 0);
  const texts = owners.map(({ id, partsPerMillion }) => `${id} ${partsPerMillion / 10_000} %`);
  return [...texts, `this node ${(1_000_000 - sum) / 10_000} %`].join(", ");
}

/** `Ann=25%`, to a ten-thousandth of a percent. */
function ownerIn(text: string): OwnerResource {
  const [, id, whole, fraction = ""] = /^(.+)=(\d{1,3})(?:\.(\d{1,4}))? ?%$/.exec(text) ?? [];
  if (id === undefined) throw invalid(`"${text}" is no part such as "Ann=25%"`);
  return { id, partsPerMillion: Number(`${whole}${fraction.padEnd(4, "0")}`) };
}
