import type { McpServer } from "@modelcontextprotocol/server";
import { type Static, Type } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import type { UsageResource } from "../../client/resources.ts";
import { formatAmount, parseAmount } from "../../kernel/amount.ts";
import { Budget, closed, Usage } from "./shapes.ts";
import { addTool } from "./tool.ts";

/** What was used and what it costs. */
export function addMoneyTools(server: McpServer, node: ComityHttp): void {
  addTool(server, "usage_and_cost", {
    title: "Usage and cost",
    description:
      "What was counted under each agreement so far, what it costs, the sums by currency of what " +
      "was bought, and what is left of this token's budget.",
    input: Type.Object(
      { agreement: Type.Optional(Type.String({ description: "Only this one.", maxLength: 512 })) },
      closed,
    ),
    output: Type.Object({
      usage: Type.Array(Usage),
      bought: Type.Array(Type.Object({ currency: Type.String(), amount: Type.String() })),
      budget: Type.Optional(Budget),
    }),
    async run({ agreement }) {
      const all = await node.usage();
      if (agreement !== undefined) await node.agreement(agreement); // NOT_FOUND names it
      const usage = all.filter((one) => agreement === undefined || one.agreement === agreement);
      const { budget } = await node.me();
      return { usage: usage.map(line), bought: sums(usage), ...(budget && { budget }) };
    },
  });
}

function line(usage: UsageResource): Static<typeof Usage> {
  const { agreement, title, role, evidence, messages, bytes, amount, currency, receipted } = usage;
  return {
    ...{ agreement, title, role, evidence, messages, bytes, amount, currency },
    ...(receipted && { signedForMessages: receipted.messages }),
  };
}

function sums(usage: readonly UsageResource[]): { currency: string; amount: string }[] {
  const byCurrency = new Map<string, bigint>();
  for (const { role, amount, currency } of usage) {
    const micro = parseAmount(amount) ?? 0n;
    if (role !== "consumer" || micro === 0n) continue;
    byCurrency.set(currency, (byCurrency.get(currency) ?? 0n) + micro);
  }
  return [...byCurrency].map(([currency, micro]) => ({ currency, amount: formatAmount(micro) }));
}
