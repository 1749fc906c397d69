import { Command } from "commander";
import type { ClaimResource } from "../client/onboarding.ts";
import { secondsOf } from "../kernel/duration.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { invalid, wholeNumber } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { type DeviceLogin, deviceUrls, publishLines, subscribeLine } from "./publish-lines.ts";

interface CreateOptions {
  readonly for?: string;
  readonly max?: string;
  readonly topicPrefix?: string;
}

/** `claim`: codes that devices without a token come with. */
export function claimCommand(io: CliIo): Command {
  const claim = new Command("claim").description("codes for devices that have no token yet");
  claim
    .command("create")
    .description("make one; prints it, once, and how a device comes with it")
    .option("--for <time>", "how long it is good, at most 7d (default: 1h)")
    .option("--max <devices>", "how many devices it may make Things of (default: 1)")
    .option("--topic-prefix <topics>", "look at nothing else, such as factory/ (default: all)")
    .action(async (options: CreateOptions, command: Command) => {
      const { max, topicPrefix } = options;
      const seconds = options.for === undefined ? undefined : secondsOf(options.for);
      if (options.for !== undefined && seconds === undefined) {
        throw invalid(`--for "${options.for}" is no time such as 1h, 30m or 2d`);
      }
      const node = connect(io, command);
      const made = await node.addClaim({
        ...(seconds !== undefined && { seconds }),
        ...(max !== undefined && { devicesMax: wholeNumber("--max", max) }),
        ...(topicPrefix !== undefined && { topicPrefix }),
      });
      const urls = await deviceUrls(node);
      const { mqttUrl } = urls;
      if (globals(command).json === true) return printJson(io, { ...made, mqttUrl });
      printCode(io, made.claim, { ...urls, name: "my-device", secret: made.code });
      printLine(io, `It waits until you decide: ${typed(command, "pending list")}, accept, refuse`);
    });
  claim
    .command("list")
    .description("those that are good, and those that ended within a week")
    .action(async (_options: unknown, command: Command) => {
      const claims = await connect(io, command).claims();
      if (globals(command).json === true) return printJson(io, claims);
      const rows = claims.map(({ id, state, accepted, devicesMax, pending, ...one }) => [
        id,
        state,
        one.expiresAt,
        `${accepted} of ${devicesMax}`,
        pending,
        `${one.topicPrefix ?? ""}#`,
        one.by,
      ]);
      const heads = ["CLAIM", "STATE", "UNTIL", "ACCEPTED", "WAITING", "TOPICS", "MADE BY"];
      printTable(io, heads, rows, `No claim codes. Make one: ${typed(command, "claim create")}`);
    });
  claim
    .command("revoke <claim>")
    .description("let go who waits by it; Things that it made stay")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).revokeClaim(id);
      if (globals(command).json === true) return printJson(io, { revoked: id });
      printLine(io, `${id} is revoked.`);
    });
  return claim;
}

function printCode(
  io: CliIo,
  { id, devicesMax, expiresAt, topicPrefix = "" }: ClaimResource,
  login: DeviceLogin,
): void {
  const devices = devicesMax === 1 ? "one device" : `${devicesMax} devices`;
  printLine(io, `Claim code ${login.secret}   (told only now)`);
  printLine(io, `  ${id}, for ${devices}, until ${expiresAt}`);
  printLine(io);
  printLine(io, "A device comes with it under a name of its own, over MQTT or HTTP:");
  for (const line of publishLines(login, `${topicPrefix}${login.name}/hello`)) {
    printLine(io, `  ${line}`);
  }
  printLine(io, "It hears its own token here, once it is accepted (over HTTP in the answer):");
  printLine(io, `  ${subscribeLine(login, "$claim/credentials")}`);
  printLine(io);
}
