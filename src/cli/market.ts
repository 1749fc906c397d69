import { Command } from "commander";
import { describePrice } from "../kernel/price.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `peer` and `find`. */
export function marketCommands(io: CliIo): Command[] {
  return [peerCommand(io), findCommand(io)];
}

function peerCommand(io: CliIo): Command {
  const peer = new Command("peer").description("other organisations' nodes");
  peer
    .command("add <url>")
    .description("know another node by its address")
    .option("--did <did>", "another connector's DID; the address is its protocol endpoint then")
    .action(async (url: string, { did }: { did?: string }, command: Command) => {
      const added = await connect(io, command).addPeer(url, did);
      if (globals(command).json === true) return printJson(io, added);
      printLine(io, `${added.title ?? added.name} is known as ${added.name} (${added.did}).`);
      printLine(io, "See what it offers: comity find");
    });
  peer
    .command("list")
    .description("all that are known")
    .action(async (_options: unknown, command: Command) => {
      const peers = await connect(io, command).peers();
      if (globals(command).json === true) return printJson(io, peers);
      const rows = peers.map(({ name, title, did, url }) => [name, title ?? "", did, url]);
      const none = "No peers yet. Add one: comity peer add URL";
      printTable(io, ["NAME", "TITLE", "DID", "ADDRESS"], rows, none);
    });
  return peer;
}

function findCommand(io: CliIo): Command {
  return new Command("find")
    .description("find offers, yours and your peers'")
    .argument("[words...]", "words it must hold; none: everything")
    .action(async (words: string[], _options: unknown, command: Command) => {
      const found = await connect(io, command).find(words.join(" "));
      if (globals(command).json === true) return printJson(io, found);
      const rows = found.map((offer) => [
        offer.offer,
        offer.title,
        offer.providerName,
        describePrice(offer.price),
        termsText(offer),
      ]);
      const none = "Nothing found. Peers' offers are searched too: comity peer list";
      printTable(io, ["OFFER", "TITLE", "FROM", "PRICE", "TERMS"], rows, none);
    });
}

function termsText(terms: {
  readonly delivery?: string;
  readonly fields?: readonly string[];
  readonly notAfter?: string;
  readonly messagesMax?: number;
}): string {
  const parts = [terms.delivery];
  if (terms.fields) parts.push(`fields ${terms.fields.join(" ")}`);
  if (terms.messagesMax !== undefined) {
    parts.push(`at most ${terms.messagesMax.toLocaleString("en")} messages`);
  }
  if (terms.notAfter !== undefined) parts.push(`until ${terms.notAfter}`);
  return parts.filter((text) => text !== undefined).join(", ");
}
