/**
 * The `comity` command: what a person types.
 *
 * In come words and options; `up` and `world` start nodes, everything else asks a running node
 * through its HTTP API (and `tail` and `replay` through MQTT, as any device or app would), and
 * `verify` and `unit` need no node at all. A node that was started a moment ago is waited for
 * (`started-node.ts`). Out goes text for people, or JSON with --json; an error is one line that
 * says what failed and one that says what to do, and exit code 1. No command reaches into a node's
 * folder or store, save for what `up` left there: token, address, and who it was said to be.
 */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../api/version.ts";
import { agreementCommands } from "./agreement.ts";
import { auditCommand } from "./audit.ts";
import { claimCommand } from "./claim.ts";
import { commissionCommand } from "./commission.ts";
import type { CliIo } from "./context.ts";
import { consoleCommand } from "./console.ts";
import { dataAccessCommands } from "./data-access.ts";
import { evidenceCommand } from "./evidence.ts";
import { invoiceCommand } from "./invoice.ts";
import { historyCommand } from "./history.ts";
import { keyCommand } from "./key.ts";
import { linkCommand } from "./link.ts";
import { marketCommands } from "./market.ts";
import { moneyCommands } from "./money.ts";
import { printError } from "./output.ts";
import { pendingCommand } from "./pending.ts";
import { productCommand } from "./product.ts";
import { replayCommand } from "./replay/command.ts";
import { mcpCommand } from "./mcp.ts";
import { budgetCommand } from "./budget.ts";
import { chargerCommand } from "./charger.ts";
import { demandCommand } from "./demand.ts";
import { retainedCommand } from "./retained.ts";
import { sdgCommand } from "./sdg.ts";
import { sectorCommands } from "./sector.ts";
import { shareCommand } from "./share.ts";
import { startedNode } from "./started-node.ts";
import { ownersCommand } from "./owners.ts";
import { setoffCommand } from "./setoff.ts";
import { disputeCommand } from "./signed-statement.ts";
import { statusCommand } from "./status.ts";
import { tailCommand } from "./tail.ts";
import { thingCommand } from "./thing.ts";
import { negotiationCommand } from "./negotiation.ts";
import { topCommand } from "./top.ts";
import { transferCommand } from "./transfer.ts";
import { unitCommand } from "./unit.ts";
import { upCommand } from "./up.ts";
import { userCommand } from "./user.ts";
import { wantCommand } from "./want.ts";
import { worldCommand } from "./world.ts";

const firstSteps = `
First steps:
  comity up --name rotterdam             start a node; it prints its addresses
  comity thing add bus-7                 a device, and the line it publishes with
  comity product add --title "Bus positions" --topic 'bus-7/#' --price "0.002 EUR"
  comity find bus                        what can be had, here and from peers
  comity agree OFFER                     agree to an offer; the stream starts
  comity tail 'from/#'                   watch what arrives

Commands find the node and its token in --data, or in COMITY_URL and COMITY_TOKEN.`;

/** Runs one command line; the exit code. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  const program = buildProgram(io);
  try {
    await program.parseAsync([...args], { from: "user" });
    return io.exitCode ?? 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    printError(io, error, args.includes("--json"));
    return 1;
  }
}

function buildProgram(io: CliIo): Command {
  const program = new Command("comity")
    .description("Share live data from connected things with other organisations, under contract.")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--url <url>", "the node's HTTP address (or COMITY_URL)")
    .option("--token <token>", "a user's token (or COMITY_TOKEN)")
    .option("--data <folder>", "the node's data folder (default: ./comity-data)")
    .option("--json", "print JSON")
    .addHelpText("after", firstSteps)
    .showHelpAfterError("Try: comity --help")
    .configureHelp({ showGlobalOptions: true })
    .hook("preAction", (_program, command) => startedNode(io, command));
  program.addCommand(upCommand(io));
  program.addCommand(statusCommand(io));
  program.addCommand(consoleCommand(io));
  program.addCommand(topCommand(io));
  program.addCommand(retainedCommand(io));
  program.addCommand(thingCommand(io));
  program.addCommand(claimCommand(io));
  program.addCommand(pendingCommand(io));
  program.addCommand(productCommand(io));
  for (const command of marketCommands(io)) program.addCommand(command);
  for (const command of agreementCommands(io)) program.addCommand(command);
  for (const command of dataAccessCommands(io)) program.addCommand(command);
  program.addCommand(negotiationCommand(io));
  program.addCommand(transferCommand(io));
  program.addCommand(wantCommand(io));
  program.addCommand(shareCommand(io));
  for (const command of sectorCommands(io)) program.addCommand(command);
  program.addCommand(chargerCommand(io));
  program.addCommand(demandCommand(io));
  program.addCommand(sdgCommand(io));
  program.addCommand(linkCommand(io));
  program.addCommand(tailCommand(io));
  program.addCommand(historyCommand(io));
  program.addCommand(replayCommand(io));
  for (const command of moneyCommands(io)) program.addCommand(command);
  program.addCommand(invoiceCommand(io));
  program.addCommand(auditCommand(io));
  program.addCommand(budgetCommand(io));
  program.addCommand(disputeCommand(io));
  program.addCommand(setoffCommand(io));
  program.addCommand(ownersCommand(io));
  program.addCommand(evidenceCommand(io));
  program.addCommand(commissionCommand(io));
  program.addCommand(userCommand(io));
  program.addCommand(keyCommand(io));
  program.addCommand(unitCommand(io));
  program.addCommand(mcpCommand(io));
  program.addCommand(worldCommand(io));
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap((below) => everyCommand(below))];
}
