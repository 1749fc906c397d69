import { X509Certificate } from "node:crypto";
import { Command } from "commander";
import type { FlaggedProperty, NewThing, ThingResource } from "../client/thing-resource.ts";
import { ComityError } from "../kernel/errors.ts";
import { objectAt } from "../kernel/json-object.ts";
import { measureWarnings } from "../things/wot/measure-warnings.ts";
import { connect, type CliIo, globals, readText, typed } from "./context.ts";
import { graceOption, graceSecondsOf, invalid, placeFrom, repeated } from "./flags.ts";
import {
  descriptionFrom,
  type DescriptionOptions,
  modelOption,
  optionalOption,
  placeholderOption,
  tdOption,
} from "./thing-description.ts";
import { tellFirstMessage, waits } from "./first-message.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { type DeviceLogin, deviceUrls, publishLines } from "./publish-lines.ts";

interface AddOptions extends DescriptionOptions {
  readonly title?: string;
  readonly kind?: string;
  readonly place?: string;
  readonly publish?: string[];
  readonly subscribe?: string[];
  readonly certificate?: string;
  readonly fingerprint?: string;
  readonly subject?: string;
  readonly wait?: boolean;
}

interface InferOptions {
  readonly seconds?: number;
  readonly confirm?: boolean;
}

export function thingCommand(io: CliIo): Command {
  const thing = new Command("thing").description("devices and services that connect to the node");
  thing
    .command("add <name>")
    .description(
      "add one; prints how it publishes, with its token, and waits for its first message",
    )
    .option("--title <text>", "for people")
    .option("--kind <word>", "what it is, such as bus or pump")
    .option("--place <lat,lon[,name]>", "where it stands")
    .option("--publish <filter>", "topics it may publish (default: NAME/#); repeatable", repeated)
    .option("--subscribe <filter>", "topics it may see (default: none); repeatable", repeated)
    .option("--certificate <file>", "it may come with this certificate over TLS (PEM)")
    .option("--fingerprint <sha256>", "the same, by the certificate's fingerprint")
    .option("--subject <name>", 'with any of this subject: "CN=bus-7, O=Transit"')
    .option(...tdOption)
    .option(...modelOption)
    .option(...placeholderOption)
    .option(...optionalOption)
    .option("--wait", "wait for its first message (default: on a terminal, without --json)")
    .option("--no-wait", "do not")
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { title, kind, place, publish, subscribe, wait } = options;
      const json = globals(command).json === true;
      // it could not publish: its token would be told only after its first message
      if (json && wait === true) throw invalid("--wait is for people; --json prints one object");
      const node = connect(io, command);
      const body: NewThing = {
        name,
        ...(title !== undefined && { title }),
        ...(kind !== undefined && { kind }),
        ...(place !== undefined && { place: placeFrom(place) }),
        ...(publish && { publish }),
        ...(subscribe && { subscribe }),
        ...certificateFrom(options),
        ...(await descriptionFrom(options)),
      };
      const made = await node.addThing(body);
      const urls = await deviceUrls(node);
      if (json) return printJson(io, { ...made, mqttUrl: urls.mqttUrl });
      printCredential(io, made.thing, { ...urls, name: made.thing.id, secret: made.token });
      printWarnings(io, made.warnings ?? []);
      if (!waits(io, wait, json)) return;
      printLine(io);
      await tellFirstMessage(io, node, made.thing.id);
    });
  thing
    .command("list")
    .description("all of them")
    .action(async (_options: unknown, command: Command) => {
      const things = await connect(io, command).things();
      if (globals(command).json === true) return printJson(io, things);
      const rows = things.map(({ id, title, kind, lastAt, last, flagged = [] }) => [
        id,
        title,
        kind,
        lastAt === undefined ? "never" : new Date(lastAt).toISOString(),
        last ?? "",
        flagged.map(flagText).join(", "),
      ]);
      const none = `No Things yet. Add one: ${typed(command, "thing add NAME")}`;
      printTable(io, ["NAME", "TITLE", "KIND", "LAST SEEN", "LAST", "ODD"], rows, none);
    });
  thing
    .command("show <name>")
    .description("its W3C Thing Description, as JSON")
    .action(async (name: string, _options: unknown, command: Command) => {
      printJson(io, await connect(io, command).thing(name));
    });
  thing
    .command("describe <name>")
    .description("give it another Thing Description; its token and topics stay")
    .option(...tdOption)
    .option(...modelOption)
    .option(...placeholderOption)
    .option(...optionalOption)
    .action(async (name: string, options: DescriptionOptions, command: Command) => {
      const td = await connect(io, command).describeThing(name, await descriptionFrom(options));
      if (globals(command).json === true) return printJson(io, td);
      printLine(io, `${name} is described: ${affordancesIn(td)}.`);
      printWarnings(io, measureWarnings(td));
    });
  thing
    .command("infer <name>")
    .description("draft its Description from what it publishes meanwhile")
    .option("--seconds <n>", "how long to listen (default: 10)", Number)
    .option("--confirm", "keep the draft as its Description")
    .action(async (name: string, options: InferOptions, command: Command) => {
      const node = connect(io, command);
      const td = await node.inferThing(name, options.seconds);
      if (options.confirm !== true) return printJson(io, td);
      const kept = await node.describeThing(name, { td });
      if (globals(command).json === true) return printJson(io, kept);
      printLine(io, `${name} is described: ${affordancesIn(kept)}.`);
    });
  thing
    .command("rotate <name>")
    .description("give it a new token; the old one is good for a while")
    .option(...graceOption)
    .action(async (name: string, { grace }: { grace?: string }, command: Command) => {
      const node = connect(io, command);
      const made = await node.rotateThing(name, graceSecondsOf(grace));
      const urls = await deviceUrls(node);
      const { mqttUrl } = urls;
      if (globals(command).json === true) return printJson(io, { ...made, mqttUrl });
      printCredential(io, made.thing, { ...urls, name: made.thing.id, secret: made.token });
    });
  thing
    .command("remove <name>")
    .description("remove it; its connections end")
    .action(async (name: string, _options: unknown, command: Command) => {
      await connect(io, command).removeThing(name);
      if (globals(command).json === true) return printJson(io, { removed: name });
      printLine(io, `${name} is removed.`);
    });
  return thing;
}

