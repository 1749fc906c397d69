import { Command } from "commander";
import type { NegotiationAct, NegotiationResource } from "../client/negotiations.ts";
import { type CliIo, connect, globals, readObject, typed } from "./context.ts";
import { invalid } from "./flags.ts";
import { didOf } from "./partner.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { type StatedFlags, statedFrom } from "./tariffs.ts";
import { printTerms, type TermsFlags, termsSaid, withTermsOptions } from "./terms.ts";

/** Moves without an offer of one's own, and what each of them says. */
const plain = {
  agree: "agree to what is asked for, and sign it",
  verify: "sign the agreement as well",
  finalize: "let the agreement stand",
} as const;

/** `negotiation list`, `show`, `ask`, `propose`, and a verb a move. */
export function negotiationCommand(io: CliIo): Command {
  const group = new Command("negotiation").description("how agreements come about, step by step");
  group.addCommand(listCommand(io));
  group.addCommand(showCommand(io));
  group.addCommand(askCommand(io));
  group.addCommand(proposeCommand(io));
  for (const [act, text] of Object.entries(plain)) {
    const command = moveCommand(act, text).action(
      async (pid: string, _options: unknown, self: Command) =>
        move(io, self, pid, act as keyof typeof plain),
    );
    group.addCommand(command);
  }
  group.addCommand(
    moveCommand("accept", "accept the offer that is on the table")
      .option("--as <class>", "state to be one of that class: sme, research or public")
      .option("--measures <names>", "attest what keeps its trade secrets, such as nda,no-copies")
      .action(async (pid: string, flags: StatedFlags, self: Command) =>
        move(io, self, pid, "accept", statedFrom(flags)),
      ),
  );
  group.addCommand(offerCommand(io, "offer", "offer other terms to who asks"));
  group.addCommand(offerCommand(io, "request", "ask for other terms than are offered"));
  group.addCommand(
    moveCommand("terminate", "end it without an agreement; the other side is told")
      .option("--reason <text>", "told to the other side")
      .action(async (pid: string, options: { reason?: string }, self: Command) =>
        move(io, self, pid, "terminate", options),
      ),
  );
  return group;
}

function listCommand(io: CliIo): Command {
  return new Command("list")
    .description("negotiations of either side, the newest first")
    .action(async (_options: unknown, command: Command) => {
      const node = connect(io, command);
      const negotiations = await node.negotiations.list();
      if (globals(command).json === true) return printJson(io, negotiations);
      const peers = new Map((await node.peers()).map((peer) => [peer.did, peer.name]));
      const rows = negotiations.map(({ pid, role, counterpart, product, state, problem }) => [
        pid,
        role === "provider" ? "to" : "from",
        peers.get(counterpart) ?? counterpart,
        product,
        state,
        problem ?? "",
      ]);
      const heads = ["NEGOTIATION", "", "WITH", "PRODUCT", "STATE", ""];
      printTable(
        io,
        heads,
        rows,
        `No negotiations yet. Find something: ${typed(command, "find WORDS")}`,
      );
    });
}

function showCommand(io: CliIo): Command {
  return new Command("show")
    .description("one negotiation, with the terms on the table")
    .argument("<negotiation>", "its pid here, from comity negotiation list")
    .action(async (pid: string, _options: unknown, command: Command) => {
      const negotiation = await connect(io, command).negotiations.get(pid);
      if (globals(command).json === true) return printJson(io, negotiation);
      const { role, counterpart, product, state, problem, offer } = negotiation;
      printLine(io, `${product}, ${role === "provider" ? "to" : "from"} ${counterpart}: ${state}`);
      if (problem !== undefined) printLine(io, `  ${problem}`);
      printTerms(io, negotiation);
      printJson(io, offer);
    });
}

function askCommand(io: CliIo): Command {
  return new Command("ask")
    .description("ask for an offer without waiting for what comes of it")
    .argument("<offer>", "its id, as its provider wrote it")
    .requiredOption("--provider <id>", "whose offer it is: a DID, or a listed peer's id")
    .option("--dataset <id>", "what it is for, where the offer's id does not tell")
    .option("--as <class>", "state to be one of that class: sme, research or public")
    .option("--measures <names>", "attest what keeps its trade secrets, such as nda,no-copies")
    .action(
      async (
        offer: string,
        { as, measures, ...options }: { provider: string; dataset?: string } & StatedFlags,
        command: Command,
      ) => {
        const stated = statedFrom({ ...(as && { as }), ...(measures && { measures }) });
        const wish = { offer, ...options, ...stated };
        told(io, command, await connect(io, command).negotiations.request(wish));
      },
    );
}

function offerCommand(io: CliIo, act: "offer" | "request", text: string): Command {
  return withTermsOptions(moveCommand(act, text))
    .option("--file <offer.json>", "or all of it as an ODRL offer, in JSON or YAML")
    .addHelpText("after", "\nWhat no option names stays as it is on the table.")
    .action(async (pid: string, flags: TermsFlags & { file?: string }, self: Command) => {
      const terms = termsSaid(flags);
      const isSaid = Object.keys(terms).length > 0;
      if (isSaid === (flags.file !== undefined)) {
        throw invalid(`negotiation ${act} takes terms, such as --messages-max, or a --file`);
      }
      const said =
        flags.file === undefined ? { terms } : { offer: readObject(flags.file, "offer") };
      await move(io, self, pid, act, said);
    });
}

function proposeCommand(io: CliIo): Command {
  const command = new Command("propose")
    .description("offer a product of yours to somebody who has not asked")
    .argument("<product>", "its id, from comity product list")
    .requiredOption("--to <peer>", "to whom: a peer's name, or a participant's id such as a DID");
  return withTermsOptions(command)
    .addHelpText("after", "\nWhat no option names is as the product says.")
    .action(async (product: string, flags: TermsFlags & { to: string }, self: Command) => {
      const node = connect(io, self);
      const proposal = { consumer: await didOf(node, flags.to), terms: termsSaid(flags) };
      told(io, self, await node.negotiations.propose(product, proposal));
    });
}

function moveCommand(act: string, text: string): Command {
  return new Command(act)
    .description(text)
    .argument("<negotiation>", "its pid here, from comity negotiation list");
}

async function move(
  io: CliIo,
  command: Command,
  pid: string,
  act: NegotiationAct,
  said: Parameters<ReturnType<typeof connect>["negotiations"]["act"]>[2] = {},
): Promise<void> {
  told(io, command, await connect(io, command).negotiations.act(pid, act, said));
}

function told(io: CliIo, command: Command, negotiation: NegotiationResource): void {
  if (globals(command).json === true) return printJson(io, negotiation);
  printLine(
    io,
    `Negotiation ${negotiation.pid} about ${negotiation.product}: ${negotiation.state}.`,
  );
}
