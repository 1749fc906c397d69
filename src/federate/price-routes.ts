import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { ComityError } from "../kernel/errors.ts";
import { PriceChangeBody } from "../market/price-change.ts";
import type { AuthenticatePeer } from "./authenticate.ts";

const Signature = Type.Object(
  {
    protected: Type.String({ minLength: 1, maxLength: 4096 }),
    signature: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { additionalProperties: false },
);

/** The provider's word; with the consumer's under it, or without where that says no. */
const PriceLetter = Type.Object({
  body: PriceChangeBody,
  signature: Signature,
  cosignature: Type.Optional(Signature),
});
export type PriceLetter = Static<typeof PriceLetter>;
const priceLetter = Compile(PriceLetter);

const PriceAnswer = Type.Object({
  signature: Type.Optional(Signature),
  waiting: Type.Optional(Type.Boolean()),
  refused: Type.Optional(Type.Boolean()),
});
/** What both have signed, for a side that lost it. */
const PriceLetters = Type.Object({ prices: Type.Array(PriceLetter, { maxItems: 999 }) });
type PriceLetters = Static<typeof PriceLetters>;
export const priceLetters = Compile(PriceLetters);

export type PriceAnswer = Static<typeof PriceAnswer>;
export const priceAnswer = Compile(PriceAnswer);

/** A change is two kilobytes at most. */
const bytesMax = 32 * 1024;

interface PriceRoutesDeps {
  readonly authenticatePeer: AuthenticatePeer;
  readonly prices: {
    signedWith(from: string, id: string): PriceLetters;
    receive(from: string, id: string, letter: PriceLetter): Promise<PriceAnswer>;
    settle(from: string, id: string, letter: PriceLetter): Promise<void>;
  };
}

/** Where a provider's node brings another price, and a consumer's node its owner's answer. */
export async function priceRoutes(app: FastifyInstance, deps: PriceRoutesDeps): Promise<void> {
  const path = "/comity/v1/agreements/:id/price";
  // No body schema: validation that coerces or drops members would change what was signed.
  app.post<{ Params: { id: string } }>(path, { bodyLimit: bytesMax }, async (request) => {
    const from = await deps.authenticatePeer(request);
    return deps.prices.receive(from, request.params.id, letterIn(request.body));
  });
  app.get<{ Params: { id: string } }>(path, async (request) => {
    const from = await deps.authenticatePeer(request);
    return deps.prices.signedWith(from, request.params.id);
  });
  app.post<{ Params: { id: string } }>(
    `${path}/answer`,
    { bodyLimit: bytesMax },
    async (request) => {
      const from = await deps.authenticatePeer(request);
      await deps.prices.settle(from, request.params.id, letterIn(request.body));
      return { taken: true };
    },
  );
}

function letterIn(body: unknown): PriceLetter {
  if (priceLetter.Check(body)) return body;
  throw new ComityError("BODY_INVALID", { problem: "it is no change of price of version 1" });
}
