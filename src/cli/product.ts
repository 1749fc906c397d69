import { Command } from "commander";
import type { NewProduct } from "../client/resources.ts";
import type { SectorResource } from "../client/sectors.ts";
import type { LintResource } from "../client/terms.ts";
import { secondsOf } from "../kernel/duration.ts";
import { describePrice } from "../kernel/price-text.ts";
import { describeQuality } from "../kernel/quality.ts";
import { connect, type CliIo, globals, readObject, readText, typed } from "./context.ts";
import { printDataSheet, printTariffs } from "./data-sheet.ts";
import { type PricedFile, type PricedFlags, pricedFrom } from "./tariffs.ts";
import { bytesFrom, invalid, placeFrom, repeated } from "./flags.ts";
import { printMark } from "./mark.ts";
import { printJson, printLine, printTable } from "./output.ts";
import {
  printTerms,
  type TermsFile,
  termsFrom,
  type TermsFlags,
  termsSaid,
  withTermsOptions,
} from "./terms.ts";

export interface ProductFlags extends TermsFlags, Omit<PricedFlags, "per"> {
  readonly file?: string;
  readonly template?: string;
  readonly title?: string;
  readonly description?: string;
  readonly topic?: string[];
  readonly live?: boolean;
  readonly logged?: boolean;
  readonly sector?: string;
  readonly keyword?: string[];
  readonly unit?: string[];
  readonly conformsTo?: string;
  readonly place?: string;
  readonly manual?: boolean;
  readonly sample?: boolean;
  readonly keep?: string;
  readonly keepBytes?: string;
  readonly policy?: string;
}

