import { Command } from "commander";
import type { FigureResource, GoalResource, IndicatorResource } from "../client/sectors.ts";
import type { ComityHttp } from "../client/http.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, repeated } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { type IndicatorFlags, indicatorFrom } from "./sector.ts";

interface Contribution {
  readonly sector: string;
  readonly kind: string;
  readonly unit: string;
  readonly settings: string;
  readonly goal: GoalResource;
  /** The indicators at work here that tell it. */
  readonly here: readonly IndicatorResource[];
}

/** `sdg`: what this node's streams say of the Sustainable Development Goals. */
export function sdgCommand(io: CliIo): Command {
  const sdg = new Command("sdg").description("what streams say of the SDGs' official indicators");
  sdg
    .command("list", { isDefault: true })
    .description("the official indicators that a sector here contributes to")
    .action(async (_options: unknown, command: Command) => {
      const all = await contributions(connect(io, command));
      if (globals(command).json === true) return printJson(io, all);
      const rows = all.map(({ goal, sector, kind, settings, here }) => [
        goal.number,
        goal.official?.title ?? "",
        `${kind} (${sector})`,
        settings,
        here.map(({ id }) => id).join(" ") || "-",
      ]);
      const heads = ["SDG", "OFFICIAL INDICATOR", "FIGURE", "IS TOLD", "HERE"];
      printTable(io, heads, rows, "No sector of this node contributes to any.");
      printLine(io);
      printLine(io, "The official ones are national statistics; these figures are a part of one.");
    });
  sdg
    .command("add <number>")
    .description("tell it of streams from now on, such as 7.2.1")
    .requiredOption("--filter <filter>", "what it follows; repeatable", repeated)
    .option("--set <name=value>", "what it asks for; @FILE: the file's text", repeated)
    .option("--name <name>", "how it is called (default: the figure's name)")
    .action(async (number: string, flags: IndicatorFlags, command: Command) => {
      const node = connect(io, command);
      const { kind } = need(await contributions(node), number);
      const made = await node.addIndicator(indicatorFrom(kind, flags));
      if (globals(command).json === true) return printJson(io, made);
      printLine(io, `${made.id} follows ${made.filters.join(" ")}: ${made.title} (${made.unit}).`);
      printLine(io, `See it: ${typed(command, `sdg show ${number}`)}`);
    });
  sdg
    .command("show [number]")
    .description("the figures here, what they are computed from, and what they are not")
    .action(async (number: string | undefined, _options: unknown, command: Command) => {
      const node = connect(io, command);
      const all = await contributions(node);
      const shown = number === undefined ? all : [need(all, number)];
      const told = await Promise.all(
        shown.flatMap(({ goal, here }) =>
          here.map(async (indicator) => {
            return { goal, indicator, figures: await node.figures(indicator.id) };
          }),
        ),
      );
      if (globals(command).json === true) return printJson(io, told);
      const none = `None is told here. Begin with: ${typed(command, "sdg add 7.2.1 …")}`;
      if (told.length === 0) printLine(io, none);
      for (const one of told) printTold(io, one);
    });
  return sdg;
}

function printTold(
  io: CliIo,
  told: { goal: GoalResource; indicator: IndicatorResource; figures: readonly FigureResource[] },
): void {
  const { goal, indicator, figures } = told;
  printLine(io, `SDG ${goal.number}  ${goal.official?.title} (${goal.official?.unit})`);
  for (const { value, unit, key, observedAt, indicator: _kind, ...rest } of figures) {
    const name = figures.length > 1 ? `${key}: ` : "";
    printLine(io, `  figure       ${name}${value ?? "-"} ${unit ?? ""}, ${indicator.title}`);
    printLine(io, `               ${listed(rest)}; said ${observedAt}`);
  }
  if (figures.length === 0) printLine(io, `  figure       none yet: ${indicator.title}`);
  printLine(io, `  formula      ${indicator.formula}`);
  for (const { filter, messages, firstAt, lastAt } of indicator.streams) {
    const when = firstAt === undefined ? "" : `, ${firstAt} to ${lastAt}`;
    printLine(io, `  stream       ${filter}: ${messages} messages${when}`);
  }
  if (indicator.settings) printLine(io, `  told         ${listed(indicator.settings)}`);
  printLine(io, `  contributes  ${goal.contributes}`);
  printLine(io, `  is not       ${goal.isNot.replace(/^not /, "")}`);
  printLine(io);
}

function listed(members: Readonly<Record<string, unknown>>): string {
  return Object.entries(members)
    .map(([name, value]) => `${name} ${String(value).slice(0, 60)}`)
    .join(", ");
}

function need(all: readonly Contribution[], number: string): Contribution {
  const found = all.find(({ goal }) => goal.number === number);
  if (found) return found;
  const known = all.map(({ goal }) => goal.number).join(", ");
  throw invalid(`no sector here contributes to ${number}; there are ${known}`);
}

async function contributions(node: ComityHttp): Promise<readonly Contribution[]> {
  const [sectors, indicators] = await Promise.all([node.sectors(), node.indicators()]);
  const all = sectors.flatMap(({ name: sector, indicators: kinds }) =>
    kinds.flatMap(({ name: kind, unit, goal, settings = {} }) => {
      if (goal === undefined) return [];
      const asked = Object.entries(settings).filter(([, { otherwise }]) => otherwise === undefined);
      const here = indicators.filter((one) => one.kind === kind);
      return { sector, kind, unit, settings: asked.map(([name]) => name).join(" "), goal, here };
    }),
  );
  return all.sort((a, b) => compareNumbers(a.goal.number, b.goal.number));
}

/** 9.4.1 before 11.2.1. */
function compareNumbers(one: string, other: string): number {
  const [a, b] = [one, other].map((number) => number.split(".").map(Number)) as [
    number[],
    number[],
  ];
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}