/** How its certificate is known, where it has one. */
function certificateFrom({
  certificate: file,
  fingerprint,
  subject,
}: AddOptions): Pick<NewThing, "certificate"> {
  const given = [file, fingerprint, subject].filter((one) => one !== undefined);
  if (given.length === 0) return {};
  if (given.length > 1) throw invalid("--certificate, --fingerprint, --subject: one of them");
  if (subject !== undefined) return { certificate: { subject } };
  if (fingerprint !== undefined) return { certificate: { fingerprint256: fingerprint } };
  try {
    const { fingerprint256 } = new X509Certificate(readText(file ?? ""));
    return { certificate: { fingerprint256 } };
  } catch (error) {
    throw error instanceof ComityError ? error : invalid(`--certificate ${file} is no certificate`);
  }
}

function printWarnings(io: CliIo, warnings: readonly string[]): void {
  if (warnings.length > 0) printLine(io);
  for (const warning of warnings) printLine(io, `Warning: ${warning}`);
}

/** `pressure: bounds 3 (now)`, `weather.wind.speed: type 1`. */
function flagText({ property, member, now, counts }: FlaggedProperty): string {
  const all = Object.entries(counts).map(([flag, count]) => `${flag} ${count}`);
  const where = member === undefined ? property : `${property}.${member}`;
  return `${where}: ${all.join(" ")}${now === undefined ? "" : " (now)"}`;
}

/** `2 properties, 1 action`. */
function affordancesIn(td: Readonly<Record<string, unknown>>): string {
  const counts = (["properties", "actions", "events"] as const).flatMap((kind) => {
    const { length } = Object.keys(objectAt(td[kind]));
    const one = kind === "properties" ? "property" : kind.slice(0, -1);
    return length === 0 ? [] : `${length} ${length === 1 ? one : kind}`;
  });
  return counts.length === 0 ? "nothing that can be used" : counts.join(", ");
}

/** A topic it may publish to; undefined where it may publish nothing. */
function topicToTry({ publish: [first] }: ThingResource): string | undefined {
  return first?.replace(/#$/, "hello").replaceAll("+", "1");
}

function printCredential(io: CliIo, thing: ThingResource, login: DeviceLogin): void {
  const { name, secret, mqttUrl } = login;
  printLine(io, `Thing ${name}`);
  printLine(io, `  username  ${name}`);
  printLine(io, `  token     ${secret}   (told only now)`);
  printLine(io, `  MQTT      mqtt://${name}:${secret}@${new URL(mqttUrl).host}`);
  const topic = topicToTry(thing);
  if (topic === undefined) return;
  printLine(io);
  printLine(io, "Publish with any MQTT client, or over HTTP:");
  for (const line of publishLines(login, topic)) printLine(io, `  ${line}`);
}
