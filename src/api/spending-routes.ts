import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { ForecastResource, SpendingLimitResource } from "../client/spending.ts";
import { ComityError } from "../kernel/errors.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer } from "./schemas.ts";
import { textForm } from "./text-forms.ts";

const strict = { additionalProperties: false };
const Amount = Type.String({ description: "Decimal, at most six places.", maxLength: 30 });
const Currency = textForm("currency");
const whose = {
  agreement: Type.Optional(Type.String({ maxLength: 512, description: "Absent: all together." })),
  currency: Type.Optional(Currency),
};
const Per = Type.Union([Type.Literal("month"), Type.Literal("life")]);
const NewLimit = Type.Object({ ...whose, amount: Amount, per: Type.Optional(Per) }, strict);
const Limit = Type.Object({
  ...{ agreement: Type.Optional(Type.String()), currency: Type.String() },
  ...{ amount: Type.String(), per: Per, spent: Type.String(), percent: Type.Integer() },
  resting: Type.Array(Type.String()),
});
const Forecast = Type.Object({
  agreement: Type.String(),
  role: Type.Union([Type.Literal("provider"), Type.Literal("consumer")]),
  ...{ title: Type.String(), month: Type.String(), currency: Type.String() },
  spent: Type.String(),
  expected: Type.Optional(Type.String({ description: "Absent in the first hour." })),
  ...{ least: Type.Optional(Type.String()), most: Type.Optional(Type.String()) },
});

/** Limits that the organisation sets itself, and what a month will come to. */
export function spendingRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { spending } = deps;

  /** An agreement is paid in its own currency; all together need one named. */
  const currencyOf = async (agreement?: string, currency?: string): Promise<string> => {
    const known = agreement === undefined ? undefined : await deps.agreements.get(agreement);
    if (agreement !== undefined && known === undefined) {
      throw new ComityError("NOT_FOUND", { what: "agreement", id: agreement });
    }
    const named = currency ?? known?.price.currency;
    if (named !== undefined) return named;
    throw new ComityError("BODY_INVALID", { problem: "it names no agreement and no currency" });
  };

  app.get(
    "/spending-limits",
    {
      config: allow("viewer"),
      schema: {
        summary: "What may be spent, what is spent, and which streams rest because of it",
        response: {
          200: answer<readonly SpendingLimitResource[]>("All of them.", Type.Array(Limit)),
        },
      },
    },
    async () => spending.limits.list(),
  );

  app.put(
    "/spending-limits",
    {
      config: allow("trader", "budget.set"),
      schema: {
        summary: "Limit what one agreement, or all in a currency together, may cost",
        description:
          "A stream that would cost more rests, and goes on when the limit is raised or the " +
          "next month begins. The bill is never above the limit.",
        body: NewLimit,
        response: { 200: answer<SpendingLimitResource>("In force.", Limit) },
      },
    },
    async (request) => {
      const { agreement, amount, per = "month" } = request.body;
      const currency = await currencyOf(agreement, request.body.currency);
      const limit = { ...(agreement !== undefined && { agreement }), currency, amount, per };
      const what = `${amount} ${currency} per ${per} for ${agreement ?? "all together"}`;
      return audited(deps, request, what, () => spending.limits.set(limit));
    },
  );

  app.delete(
    "/spending-limits",
    {
      config: allow("trader", "budget.clear"),
      schema: {
        summary: "Take a limit away",
        querystring: Type.Object(whose, strict),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { agreement } = request.query;
      const currency = await currencyOf(agreement, request.query.currency);
      const of = { ...(agreement !== undefined && { agreement }), currency };
      await audited(deps, request, `for ${agreement ?? currency}`, () => spending.limits.clear(of));
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/forecasts",
    {
      config: allow("viewer"),
      schema: {
        summary: "What each agreement's month comes to, by the rate of the last seven days",
        response: {
          200: answer<readonly ForecastResource[]>(
            "Of agreements that cost something, on either side.",
            Type.Array(Forecast),
          ),
        },
      },
    },
    async () => spending.forecasts(),
  );
}
