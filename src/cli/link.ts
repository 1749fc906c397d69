import { Command } from "commander";
import type { LinkResource } from "../client/link-resource.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** `link list`, `link budget`, `link cut` and `link mend`. */
export function linkCommand(io: CliIo): Command {
  const link = new Command("link").description("the links by which streams come in");
  link
    .command("list")
    .description("how each link stands")
    .action(async (_options: unknown, command: Command) => {
      const links = await connect(io, command).links();
      if (globals(command).json === true) return printJson(io, links);
      const heads = ["AGREEMENT", "LINK", "SINCE", "MESSAGES", "LAG", "BEHIND", "WIRE", "BUDGET"];
      printTable(
        io,
        heads,
        links.map(rowOf),
        `No links yet. Agree to something: ${typed(command, "find WORDS")}`,
      );
      for (const { agreement, state, lastError } of links) {
        if (state === "down" && lastError !== undefined)
          printLine(io, `${agreement}: ${lastError}`);
      }
    });
  link
    .command("budget")
    .description("what a link may use of the line")
    .argument("<agreement>", "its id")
    .argument("<rate>", `"64kB/s", or "none"`)
    .action(async (id: string, rate: string, _options: unknown, command: Command) => {
      const bytesPerSecond = rateFrom(rate);
      await connect(io, command).linkBudget(id, bytesPerSecond);
      if (globals(command).json === true) return printJson(io, { agreement: id, bytesPerSecond });
      printLine(io, bytesPerSecond === null ? "It has no budget." : `It has ${rate} from now on.`);
    });
  for (const action of ["cut", "mend"] as const) {
    link
      .command(action)
      .description(action === "cut" ? "take a link down" : "let it come up again")
      .argument("<agreement>", "its id")
      .action(async (id: string, _options: unknown, command: Command) => {
        await connect(io, command).link(id, action);
        if (globals(command).json === true) return printJson(io, { agreement: id, action });
        printLine(io, action === "cut" ? "It is cut." : "It comes up again.");
      });
  }
  return link;
}

function rowOf(link: LinkResource): (string | number)[] {
  const { encoding, wireBytes, packetBytes, lagMs, behind, bytesPerSecond } = link;
  const ratio = wireBytes === 0 ? 1 : packetBytes / wireBytes;
  return [
    link.agreement,
    link.problem ?? link.state,
    link.since,
    link.messages,
    lagMs === undefined ? "" : `${Math.round(lagMs)} ms`,
    behind ?? "",
    encoding === undefined ? "plain" : `${encoding} ${ratio.toFixed(1)}:1`,
    bytesPerSecond === undefined ? "" : `${bytesPerSecond} B/s`,
  ];
}

const units: Readonly<Record<string, number>> = { B: 1, kB: 1000, MB: 1_000_000 };

/** Bytes a second; null: no budget. */
function rateFrom(text: string): number | null {
  if (text === "none") return null;
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d+)?) ?(B|kB|MB)\/s$/.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (units[unit] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw invalid(`"${text}" is no rate such as 64kB/s, and not "none"`);
}
