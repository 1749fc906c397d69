import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { OpenSetoffResource, SetoffResource } from "../client/setoffs.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams } from "./schemas.ts";

const text = Type.String();
const Open = Type.Object({
  ...{ with: text, currency: text, owedToUs: text, owedByUs: text, clears: text },
});
const Setoff = Type.Object({
  ...{ id: text, with: text, state: text, number: Type.Integer(), at: text },
  ...{ currency: text, cleared: text },
  claims: Type.Array(Type.Object({ provider: text, owed: text, left: text })),
  items: Type.Array(Type.Object({ statement: text, provider: text, due: text, cleared: text })),
  signed: Type.Object({ body: Type.Unknown(), signatures: Type.Array(Type.Unknown()) }),
});
const Did = Type.String({ minLength: 1, maxLength: 512 });
const strict = { additionalProperties: false };
const Proposal = Type.Object(
  { with: Did, currency: Type.String({ pattern: "^[A-Z]{3}$" }) },
  strict,
);
const Reason = Type.Object({ reason: Type.String({ maxLength: 500 }) }, strict);
const Consent = Type.Object({ with: Did, always: Type.Boolean() }, strict);

/** What two participants owe each other, cleared against each other by what both sign. */
export function setoffApiRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const { setoffs } = deps;
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/setoffs/open",
    {
      config: allow("viewer"),
      schema: {
        summary: "What is owed both ways under accepted statements, by partner and currency",
        response: { 200: answer<readonly OpenSetoffResource[]>("Owed.", Type.Array(Open)) },
      },
    },
    async () => setoffs.open(),
  );

  app.get(
    "/setoffs",
    {
      config: allow("viewer"),
      schema: {
        summary: "Set-offs with others, those that wait for a signature included",
        response: { 200: answer<readonly SetoffResource[]>("Set-offs.", Type.Array(Setoff)) },
      },
    },
    async () => setoffs.list(),
  );

  app.get(
    "/setoffs/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "One set-off, with what was signed",
        params: IdParams,
        response: { 200: answer<SetoffResource>("As it stands.", Setoff) },
      },
    },
    async (request) => setoffs.get(request.params.id),
  );

  app.post(
    "/setoffs",
    {
      config: allow("trader", "setoff.propose"),
      schema: {
        summary: "Draw up what clears both sides' debts in a currency, or ask the other side to",
        body: Proposal,
        response: {
          200: answer<{ setoff?: SetoffResource }>(
            "Without one: the other side was asked to draw it up.",
            Type.Object({ setoff: Type.Optional(Setoff) }),
          ),
        },
      },
    },
    async (request) => {
      const { with: other, currency } = request.body;
      return audited(deps, request, `${currency} with ${other}`, () =>
        setoffs.propose(other, currency),
      );
    },
  );

  app.post(
    "/setoffs/:id/accept",
    {
      config: allow("trader", "setoff.accept"),
      schema: {
        summary: "Sign what the other side offered; it counts from then",
        params: IdParams,
        response: { 200: answer<SetoffResource>("Signed by both.", Setoff) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return audited(deps, request, id, () => setoffs.accept(id));
    },
  );

  app.post(
    "/setoffs/:id/give-up",
    {
      config: allow("trader", "setoff.give-up"),
      schema: {
        summary: "Refuse what was offered, or take back what was drawn up here",
        params: IdParams,
        body: Reason,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => setoffs.giveUp(id, request.body.reason));
      return reply.code(204).send(null);
    },
  );

  app.put(
    "/setoff-consents",
    {
      config: allow("trader", "setoff.consent"),
      schema: {
        summary: "Let the node sign by itself what its own books say as well",
        body: Consent,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { with: other, always } = request.body;
      await audited(deps, request, `${other} ${always ? "always" : "asked"}`, () =>
        setoffs.always(other, always),
      );
      return reply.code(204).send(null);
    },
  );
}
