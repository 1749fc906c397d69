import { Command } from "commander";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, priceFrom, wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

interface ShareOptions {
  readonly to?: string;
  readonly days: string;
  readonly billed?: boolean;
  readonly ceiling?: string;
}

/** `share PRODUCT --to NAME`, and what becomes of the link: `list`, `paid`, `revoke`. */
export function shareCommand(io: CliIo): Command {
  const share = new Command("share")
    .description("share a product with a partner who runs no node: one link in a browser")
    .argument("<product>", "its id, from comity product list")
    .option("--to <name>", "whom the link is for; needed")
    .option("--days <days>", "how long it can be accepted", "14")
    .option("--billed", "pay monthly for what their MQTT client acknowledges; with --ceiling")
    .option("--ceiling <amount>", 'what a month may cost them at most, such as "20 EUR"')
    .action(async (product: string, options: ShareOptions, command: Command) => {
      const { to } = options;
      const days = wholeNumber("--days", options.days);
      // no required option of commander's: the commands below this one would need it too
      if (to === undefined) throw invalid(`say whom the link is for: --to "City of Delft"`);
      const made = await connect(io, command).share(product, to, days, ceilingOf(options));
      if (globals(command).json === true) return printJson(io, made);
      const { id, payment, ceiling, expiresAt } = made.share;
      printLine(io, `A link for ${made.share.to}, shown once; it expires at ${expiresAt}:`);
      printLine(io, `  ${made.url}`);
      if (payment === "billed") {
        const { currency } = priceFrom(options.ceiling ?? "", 1);
        printLine(io, `Billed for what is acknowledged, at most ${ceiling} ${currency} a month`);
      }
      if (payment === "prepaid") {
        printLine(
          io,
          `Paid ahead: once it is paid, ${typed(command, `share paid ${id} "10 EUR"`)}`,
        );
      }
      printLine(io, `End it: ${typed(command, `share revoke ${id}`)}`);
    });
  share
    .command("list")
    .description("all links, and what became of them")
    .action(async (_options: unknown, command: Command) => {
      const shares = await connect(io, command).shares();
      if (globals(command).json === true) return printJson(io, shares);
      const rows = shares.map(({ id, product, to, state, paid, accepted, expiresAt }) => [
        ...[id, product, to, state, paid ?? ""],
        accepted ? `${accepted.name} <${accepted.email}>` : `until ${expiresAt}`,
      ]);
      const none = `No links yet. Make one: ${typed(command, "share PRODUCT --to NAME")}`;
      printTable(io, ["SHARE", "PRODUCT", "TO", "STATE", "PAID", "ACCEPTED BY"], rows, none);
    });
  share
    .command("paid <share> <amount>")
    .description('record what was paid ahead, such as "10 EUR"')
    .action(async (id: string, text: string, _options: unknown, command: Command) => {
      const { amount, currency } = priceFrom(text, 1);
      const paid = await connect(io, command).sharePaid(id, amount, currency);
      if (globals(command).json === true) return printJson(io, paid);
      printLine(
        io,
        `${paid.to} has paid ${paid.paid} ${currency} ahead; the link can be accepted.`,
      );
    });
  share
    .command("revoke <share>")
    .description("end the link, and the agreement made by it, now")
    .action(async (id: string, _options: unknown, command: Command) => {
      const revoked = await connect(io, command).revokeShare(id);
      if (globals(command).json === true) return printJson(io, revoked);
      printLine(io, `The link for ${revoked.to} is revoked; nothing more is delivered.`);
    });
  return share;
}

/** Both or neither: nobody is billed without a limit. */
function ceilingOf({ billed = false, ceiling }: ShareOptions) {
  if (!billed && ceiling === undefined) return undefined;
  if (!billed || ceiling === undefined) {
    throw invalid(`a billed link has a monthly ceiling: --billed --ceiling "20 EUR"`);
  }
  const { amount, currency } = priceFrom(ceiling, 1);
  return { amount, currency };
}