export function productCommand(io: CliIo): Command {
  const product = new Command("product").description("streams you offer to other organisations");
  withTermsOptions(product.command("add [id]"))
    .description("offer a set of streams, from flags, from a file, or both (flags win)")
    .option("--file <product.yaml>", "the product as the API takes it, in YAML")
    .option("--template <sector>", "start from that sector's terms: comity sector show transport")
    .option("--title <text>", "what it is; the id is made from it where none is given")
    .option("--description <text>", "more about it")
    .option("--topic <filter>", "topics it consists of; repeatable", repeated)
    .option("--logged", "durable and resumable, nothing lost (default)")
    .option("--live", "as it comes")
    .option("--keep <days>", "how long its log is kept, such as 30d; without it for ever")
    .option("--keep-bytes <size>", "how much of its log is kept, such as 10GB")
    .option("--sector <word>", "transport, energy, agriculture, health, industry, …")
    .option("--keyword <word>", "found by it; repeatable", repeated)
    .option("--unit <code>", "what it is measured in, such as Cel (UCUM); repeatable", repeated)
    .option("--conforms-to <vocabulary>", "what its messages are by, such as transport@2.1.0")
    .option("--place <lat,lon[,name]>", "where the data is from")
    .option("--tariff <class=price>", 'such as "sme=0.001 EUR"; repeatable', repeated)
    .option("--cost <price>", "what it costs to make it available, as --price (Data Act, Art. 9)")
    .option("--secret <name>", "a member that is a trade secret; repeatable", repeated)
    .option("--measure <name>", "what keeps the secrets, such as nda; repeatable", repeated)
    .option("--policy <file>", "more than these flags can say, as ODRL in JSON or YAML")
    .option("--no-sample", "nobody sees messages of it before agreeing")
    .option("--manual", "a person agrees to each request: comity negotiation agree")
    .action(async (id: string | undefined, flags: ProductFlags, command: Command) => {
      const node = connect(io, command);
      const { template } = flags;
      const sector = template === undefined ? undefined : await node.sector(template);
      const made = await node.addProduct(productFrom(id, flags, sector));
      if (globals(command).json === true) return printJson(io, made);
      const price = describePrice(made.terms.price);
      printLine(io, `${made.title} is offered as ${made.id}: ${made.delivery}, ${price}.`);
      printLine(io, `Others find it with: comity find ${made.id}`);
      const { findings } = await node.lintProduct(made.id);
      if (findings.length === 0) return;
      const articles = [...new Set(findings.map(({ article }) => article))].join(", ");
      const what = findings.every(({ list }) => list === "compensation")
        ? "Its prices may not fit the Data Act"
        : "It may hold unfair terms";
      printLine(io, `${what} (${articles}): ${typed(command, `product lint ${made.id}`)}`);
    });
  product
    .command("list")
    .description("all of yours")
    .action(async (_options: unknown, command: Command) => {
      const products = await connect(io, command).products();
      if (globals(command).json === true) return printJson(io, products);
      const rows = products.map(({ id, title, delivery, topics, terms }) => [
        id,
        title,
        delivery,
        describePrice(terms.price),
        topics.join(" "),
      ]);
      const first = typed(command, "product add --title TEXT --topic FILTER …");
      const none = `No products yet. Offer one: ${first}`;
      printTable(io, ["ID", "TITLE", "DELIVERY", "PRICE", "TOPICS"], rows, none);
    });
  product
    .command("show <id>")
    .description("one of yours, its terms in plain words: enforced, attested, owed")
    .action(async (id: string, _options: unknown, command: Command) => {
      const found = await connect(io, command).product(id);
      if (globals(command).json === true) return printJson(io, found);
      printLine(io, `${found.title} (${found.id}), ${found.delivery}: ${found.topics.join(" ")}`);
      if (found.quality) printLine(io, `Over the last day: ${describeQuality(found.quality)}.`);
      printMark(io, found.mark);
      const sample = found.sample === false ? "none" : `comity sample ${found.id}`;
      printLine(io, `Sample, for whoever thinks of agreeing: ${sample}`);
      printTerms(io, found);
      printTariffs(io, found.tariffs);
      printRetention(io, found.retention);
      printDataSheet(io, found.sheet, found, found.measured);
    });
  product
    .command("lint <id>")
    .description("its terms against the EU Data Act's lists of unfair terms (Art. 13)")
    .option("--conditions <file>", "your conditions in words, as a text file in English")
    .action(async (id: string, options: { conditions?: string }, command: Command) => {
      const text = options.conditions === undefined ? undefined : readText(options.conditions);
      const report = await connect(io, command).lintProduct(id, text);
      if (globals(command).json === true) return printJson(io, report);
      printLint(io, report);
    });
  product
    .command("remove <id>")
    .description("offer it no more; agreements that were made stand")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removeProduct(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is offered no more.`);
    });
  return product;
}

type ProductFile = Partial<Omit<NewProduct, "terms" | "policy" | keyof PricedFile>> &
  PricedFile & {
    terms?: TermsFile;
    policy?: object;
  };

/** Flags win over the file, and both over the sector's template. */
export function productFrom(
  id: string | undefined,
  flags: ProductFlags,
  sector?: SectorResource,
): NewProduct {
  const given: ProductFile = flags.file === undefined ? {} : readObject(flags.file, "product");
  const file = sector === undefined ? given : withTemplate(given, sector);
  const policy = flags.policy === undefined ? file.policy : readObject(flags.policy, "policy");
  const title = flags.title ?? file.title ?? id;
  const topics = flags.topic ?? file.topics;
  if (title === undefined) throw invalid("a product needs a --title");
  if (!topics) throw invalid("a product needs at least one --topic");
  if (flags.live === true && flags.logged === true) {
    throw invalid("--live and --logged exclude each other");
  }
  const delivery = flags.live ? "live" : flags.logged ? "logged" : file.delivery;
  const { tariffs: _tariffs, cost: _cost, tradeSecrets: _secrets, ...plain } = file;
  const product = {
    ...plain,
    title,
    topics,
    terms: policy ? termsSaid(flags, file.terms) : termsFrom(flags, file.terms),
    ...(policy && { policy }),
    ...(id !== undefined && { id }),
    ...(flags.description !== undefined && { description: flags.description }),
    ...(delivery !== undefined && { delivery }),
    ...(flags.sector !== undefined && { sector: flags.sector }),
    ...(flags.keyword && { keywords: flags.keyword }),
    ...(flags.unit && { units: flags.unit }),
    ...(flags.conformsTo !== undefined && { conformsTo: flags.conformsTo }),
    ...(flags.place !== undefined && { place: placeFrom(flags.place) }),
    ...((flags.keep ?? flags.keepBytes) !== undefined && { retention: retentionFrom(flags) }),
    ...(flags.manual === true && { approval: "manual" as const }),
    ...pricedFrom(flags, file),
    ...(flags.sample === false && { sample: false as const }),
  };
  return product;
}

function withTemplate(file: ProductFile, { name, template }: SectorResource): ProductFile {
  const terms = { ...template.terms, ...file.terms };
  return { sector: name, ...template.product, ...file, terms };
}

const verdicts = {
  always: "unfair",
  presumed: "presumed unfair",
  compensation: "about compensation",
} as const;

function printRetention(io: CliIo, retention: NewProduct["retention"]): void {
  const { days, bytesMax } = retention ?? {};
  const said = [
    ...(days === undefined ? [] : [`${days.toLocaleString("en")} days`]),
    ...(bytesMax === undefined ? [] : [`at most ${bytesMax.toLocaleString("en")} bytes`]),
  ];
  if (said.length > 0) printLine(io, `Its log is kept ${said.join(", ")}; the oldest goes first.`);
}

function retentionFrom({ keep, keepBytes }: ProductFlags): NonNullable<NewProduct["retention"]> {
  const seconds = keep === undefined ? undefined : secondsOf(keep);
  const days = seconds === undefined ? undefined : seconds / 86_400;
  if (keep !== undefined && !(Number.isInteger(days) && days! > 0)) {
    throw invalid(`--keep "${keep}" is no number of days such as 30d`);
  }
  return {
    ...(days !== undefined && { days }),
    ...(keepBytes !== undefined && { bytesMax: bytesFrom("--keep-bytes", keepBytes) }),
  };
}

function printLint(io: CliIo, { findings, questions, ruledOut }: LintResource): void {
  for (const { article, list, what, where, text, advice } of findings) {
    printLine(io, `${where}: "${text}"`);
    printLine(io, `  points to ${article}, ${verdicts[list]}: to ${what}`);
    printLine(io, `  ${advice}`);
  }
  if (findings.length === 0) printLine(io, "Nothing points to a listed unfair term.");
  printLine(io, "A person has to answer:");
  for (const { article, question } of questions) printLine(io, `  ${article}  ${question}`);
  printLine(io, "Ruled out here:");
  for (const { article, because } of ruledOut) printLine(io, `  ${article}  ${because}`);
  printLine(io, "This shows where to look; it is no legal advice.");
}
