import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CallerResource } from "../client/callers.ts";
import type { AuditResource, UserResource } from "../client/resources.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import { answer, BudgetBody, IdParams, UserBody } from "./schemas.ts";

/** Users and the audit trail: the owner's own business. */
export function accessRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/audit",
    {
      config: allow("owner"),
      schema: {
        summary: "Every administrative act, refused ones as well, oldest first",
        querystring: Type.Object({
          after: Type.Optional(Type.String({ maxLength: 32 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
        }),
        response: { 200: answer<AuditResource[]>("Entries.", Type.Array(answers.AuditEntry)) },
      },
    },
    async (request) => deps.audit.list(request.query),
  );

  app.get(
    "/me",
    {
      config: allow("viewer"),
      schema: {
        summary: "Who this token is, and what its budget still allows",
        response: { 200: answer<CallerResource>("The caller.", answers.Caller) },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      if (caller.kind !== "user") return { name: "anonymous", role: "operator" as const };
      const budget = await deps.settle.budgetOf(caller.id);
      return { name: caller.id, role: caller.role, ...(budget && { budget }) };
    },
  );

  app.get(
    "/users",
    {
      config: allow("owner"),
      schema: {
        summary: "All users",
        response: {
          200: answer<readonly UserResource[]>("In order of id.", Type.Array(answers.User)),
        },
      },
    },
    async () => deps.users.list(),
  );

  app.post(
    "/users",
    {
      config: allow("owner", "user.add"),
      schema: {
        summary: "Add a user; the token is told here and never again",
        body: UserBody,
        response: {
          201: answer<{ user: UserResource; token: string }>(
            "The user and the token.",
            answers.UserToken,
          ),
        },
      },
    },
    async (request, reply) => {
      const { id, role, budget } = request.body;
      const made = await audited(deps, request, `${role} ${id}`, () =>
        deps.users.create(id, role, budget),
      );
      return reply.code(201).send(made);
    },
  );

  app.put(
    "/users/:id/budget",
    {
      config: allow("owner", "user.budget"),
      schema: {
        summary: "What a trader's agreements may cost in a month; agreements that were made stand",
        params: IdParams,
        body: BudgetBody,
        response: { 200: answer<UserResource>("The user.", answers.User) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { budget } = request.body;
      const text = budget ? `${budget.amount} ${budget.currency} a month` : "no limit";
      return audited(deps, request, `${id}: ${text}`, () =>
        deps.users.setBudget(id, budget ?? undefined),
      );
    },
  );

  app.delete(
    "/users/:id",
    {
      config: allow("owner", "user.remove"),
      schema: {
        summary: "Remove a user; the token is good no more",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => deps.users.remove(id));
      return reply.code(204).send(null);
    },
  );
}
