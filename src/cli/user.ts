import { Command, Option } from "commander";
import type { UserResource } from "../client/resources.ts";
import { roles } from "../things/access.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { invalid } from "./flags.ts";
import { printJson, printLine, printTable } from "./output.ts";

interface AddOptions {
  readonly role: UserResource["role"];
  readonly budget?: string;
}

/** `user`: people and programs that work on this node, agents among them. */
export function userCommand(io: CliIo): Command {
  const user = new Command("user").description("people, programs and agents that work on the node");
  user.addCommand(addCommand(io));
  user
    .command("list")
    .description("all users")
    .action(async (_options: unknown, command: Command) => {
      const users = await connect(io, command).users();
      if (globals(command).json === true) return printJson(io, users);
      const rows = users.map(({ id, role, budget }) => [id, role, budgetText(budget)]);
      printTable(io, ["USER", "ROLE", "BUDGET"], rows, "");
    });
  user
    .command("budget <user> <budget>")
    .description('what its agreements may cost in a month: "20EUR/month", or none for no limit')
    .action(async (id: string, text: string, _options: unknown, command: Command) => {
      const budget = text === "none" ? null : budgetFrom(text);
      const changed = await connect(io, command).setBudget(id, budget);
      if (globals(command).json === true) return printJson(io, changed);
      printLine(io, `${id}: ${budgetText(changed.budget) || "no limit"}`);
    });
  user
    .command("remove <user>")
    .description("remove a user; the token is good no more")
    .action(async (id: string, _options: unknown, command: Command) => {
      await connect(io, command).removeUser(id);
      if (globals(command).json === true) return printJson(io, { removed: id });
      printLine(io, `${id} is removed; its token is good no more.`);
    });
  return user;
}

function addCommand(io: CliIo): Command {
  return new Command("add")
    .description("add a user; prints its token, once")
    .argument("<user>", "a-z, 0-9 and -")
    .addOption(new Option("--role <role>", "what it may do").choices(roles).default("viewer"))
    .option("--budget <budget>", 'what its agreements may cost: "20EUR/month" (role trader)')
    .action(async (id: string, { role, budget }: AddOptions, command: Command) => {
      const limit = budget === undefined ? undefined : budgetFrom(budget);
      const made = await connect(io, command).addUser(id, role, limit);
      if (globals(command).json === true) return printJson(io, made);
      const spends = limit ? `, ${budgetText(limit)}` : "";
      printLine(io, `${id} is added as ${role}${spends}. The token, shown once:`);
      printLine(io, `  ${made.token}`);
      printLine(io, "An agent starts with it: COMITY_TOKEN=… comity mcp");
    });
}

/** `20EUR/month`, `20 EUR/month`. */
function budgetFrom(text: string): { amount: string; currency: string } {
  const [, amount, currency] = /^(\d+(?:\.\d{1,6})?) ?([A-Z]{3})\/month$/.exec(text.trim()) ?? [];
  if (amount !== undefined && currency !== undefined) return { amount, currency };
  throw invalid(`the budget "${text}" is not an amount a month such as 20EUR/month`);
}

function budgetText(budget: UserResource["budget"]): string {
  return budget ? `${budget.amount} ${budget.currency} a month` : "";
}
