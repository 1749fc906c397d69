import { Command } from "commander";
import type { ThingAccessResource } from "../client/data-access.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid, priceFrom, wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

interface UserFlags {
  readonly price?: string;
  readonly per?: string;
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
    .action(async (provider: string, thing: string, flags: { for?: string }, command: Command) => {
      const granted = await connect(io, command).requestAccess({ provider, thing, ...flags });
      if (globals(command).json === true) return printJson(io, granted);
      const { agreement, offer } = granted;
      if (agreement !== undefined) {
        printLine(io, `Agreed, free: the data of ${thing} arrive under ${agreement}.`);
        return;
      }
      printLine(io, `${flags.for ?? ""} may agree now: comity agree ${offer} --provider DID`);
      printLine(io, `End it: comity access withdraw ${provider} ${thing} ${flags.for ?? ""}`);
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
    ...(price !== undefined && { price: priceFrom(price, wholeNumber("--per", per)) }),
    ...(article !== undefined && reason !== undefined && { withheld: { article, reason } }),
  };
}
