import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { AgreementDetail, AgreementResource } from "../client/resources.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { nameOfPrincipal } from "../things/access.ts";
import * as answers from "./answers.ts";
import { toldMark } from "./commission-told.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import { AgreeBody, answer, EffectBody, IdParams, LinkBody, attestationIn } from "./schemas.ts";
import { agreementResource, toldAgreement } from "./told.ts";
import type { WorldView } from "./world.ts";

/** Receipts that are read at once. */
const receiptsMax = 1_000;

export function agreementRoutes(scope: FastifyInstance, deps: ApiDeps, world: WorldView): void {
  readRoutes(scope, deps);
  contractRoutes(scope, deps);
  runningRoutes(scope, deps, world);
}

function readRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/agreements",
    {
      config: allow("viewer"),
      schema: {
        summary: "All agreements, as provider and as consumer",
        response: {
          200: answer<AgreementResource[]>("Agreements.", Type.Array(answers.Agreement)),
        },
      },
    },
    async () => (await deps.agreements.list()).map(agreementResource),
  );

  app.get(
    "/agreements/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "One agreement with its policy, signatures and usage",
        params: IdParams,
        response: { 200: answer<AgreementDetail>("The agreement.", answers.AgreementWithEvidence) },
      },
    },
    async (request) => {
      const agreement = await agreementOf(deps, request.params.id);
      const usage = await deps.settle.usageOf(agreement.id);
      const mark = toldMark(deps, deps.commissions.marks.received(agreement.id));
      return { ...toldAgreement(agreement), ...mark, ...(usage && { usage }) };
    },
  );

  app.get(
    "/agreements/:id/receipts",
    {
      config: allow("viewer"),
      schema: {
        summary: "Its receipts with their signatures, oldest first, from a number on",
        params: IdParams,
        querystring: Type.Object({
          after: Type.Optional(Type.Integer({ minimum: 0, maximum: 9_999_999_999 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: receiptsMax })),
        }),
        response: { 200: answer<readonly unknown[]>("Receipts.") },
      },
    },
    async (request) => {
      const { id } = await agreementOf(deps, request.params.id);
      const { after = 0, limit = receiptsMax } = request.query;
      return deps.settle.receipts(id, after, limit);
    },
  );
}

function contractRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.post(
    "/agreements",
    {
      config: allow("trader", "agreement.agree"),
      schema: {
        summary: "Agree to an offer: negotiates, signs, and starts the transfer",
        body: AgreeBody,
        response: {
          201: answer<AgreementResource>(
            "The agreement; evidence says who signed.",
            answers.Agreement,
          ),
        },
      },
    },
    async (request, reply) => {
      const { offer, provider, spendMax } = request.body;
      const caller = callerOf(request);
      const user = caller.kind === "user" ? caller.id : undefined;
      const made = await audited(deps, request, offer, () =>
        deps.agreements.agree(offer, provider, { user, spendMax }, attestationIn(request.body)),
      );
      return reply.code(201).send(agreementResource(made));
    },
  );

  app.post(
    "/agreements/:id/revoke",
    {
      config: allow("trader", "agreement.revoke"),
      schema: {
        summary: "End it now; nothing more is delivered",
        params: IdParams,
        response: { 200: answer<AgreementResource>("The agreement, ended.", answers.Agreement) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return audited(deps, request, id, async () => {
        const agreement = await agreementOf(deps, id);
        if (agreement.ended) {
          const { reason } = agreement.ended;
          throw new ComityError("AGREEMENT_ENDED", { agreement: id, reason });
        }
        const caller = callerOf(request);
        const by = nameOfPrincipal(caller);
        const hasBudget = caller.kind === "user" && deps.users.get(caller.id)?.budget !== undefined;
        if (hasBudget && agreement.role === "provider") {
          const act = "end what this node sells";
          throw new ComityError("FORBIDDEN", { who: `${by}, who has a budget,`, act });
        }
        return agreementResource(await deps.agreements.revoke(id, by));
      });
    },
  );
}

function runningRoutes(scope: FastifyInstance, deps: ApiDeps, world: WorldView): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.put(
    "/agreements/:id/effect",
    {
      config: allow("operator"),
      schema: {
        summary: "Tell what was done with the stream; shown in the world, forgotten on restart",
        params: IdParams,
        body: EffectBody,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const agreement = await agreementOf(deps, request.params.id);
      onConsumerSide(agreement, "telling an effect");
      world.setEffect(agreement.id, request.body);
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/agreements/:id/link",
    {
      config: allow("operator", "link"),
      schema: {
        summary: "Cut the link of a stream, or mend it",
        params: IdParams,
        body: LinkBody,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { action } = request.body;
      const { id } = request.params;
      await audited(deps, request, `${action} ${id}`, async () => {
        onConsumerSide(await agreementOf(deps, id), `to ${action} its link`);
        await deps.agreements.link(id, action);
      });
      return reply.code(204).send(null);
    },
  );
}

async function agreementOf(deps: ApiDeps, id: string): Promise<Agreement> {
  const agreement = await deps.agreements.get(id);
  if (!agreement) throw new ComityError("NOT_FOUND", { what: "agreement", id });
  return agreement;
}

function onConsumerSide(agreement: Agreement, act: string): void {
  if (agreement.role === "consumer") return;
  const { id } = agreement;
  throw new ComityError("STATE_INVALID", {
    what: "Agreement",
    id,
    state: "seen from its provider's side",
    act,
  });
}
