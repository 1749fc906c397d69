import { Command } from "commander";
import type { VerifiedProof } from "../settle/evidence-log/verify-proof.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { writeText } from "./write-text.ts";

interface ProveOptions {
  readonly receipt?: string;
  readonly out?: string;
}

/** `evidence`: the log of what was signed, and proofs out of it. */
export function evidenceCommand(io: CliIo): Command {
  const evidence = new Command("evidence").description("the log of all that was signed");
  evidence
    .command("show", { isDefault: true })
    .description("its size, its last checkpoint, and who has witnessed it")
    .action(async (_options: unknown, command: Command) => {
      const state = await connect(io, command).evidence.state();
      if (globals(command).json === true) return printJson(io, state);
      printLine(io, `${state.origin}: ${state.size.toLocaleString("en")} entries`);
      for (const line of state.checkpoint?.split("\n").slice(0, 3) ?? [])
        printLine(io, `  ${line}`);
      const rows = state.witnesses.map(({ name, size, at }) => [name, size, at]);
      const none = "Nobody has witnessed it yet: partners are asked once a minute.";
      printTable(io, ["WITNESS", "ENTRIES", "SIGNED"], rows, none);
      for (const { origin, what, at } of state.conflicts) {
        const does = what === "shrank" ? "shrank" : "contradicts itself";
        printLine(
          io,
          `CONFLICT  the log of ${origin} ${does}, seen ${at}; --json has both signatures`,
        );
      }
    });
  evidence
    .command("prove <agreement>")
    .description("a file that proves that an agreement, or a receipt of it, stands in the log")
    .option("--receipt <number>", "the receipt of that number")
    .option("--out <file>", "write it there; else it is printed")
    .action(async (agreement: string, { receipt, out }: ProveOptions, command: Command) => {
      const number = receipt === undefined ? undefined : Number(receipt);
      if (number !== undefined && !(Number.isSafeInteger(number) && number > 0)) {
        throw invalid(`--receipt "${receipt}" is no number of a receipt`);
      }
      const { proof } = await connect(io, command).evidence.prove(agreement, number);
      if (out === undefined) return printLine(io, proof.trimEnd());
      writeText(out, proof);
      if (globals(command).json === true) return printJson(io, { file: out });
      printLine(io, `${out}: check it anywhere with comity verify ${out}`);
    });
  return evidence;
}

export function printVerifiedProof(io: CliIo, file: string, proof: VerifiedProof): void {
  const { leaf, index, checkpoint, signers, keys } = proof;
  const number = leaf.seq === undefined ? "" : ` ${leaf.seq}`;
  printLine(io, `${file} verifies.`);
  printLine(io, `  entry      ${leaf.kind}${number} of ${leaf.of}, ${leaf.at}`);
  printLine(io, `  document   ${leaf.hash}`);
  printLine(io, `  log        ${checkpoint.origin}, entry ${index} of ${checkpoint.size}`);
  for (const { name, lasting } of signers) {
    const also = lasting ? ", also with ML-DSA-44" : "";
    printLine(io, `  signed by  ${name}${also}`);
  }
  printLine(io, "  keys       compare them once with /comity/v1/log/keys of each node:");
  for (const key of keys) {
    const [name = "", id = ""] = key.split("+");
    printLine(io, `             ${name}+${id}`);
  }
}
