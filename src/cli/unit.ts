import { Command } from "commander";
import { quantityKinds, titlesIn } from "../things/wot/quantity-kinds.ts";
import { codesFor, type ReadUnit, type UnitList, unitOf } from "../wire/units/codes.ts";
import { convert } from "../wire/units/unit.ts";
import { type CliIo, globals } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

const titles: Readonly<Record<UnitList, string>> = {
  ucum: "UCUM",
  rec20: "UN/CEFACT Recommendation 20",
  senml: "SenML",
  name: "name",
};

/** `unit show`, `unit convert` and `unit kinds`; they ask no node. */
export function unitCommand(io: CliIo): Command {
  const unit = new Command("unit").description("units of measure, and what a code means");
  unit
    .command("show")
    .description("what a unit is in UCUM, what it measures, and how other lists write it")
    .argument("<unit>", "such as KWH, Cel, °C or unit:DEG_C")
    .action((text: string, _options: unknown, command: Command) => {
      const { unit: found, list } = known(text);
      const { code, dimension } = found;
      const [base, measures, codes] = [found.toBase(1), titlesIn(found), codesFor(code)];
      if (globals(command).json === true) {
        return printJson(io, { text, list, code, base, dimension, measures, codes });
      }
      printLine(io, code === text ? `${code} is UCUM.` : `${text} is ${code} (${titles[list]}).`);
      printLine(io, `  1 ${code} = ${rounded(base)}${dimension === "1" ? "" : ` ${dimension}`}`);
      if (measures.length > 0) printLine(io, `  measures ${measures.join(", ")}`);
      const others = codes.map((other) => `${other.code} (${titles[other.list]})`);
      if (others.length > 0) printLine(io, `  also written ${others.join(", ")}`);
    });
  unit
    .command("convert")
    .description("a value in another unit")
    .argument("<value>", "a number")
    .argument("<from>", "its unit")
    .argument("<to>", "the unit to tell it in")
    .action((text: string, from: string, to: string, _options: unknown, command: Command) => {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) throw invalid(`"${text}" is no number`);
      const [source, target] = [known(from).unit, known(to).unit];
      if (source.dimension !== target.dimension) {
        throw invalid(
          `${from} (${source.dimension}) and ${to} (${target.dimension}) differ in kind`,
        );
      }
      const converted = convert(value, source, target);
      if (converted === undefined) throw invalid(`${text} ${from} is no value in ${to}`);
      if (globals(command).json === true) {
        return printJson(io, { value: converted, unit: target.code });
      }
      printLine(io, `${value} ${source.code} = ${converted} ${target.code}`);
    });
  unit
    .command("kinds")
    .description("what a property may say that it measures, and what a reading of it can be")
    .action((_options: unknown, command: Command) => {
      if (globals(command).json === true) return printJson(io, quantityKinds);
      const rows = quantityKinds.flatMap(({ title, names, measures }) =>
        measures.map(({ unit: code, minimum, maximum }, i) => [
          ...[i === 0 ? title : "", code, String(minimum ?? "-"), String(maximum ?? "-")],
          i === 0 ? names.join(" ") : "",
        ]),
      );
      printTable(io, ["KIND", "UNIT", "LEAST", "MOST", "NAMES"], rows, "");
    });
  return unit;
}

function known(text: string): ReadUnit {
  const found = unitOf(text);
  if (found !== undefined) return found;
  throw invalid(
    `unit "${text}" is neither UCUM nor a code of UN/CEFACT or SenML, nor any known name`,
  );
}

function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
