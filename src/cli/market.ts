import { Command } from "commander";
import type { FindQuery, OfferResource } from "../client/resources.ts";
import { pricePerMessage } from "../kernel/price.ts";
import { describePrice } from "../kernel/price-text.ts";
import { describeQuality } from "../kernel/quality.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { printDataSheet, printVariants } from "./data-sheet.ts";
import { invalid, wholeNumber } from "./flags.ts";
import { markText, printMark } from "./mark.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { classFrom } from "./tariffs.ts";
import { printTerms } from "./terms.ts";

/** `peer`, `find` and `sample`. */
export function marketCommands(io: CliIo): Command[] {
  return [peerCommand(io), findCommand(io), sampleCommand(io)];
}

function sampleCommand(io: CliIo): Command {
  return new Command("sample")
    .argument("<product>", "its id, or an offer's from comity find")
    .description("the last messages of a product as its offer lets them through; free")
    .option("--of <peer>", "a peer's product, by the peer's name or DID")
    .action(async (product: string, { of }: { of?: string }, command: Command) => {
      const sample = await connect(io, command).sample(product, of);
      if (globals(command).json === true) return printJson(io, sample);
      if (sample.messages.length === 0) printLine(io, "Nothing has come of it yet.");
      for (const { topic, at, payload, payloadBase64 = "" } of sample.messages) {
        const shown = payload ?? `base64:${payloadBase64}`;
        printLine(io, `${new Date(at).toISOString()} ${topic} ${shown}`);
      }
    });
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
      printLine(io, `See what it offers: ${typed(command, "find")}`);
    });
  peer
    .command("list")
    .description("all that are known; peers of peers are not")
    .action(async (_options: unknown, command: Command) => {
      const peers = await connect(io, command).peers();
      if (globals(command).json === true) return printJson(io, peers);
      const rows = peers.map(({ name, title, did, url, offers, seenAt, problem }) => {
        const seen = problem === undefined ? ago(seenAt) : `${ago(seenAt)}; ${problem}`;
        return [name, title ?? "", did, url, offers ?? "", seen];
      });
      const none = `No peers yet. Add one: ${typed(command, "peer add URL")}`;
      printTable(io, ["NAME", "TITLE", "DID", "ADDRESS", "OFFERS", "SEEN"], rows, none);
    });
  peer
    .command("remove <peer>")
    .description("know it no more, by name or DID; not while an agreement with it stands")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removePeer(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is known no more, and neither is what it offers.`);
    });
  return peer;
}

interface FindFlags {
  readonly sector?: string;
  readonly unit?: string;
  readonly mark?: string;
  readonly of?: string;
  readonly near?: string;
  readonly box?: string;
  readonly maxPrice?: string;
  readonly as?: string;
  readonly newerThan?: string;
  readonly live?: boolean;
  readonly logged?: boolean;
  readonly free?: boolean;
  readonly fresh?: boolean;
  readonly limit?: string;
  readonly offset?: string;
  readonly verbose?: boolean;
}

function findCommand(io: CliIo): Command {
  return new Command("find")
    .description("find offers, yours and your peers'")
    .argument("[words...]", "words it must hold, the last one perhaps only begun")
    .option("--sector <word>", "of that sector")
    .option("--unit <code>", "measured in that unit (UCUM)")
    .option("--mark <sector>", "by a vocabulary of that sector that is recognised here")
    .option("--of <peer>", "offered by that peer")
    .option("--near <lat,lon,km>", "from within that distance")
    .option("--box <south,west,north,east>", "from within that box")
    .option("--max-price <price>", 'at most so much a message, such as "0.01 EUR"')
    .option("--as <class>", "prices as one of that class pays them: sme, research or public")
    .option("--newer-than <seconds>", "its newest message is not older")
    .option("--live", "as it comes")
    .option("--logged", "durable and resumable")
    .option("--free", "free of charge")
    .option("--fresh", "ask peers now, instead of what they offered a minute ago")
    .option("--limit <count>", "at most so many (default: 50)")
    .option("--offset <count>", "after so many")
    .option("--verbose", "with the terms of each, in plain words")
    .action(async (words: string[], flags: FindFlags, command: Command) => {
      const found = await connect(io, command).find(findQueryOf(words, flags));
      if (globals(command).json === true) return printJson(io, found);
      if (flags.verbose === true && found.length > 0) return printVerbose(io, found);
      const rows = found.map((offer) => [
        offer.offer,
        offer.title,
        offer.providerName,
        priceText(offer),
        termsText(offer),
        offer.seenAt === undefined ? "yours" : ago(offer.seenAt),
      ]);
      const none = `Nothing found. Peers' offers are searched too: ${typed(command, "peer list")}`;
      printTable(io, ["OFFER", "TITLE", "FROM", "PRICE", "TERMS", "SEEN"], rows, none);
    });
}

