import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { OwnerDueResource, OwnerShareResource, OwnersResource } from "../client/owners.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams, Month } from "./schemas.ts";

const text = Type.String();
const strict = { additionalProperties: false };
const Owner = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 512 }),
    partsPerMillion: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  },
  strict,
);
const owners = Type.Array(Owner, { maxItems: 100 });
const Owners = Type.Object({
  product: text,
  versions: Type.Array(Type.Object({ from: text, owners })),
});
const Share = Type.Object({
  ...{ month: text, agreement: text, product: text, currency: text, revenue: text },
  parts: Type.Array(
    Type.Object({ id: text, partsPerMillion: Type.Integer(), share: text, booked: text }),
  ),
});
const Due = Type.Object({ owner: text, currency: text, due: text });
const Payment = Type.Object(
  {
    owner: Type.String({ minLength: 1, maxLength: 512 }),
    amount: Type.String({ pattern: "^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$" }),
    currency: Type.String({ pattern: "^[A-Z]{3}$" }),
    reference: Type.String({ maxLength: 500 }),
  },
  strict,
);
const MonthParams = Type.Object({ month: Month });

/** Products with several owners, and what each of them is owed of what was earned. */
export function ownerRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const { owners: api } = deps;
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/owners",
    {
      config: allow("viewer"),
      schema: {
        summary: "Who owns products beside this node, and from when",
        response: { 200: answer<readonly OwnersResource[]>("By product.", Type.Array(Owners)) },
      },
    },
    async () => api.list(),
  );

  app.put(
    "/owners/:id",
    {
      config: allow("trader", "owners.set"),
      schema: {
        summary: "Say whose a product is from a month on that has not begun",
        params: IdParams,
        body: Type.Object({ from: Month, owners }, strict),
        response: { 200: answer<OwnersResource>("As it stands.", Owners) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { from, owners: named } = request.body;
      return audited(deps, request, `${id} from ${from}`, async () => api.set(id, from, named));
    },
  );

  app.get(
    "/owner-shares/:month",
    {
      config: allow("viewer"),
      schema: {
        summary: "What a month has come to, agreement by agreement, and whose it is",
        params: MonthParams,
        response: { 200: answer<readonly OwnerShareResource[]>("Shares.", Type.Array(Share)) },
      },
    },
    async (request) => api.month(request.params.month),
  );

  app.post(
    "/owner-shares/:month",
    {
      config: allow("trader", "owners.book"),
      schema: {
        summary: "Post what of a month that is over is not in the ledger yet",
        params: MonthParams,
        response: { 200: answer<readonly OwnerShareResource[]>("Shares.", Type.Array(Share)) },
      },
    },
    async (request) => {
      const { month } = request.params;
      return audited(deps, request, month, () => api.book(month));
    },
  );

  app.get(
    "/owner-dues",
    {
      config: allow("viewer"),
      schema: {
        summary: "What each owner is owed and was not paid",
        response: { 200: answer<readonly OwnerDueResource[]>("By owner.", Type.Array(Due)) },
      },
    },
    async () => api.due(),
  );

  app.post(
    "/owner-payments",
    {
      config: allow("trader", "owners.paid"),
      schema: {
        summary: "Mark that an owner was paid, outside of the node",
        body: Payment,
        response: { 200: answer<readonly OwnerDueResource[]>("What is left.", Type.Array(Due)) },
      },
    },
    async (request) => {
      const { owner, amount, currency } = request.body;
      return audited(deps, request, `${amount} ${currency} to ${owner}`, () =>
        api.paid(request.body),
      );
    },
  );
}
