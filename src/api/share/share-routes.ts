import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { ShareResource } from "../../client/shares.ts";
import type { Share, SignedAcceptance } from "../../market/shares.ts";
import type { ApiDeps } from "../deps.ts";
import { allow, audited } from "../guard.ts";
import { answer, IdParams, Name } from "../schemas.ts";

const lifeDaysDefault = 14;
const closed = { additionalProperties: false } as const;
const Money = Type.Object(
  {
    amount: Type.String({ maxLength: 30, description: "Decimal, in the price's currency." }),
    currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  },
  closed,
);
const ShareBody = Type.Object(
  {
    product: Name,
    to: Type.String({ minLength: 1, maxLength: 100, description: "Whom the link is for." }),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366, default: lifeDaysDefault })),
    ceiling: Type.Optional(Money),
  },
  closed,
);

/** Links for partners who run no node: made, listed, paid for and revoked by a trader. */
export function shareRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const resource = (share: Share): ShareResource => {
    return { ...share, state: deps.shares.book.stateOf(share) };
  };
  app.get(
    "/shares",
    {
      config: allow("trader"),
      schema: {
        summary: "Links made for partners who run no node",
        response: { 200: answer<ShareResource[]>("The newest first.") },
      },
    },
    async () => deps.shares.book.list().map(resource),
  );

  app.post(
    "/shares",
    {
      config: allow("trader", "share.create"),
      schema: {
        summary: "Make a link to a product for one partner; it is told here and never again",
        body: ShareBody,
        response: { 201: answer<{ share: ShareResource; url: string }>("The share, its link.") },
      },
    },
    async (request, reply) => {
      const { product, to, days = lifeDaysDefault, ceiling } = request.body;
      const { share, secret } = await audited(deps, request, `${product} to ${to}`, () =>
        deps.shares.book.create(product, to, days, ceiling),
      );
      const base = deps.node.publicUrl ?? deps.node.httpUrl();
      const url = new URL(`/share/${secret}`, base).href;
      return reply.code(201).send({ share: resource(share), url });
    },
  );

  app.get(
    "/agreements/:id/acceptance",
    {
      config: allow("trader"),
      schema: {
        summary: "What a partner accepted through a link, under this node's signature",
        params: IdParams,
        response: { 200: answer<SignedAcceptance>("The acceptance.") },
      },
    },
    async (request) => deps.shares.book.acceptance(request.params.id),
  );

  app.post(
    "/shares/:id/paid",
    {
      config: allow("trader", "share.paid"),
      schema: {
        summary: "Record what a partner has paid ahead; it buys so many messages",
        params: IdParams,
        body: Money,
        response: { 200: answer<ShareResource>("The share.") },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { amount, currency } = request.body;
      const text = `${id}: ${amount} ${currency}`;
      return audited(deps, request, text, async () =>
        resource(await deps.shares.book.pay(id, amount, currency)),
      );
    },
  );

  app.post(
    "/shares/:id/revoke",
    {
      config: allow("trader", "share.revoke"),
      schema: {
        summary: "End it now: the link, and the agreement if it was accepted",
        params: IdParams,
        response: { 200: answer<ShareResource>("The share, revoked.") },
      },
    },
    async (request) => {
      const { id } = request.params;
      return audited(deps, request, id, async () => resource(await deps.shares.revoke(id)));
    },
  );
}
