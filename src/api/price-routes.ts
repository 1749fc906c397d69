import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { AgreementPriceResource } from "../client/prices.ts";
import { ComityError } from "../kernel/errors.ts";
import { Price, PriceInput } from "../wire/price.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams } from "./schemas.ts";
import type { PriceOffer } from "../federate/price-changes.ts";

const strict = { additionalProperties: false } as const;
const time = Type.String({ maxLength: 32, description: "ISO 8601, UTC." });
const Prices = Type.Array(
  Type.Object({
    number: Type.Integer({ minimum: 1 }),
    price: Price,
    from: time,
    state: Type.Union([Type.Literal("signed"), Type.Literal("waiting"), Type.Literal("refused")]),
    reason: Type.Optional(Type.String()),
  }),
);
const answers200 = { 200: answer<readonly AgreementPriceResource[]>("By number.", Prices) };

export function priceRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { prices } = deps;
  const of = async (id: string): Promise<readonly AgreementPriceResource[]> => {
    const agreement = await deps.agreements.get(id);
    if (agreement === undefined) throw new ComityError("NOT_FOUND", { what: "agreement", id });
    const { price, signedAt, changes = [] } = agreement;
    const signed = [{ number: 1, price, from: signedAt }, ...changes];
    const offer = await prices.offerOf(id);
    return [
      ...signed.map((one) => ({
        ...{ number: one.number, price: one.price, from: one.from },
        state: "signed" as const,
      })),
      ...(offer === undefined ? [] : [toldOffer(offer)]),
    ];
  };
  app.get(
    "/agreements/:id/prices",
    {
      config: allow("viewer"),
      schema: {
        summary: "An agreement's prices: those both signed, and one that waits or was refused",
        params: IdParams,
        response: answers200,
      },
    },
    async (request) => of(request.params.id),
  );

  app.post(
    "/agreements/:id/prices",
    {
      config: allow("owner", "price.offer"),
      schema: {
        summary: "As provider: ask for another price, from a moment that is to come",
        params: IdParams,
        body: Type.Object({ price: PriceInput, from: time }, strict),
        response: answers200,
      },
    },
    async (request) => {
      const { id } = request.params;
      const { price, from } = request.body;
      await audited(deps, request, id, () => prices.offer(id, price, from));
      return of(id);
    },
  );

  app.post(
    "/agreements/:id/prices/answer",
    {
      config: allow("owner", "price.answer"),
      schema: {
        summary: "As consumer: sign the price that waits, or refuse it",
        params: IdParams,
        body: Type.Object({ accept: Type.Boolean() }, strict),
        response: answers200,
      },
    },
    async (request) => {
      const { id } = request.params;
      await audited(deps, request, id, () => prices.decide(id, request.body.accept));
      return of(id);
    },
  );
}

function toldOffer({ body, state, reason }: PriceOffer): AgreementPriceResource {
  const { number, price, from } = body;
  return { number, price, from, state, ...(reason !== undefined && { reason }) };
}
