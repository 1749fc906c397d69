import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { StatementResource, UsageResource } from "../client/resources.ts";
import { ComityError } from "../kernel/errors.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow } from "./guard.ts";
import { answer, Month } from "./schemas.ts";

export function settleRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/usage",
    {
      config: allow("viewer"),
      schema: {
        summary: "What was counted so far, by agreement",
        response: { 200: answer<readonly UsageResource[]>("Usage.", Type.Array(answers.Usage)) },
      },
    },
    async () => deps.settle.usage(),
  );

  app.get(
    "/statements/:month",
    {
      config: allow("viewer"),
      schema: {
        summary:
          "The month's sums from receipts both sides signed; what one side counted is marked",
        params: Type.Object({ month: Month }),
        response: {
          200: answer<readonly StatementResource[]>(
            "One line an agreement.",
            Type.Array(answers.Statement),
          ),
        },
      },
    },
    async (request) => deps.settle.statement(request.params.month),
  );

  app.get(
    "/statements/:month/bills/:agreement",
    {
      config: allow("viewer"),
      schema: {
        summary: "A bill with all its evidence; `comity verify` checks what both signed, offline",
        params: Type.Object({ month: Month, agreement: Type.String({ maxLength: 512 }) }),
        response: { 200: answer<unknown>("A bill.") },
      },
    },
    async (request) => {
      const { month, agreement } = request.params;
      const bill = await deps.settle.bill(month, agreement);
      if (bill === undefined) {
        throw new ComityError("NOT_FOUND", { what: "bill", id: `${month} of ${agreement}` });
      }
      return bill;
    },
  );
}