function findQueryOf(words: readonly string[], flags: FindFlags): FindQuery {
  const { sector, unit, of: provider, near, box, maxPrice: priceMax, free, fresh } = flags;
  if (flags.live === true && flags.logged === true) {
    throw invalid("--live and --logged exclude each other");
  }
  const delivery = flags.live ? "live" : flags.logged ? "logged" : undefined;
  const number = (option: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : wholeNumber(option, text);
  const newerThanSeconds = number("--newer-than", flags.newerThan);
  const limit = number("--limit", flags.limit);
  const offset = number("--offset", flags.offset);
  return {
    q: words.join(" "),
    ...(sector !== undefined && { sector }),
    ...(unit !== undefined && { unit }),
    ...(flags.mark !== undefined && { mark: flags.mark }),
    ...(provider !== undefined && { provider }),
    ...(near !== undefined && { near }),
    ...(box !== undefined && { box }),
    ...(priceMax !== undefined && { priceMax }),
    ...(flags.as !== undefined && { as: classFrom("--as", flags.as) }),
    ...(newerThanSeconds !== undefined && { newerThanSeconds }),
    ...(delivery !== undefined && { delivery }),
    ...(free !== undefined && { free }),
    ...(fresh !== undefined && { fresh }),
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
  };
}

/** `3 min ago`. */
function ago(time: string | undefined): string {
  if (time === undefined) return "never";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : time.slice(0, 10);
}

function printVerbose(io: CliIo, found: readonly OfferResource[]): void {
  for (const offer of found) {
    printLine(io, `${offer.title}, from ${offer.providerName}: ${offer.offer}`);
    if (offer.quality) printLine(io, `  Over the last day: ${describeQuality(offer.quality)}.`);
    printMark(io, offer.mark, "  ");
    printTerms(io, offer);
    printVariants(io, offer);
    printDataSheet(io, offer.sheet, offer);
    printLine(io);
  }
}

/** Everybody's price, and the lowest of another class under its name. */
function priceText({ price, recipientClass, variants = [] }: OfferResource): string {
  const text = describePrice(price);
  if (recipientClass !== undefined) return `${text} as ${recipientClass}`;
  const [lowest] = variants
    .filter(
      (one) =>
        one.recipientClass !== undefined && pricePerMessage(one.price) < pricePerMessage(price),
    )
    .sort((a, b) => pricePerMessage(a.price) - pricePerMessage(b.price));
  if (lowest === undefined) return text;
  return `${text}; ${describePrice(lowest.price)} as ${lowest.recipientClass}`;
}

/** What there is beside the price, shortly: all of it is told by --verbose. */
function termsText({ delivery, promises, mark }: OfferResource): string {
  const terms = promises
    .filter(({ kind }) => kind !== "owed")
    .map(({ text }) => text.charAt(0).toLowerCase() + text.slice(1, -1));
  const told = terms.length > 2 ? [`${terms.length} terms`] : terms;
  const shown = [...markText(mark), ...told];
  return [...(delivery === undefined ? [] : [delivery]), ...shown].join(", ");
}
