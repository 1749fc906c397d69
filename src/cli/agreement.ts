import { Command } from "commander";
import type { AgreementResource } from "../client/resources.ts";
import { describePrice } from "../kernel/price-text.ts";
import { oneOfClass } from "../kernel/recipient-class.ts";
import { connect, type CliIo, globals, typed } from "./context.ts";
import { agreementPriceCommand } from "./agreement-price.ts";
import { erasureCommands } from "./erasure.ts";
import { printMark } from "./mark.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { type StatedFlags, statedFrom } from "./tariffs.ts";
import { printTerms } from "./terms.ts";

/** `agree`, `agreement` and `revoke`. */
export function agreementCommands(io: CliIo): Command[] {
  return [agreeCommand(io), agreementCommand(io), revokeCommand(io)];
}

interface AgreeOptions extends StatedFlags {
  readonly provider?: string;
  readonly spendMax?: string;
}

function agreeCommand(io: CliIo): Command {
  return new Command("agree")
    .description("agree to an offer: both nodes sign, and the stream starts")
    .argument("<offer>", "its id, from comity find")
    .option("--provider <did>", "whose offer it is, where two have the same id")
    .option("--as <class>", "state to be one of that class: sme, research or public")
    .option("--measures <names>", "attest what keeps its trade secrets, such as nda,no-copies")
    .option("--spend-max <amount>", "end it before it costs more, in the offer's currency")
    .action(async (offer: string, options: AgreeOptions, command: Command) => {
      const node = connect(io, command);
      const { provider, spendMax } = options;
      const agreement = await node.agree(offer, provider, spendMax, statedFrom(options));
      if (globals(command).json === true) return printJson(io, agreement);
      const from = await nameOf(node, agreement.provider);
      printLine(
        io,
        `Agreed: ${agreement.title}, ${describePrice(agreement.price)}, ${signedText(agreement)}.`,
      );
      printLine(io, `  agreement  ${agreement.id}`);
      printLine(io, `  watch it   ${typed(command, `tail 'from/${from}/${agreement.product}/#'`)}`);
      printLine(io, `  end it     ${typed(command, `revoke ${agreement.id}`)}`);
    });
}

function agreementCommand(io: CliIo): Command {
  const agreement = new Command("agreement").description("what was agreed, on either side");
  agreement.addCommand(listCommand(io));
  for (const command of erasureCommands(io)) agreement.addCommand(command);
  agreement.addCommand(agreementPriceCommand(io));
  agreement
    .command("show <id>")
    .description("what was signed, in plain words: enforced, attested, owed")
    .action(async (id: string, _options: unknown, command: Command) => {
      const found = await connect(io, command).agreement(id);
      if (globals(command).json === true) return printJson(io, found);
      const state = stateText(found);
      printLine(io, `${found.title}, signed ${found.signedAt}, ${state}`);
      printLine(io, `  provider  ${found.provider}`);
      printLine(io, `  consumer  ${found.consumer}`);
      printTerms(io, found);
      for (const { price, from } of found.changes ?? []) {
        printLine(io, `  price     ${describePrice(price)}, from ${from}`);
      }
      const { recipientClass, measures } = found.attested ?? {};
      if (recipientClass) printLine(io, `  stated    to be ${oneOfClass(recipientClass)}`);
      if (found.conformsTo !== undefined) {
        if (found.mark) printMark(io, found.mark, "  ");
        else printLine(io, `  Mark: ${found.conformsTo}, which is not known here`);
      }
      if (measures) printLine(io, `  stated    to take the measures ${measures.join(", ")}`);
    });
  return agreement;
}

function listCommand(io: CliIo): Command {
  return new Command("list")
    .description("all agreements, as provider and as consumer")
    .action(async (_options: unknown, command: Command) => {
      const node = connect(io, command);
      const agreements = await node.agreements();
      if (globals(command).json === true) return printJson(io, agreements);
      const peers = new Map((await node.peers()).map((peer) => [peer.did, peer.name]));
      const rows = agreements.map((agreement) => {
        const other = otherOf(agreement);
        return [
          agreement.id,
          agreement.role === "provider" ? "to" : "from",
          peers.get(other) ?? other,
          agreement.title,
          describePrice(agreement.price),
          stateText(agreement),
        ];
      });
      const heads = ["AGREEMENT", "", "WITH", "PRODUCT", "PRICE", "STATE"];
      printTable(
        io,
        heads,
        rows,
        `No agreements yet. Find something: ${typed(command, "find WORDS")}`,
      );
    });
}

function revokeCommand(io: CliIo): Command {
  return new Command("revoke")
    .description("end an agreement now; nothing more is delivered")
    .argument("<agreement>", "its id")
    .action(async (id: string, _options: unknown, command: Command) => {
      const node = connect(io, command);
      await node.revoke(id);
      const ended = await node.agreement(id);
      if (globals(command).json === true) return printJson(io, ended);
      const after = ended.usage?.messages;
      const count = after === undefined ? "" : ` after message ${after.toLocaleString("en")}`;
      printLine(io, `${ended.title} is stopped${count}.`);
    });
}

/** How many sides signed stands wherever an agreement is shown. */
function stateText({ ended, evidence, oneSided }: AgreementResource): string {
  const state = ended ? `ended: ${ended.reason}` : "active";
  return `${state}; ${evidence}${oneSided === undefined ? "" : `, ${oneSided}`}`;
}

function signedText({ evidence }: AgreementResource): string {
  return evidence === "two-sided" ? "signed by both" : "its evidence one-sided";
}

function otherOf(agreement: Pick<AgreementResource, "role" | "provider" | "consumer">) {
  return agreement.role === "provider" ? agreement.consumer : agreement.provider;
}

async function nameOf(node: ReturnType<typeof connect>, did: string): Promise<string> {
  const peer = (await node.peers()).find((one) => one.did === did);
  return peer?.name ?? "+";
}
