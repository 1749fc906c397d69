import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { NegotiationAct, NegotiationResource } from "../client/negotiations.ts";
import { ComityError } from "../kernel/errors.ts";
import type { ConsumerMove, ProviderMove } from "../market/decisions.ts";
import type { Negotiation } from "../market/negotiation.ts";
import { amendedRules, offerIdFor, readRules, termsOf } from "../market/policy.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import {
  answer,
  IdParams,
  NegotiationActBody,
  NegotiationActParams,
  NegotiationBody,
  ProposalBody,
  attestationIn,
} from "./schemas.ts";
import { told } from "./told.ts";

/** Negotiations that are listed at once, the newest first. */
const negotiationsMax = 1_000;

const one = answer<NegotiationResource>("The negotiation.", answers.Negotiation);

/** Where people haggle: what `POST /agreements` does in one go, step by step and in both roles. */
export function negotiationRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/negotiations",
    {
      config: allow("viewer"),
      schema: {
        summary: "Negotiations of either side, the newest first",
        response: {
          200: answer<NegotiationResource[]>("Negotiations.", Type.Array(answers.Negotiation)),
        },
      },
    },
    async () => (await deps.negotiations.list()).slice(0, negotiationsMax).map(resource),
  );

  app.get(
    "/negotiations/:id",
    {
      config: allow("viewer"),
      schema: { summary: "One negotiation", params: IdParams, response: { 200: one } },
    },
    async (request) => resource(await deps.negotiations.need(request.params.id)),
  );

  app.post(
    "/negotiations",
    {
      config: allow("trader", "negotiation.request"),
      schema: {
        summary: "Ask a provider for an offer; what comes of it is not awaited",
        body: NegotiationBody,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const { provider, offer } = request.body;
      const begun = await audited(deps, request, `${offer} of ${provider}`, () =>
        deps.negotiations.request({ ...request.body, attested: attestationIn(request.body) }),
      );
      return reply.code(201).send(resource(begun));
    },
  );

  app.post(
    "/products/:id/proposals",
    {
      config: allow("trader", "negotiation.propose"),
      schema: {
        summary: "Offer a product to a consumer unasked; what comes of it is not awaited",
        params: IdParams,
        body: ProposalBody,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const proposal = { ...request.body, product: request.params.id };
      const what = `${proposal.product} to ${proposal.consumer}`;
      const begun = await audited(deps, request, what, () => deps.negotiations.propose(proposal));
      return reply.code(201).send(resource(begun));
    },
  );

  app.post(
    "/negotiations/:id/:act",
    {
      config: allow("trader", "negotiation"),
      schema: {
        summary: "Offer, request, accept, agree, verify, finalize or terminate",
        params: NegotiationActParams,
        body: NegotiationActBody,
        response: { 200: one },
      },
    },
    async (request) => {
      const { id, act } = request.params;
      return audited(deps, request, `${act} ${id}`, async () =>
        resource(
          await deps.negotiations.move(id, await moveOf(deps, request.params, request.body)),
        ),
      );
    },
  );
}

async function moveOf(
  deps: ApiDeps,
  { id, act }: { readonly id: string; readonly act: NegotiationAct },
  body: Static<typeof NegotiationActBody>,
): Promise<ProviderMove | ConsumerMove> {
  const { reason, offer, terms } = body ?? {};
  if (act === "terminate") return { do: act, reason: reason ?? "terminated by its owner" };
  if (act === "accept") {
    const attested = attestationIn(body ?? {});
    return { do: act, ...(attested && { attested }) };
  }
  if (act !== "offer" && act !== "request") return { do: act };
  if (offer && terms) throw bodyInvalid("/offer and /terms exclude each other");
  if (offer) {
    return { do: act, offer: { "@type": "Offer", "@id": offer["@id"], ...readRules(offer) } };
  }
  if (!terms) throw bodyInvalid("/offer is missing, or /terms");
  // what is on the table, with these terms said anew
  const { product, rules, delivered } = await deps.negotiations.need(id);
  const amended = amendedRules(rules, terms);
  const named = offerIdFor(product, amended, delivered);
  return { do: act, offer: { "@type": "Offer", "@id": named, ...amended } };
}

function bodyInvalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}

function resource(negotiation: Negotiation): NegotiationResource {
  const { pid, role, state, counterpart, product, offer, rules, startedAt } = negotiation;
  const { draft, problem } = negotiation;
  return {
    ...{ pid, role, state, counterpart, product, startedAt },
    offer: { "@id": offer, ...rules },
    ...(draft === undefined ? {} : { agreement: draft.id }),
    ...(problem === undefined ? {} : { problem }),
    ...told(termsOf(readRules(rules))),
  };
}
