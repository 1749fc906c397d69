import { Command } from "commander";
import type { ThingAccessResource } from "../client/data-access.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, repeated, wholeNumber } from "./flags.ts";
import { priceGiven } from "./price.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { measuresFrom, type PricedFlags, pricedFrom } from "./tariffs.ts";

interface RequestFlags {
  readonly for?: string;
  readonly measures?: string;
}

interface UserFlags extends PricedFlags {
  readonly price?: string;
  readonly withhold?: string;
  readonly reason?: string;
}

/** `access` and `refusal`: a user's right to their Thing's data, from both sides. */
export function dataAccessCommands(io: CliIo): Command[] {
  return [accessCommand(io), refusalCommand(io)];
}

function accessCommand(io: CliIo): Command {
  const access = new Command("access").description(
    "a user's right to the data of their Thing (EU Data Act, Art. 4 and 5)",
  );
  access
    .command("user <thing> <did>")
    .description("as data holder: say whose data a Thing's are")
    .option("--price <price>", "what a third party pays that the user sends (default: free)")
    .option("--per <messages>", "how many messages the price is for (default: 1)")
    .option("--tariff <class=price>", 'what one of that class pays, "sme=0.001 EUR"', repeated)
    .option("--cost <price>", "what it costs to make the data available (Art. 9)")
    .option("--secret <name>", "a member that is a trade secret; repeatable", repeated)
    .option("--measure <name>", "what keeps the secrets, such as nda; repeatable", repeated)
    .option("--withhold <article>", 'hand nothing over, such as "Art. 4(2)"; ends what stands')
    .option("--reason <text>", "why, with --withhold; the user gets it signed")
    .action(async (thing: string, did: string, flags: UserFlags, command: Command) => {
      const made = await connect(io, command).setThingAccess(thing, accessFrom(did, flags));
      if (globals(command).json === true) return printJson(io, made);
      printLine(io, `The data of ${thing} are those of ${did}.`);
    });
  access
    .command("request <provider> <thing>")
    .description("as user: receive the data of your Thing, free, or let a third party in")
    .option("--for <did>", "the third party")
    .option("--measures <names>", "attest what keeps its trade secrets, such as nda,no-copies")
    .action(async (provider: string, thing: string, flags: RequestFlags, command: Command) => {
      const { for: thirdParty, measures } = flags;
      const granted = await connect(io, command).requestAccess({
        ...{ provider, thing },
        ...(thirdParty !== undefined && { for: thirdParty }),
        ...(measures !== undefined && { measures: measuresFrom(measures) }),
      });
      if (globals(command).json === true) return printJson(io, granted);
      const { agreement, offer } = granted;
      if (agreement !== undefined) {
        printLine(io, `Agreed, free: the data of ${thing} arrive under ${agreement}.`);
        if (granted.tradeSecrets && measures === undefined) {
          const { fields, measures: needed } = granted.tradeSecrets;
          const again = typed(
            command,
            `access request ${provider} ${thing} --measures ${needed.join(",")}`,
          );
          printLine(io, `Left out as trade secrets: ${fields.join(", ")}.`);
          printLine(io, `They come as well once you take the measures for them: ${again}`);
        }
        return;
      }
      printLine(io, `${flags.for ?? ""} may agree now: comity agree ${offer} --provider DID`);
      printLine(
        io,
        `End it: ${typed(command, `access withdraw ${provider} ${thing} ${flags.for ?? ""}`)}`,
      );
    });
  access
    .command("withdraw <provider> <thing> <did>")
    .description("as user: the third party hears no more; its agreement ends now")
    .action(
      async (provider: string, thing: string, did: string, _flags: unknown, command: Command) => {
        await connect(io, command).withdrawAccess({ provider, thing, for: did });
        if (globals(command).json === true) return printJson(io, { withdrawn: did });
        printLine(io, `${did} hears no more of ${thing}.`);
      },
    );
  return access;
}

function refusalCommand(io: CliIo): Command {
  const refusal = new Command("refusal").description("what was refused, here and by others");
  refusal
    .command("list")
    .description("who asked whom for what, and why not; signed, in full with --json")
    .action(async (_options: unknown, command: Command) => {
      const refusals = await connect(io, command).refusals();
      if (globals(command).json === true) return printJson(io, refusals);
      const rows = refusals.map(({ record }) => [
        record.at,
        record.asker,
        record.by,
        record.article,
        record.reason,
      ]);
      printTable(io, ["AT", "ASKER", "BY", "ARTICLE", "REASON"], rows, "Nothing was refused.");
    });
  return refusal;
}

function accessFrom(user: string, flags: UserFlags): ThingAccessResource {
  const { price, per = "1", withhold: article, reason } = flags;
  if ((article === undefined) !== (reason === undefined)) {
    throw invalid("--withhold and --reason go together");
  }
  return {
    user,
    ...pricedFrom(flags),
    ...(price !== undefined && { price: priceGiven(price, wholeNumber("--per", per)) }),
    ...(article !== undefined && reason !== undefined && { withheld: { article, reason } }),
  };
}
