import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { AccessGranted, RefusalResource } from "../client/data-access.ts";
import type { ThingResource } from "../client/thing-resource.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import { nameOfPrincipal } from "../things/access.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { peerNames } from "./find.ts";
import { allow, audited, callerOf } from "./guard.ts";
import {
  AccessRequestBody,
  AccessWithdrawalBody,
  answer,
  attestationIn,
  IdParams,
  ThingAccessBody,
} from "./schemas.ts";
import { thingResource } from "./thing-routes.ts";

/** A user's right to the data of their Thing, from both sides (Data Act, Art. 4 and 5). */
export function dataAccessRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  holderRoutes(scope, deps);
  userRoutes(scope, deps);
}

function holderRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.put(
    "/things/:id/access",
    {
      config: allow("trader", "thing.access"),
      schema: {
        summary: "Whose data a Thing's are; what a user before had through it ends",
        params: IdParams,
        body: ThingAccessBody,
        response: { 200: answer<ThingResource>("The Thing.", answers.Thing) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const set = () => deps.dataAccess.set(id, request.body);
      return thingResource(await audited(deps, request, id, set), deps);
    },
  );

  app.get(
    "/refusals",
    {
      config: allow("viewer"),
      schema: {
        summary: "What was refused, here and by others, with reason, article and signature",
        response: {
          200: answer<readonly RefusalResource[]>("The newest first.", Type.Array(answers.Refusal)),
        },
      },
    },
    async () => deps.dataAccess.refusals(),
  );
}

/** With the secrets comes all that came without them: that stream would come twice. */
async function replaceEarlier(deps: ApiDeps, made: Agreement, by: string): Promise<void> {
  const earlier = (await deps.agreements.list()).filter(
    ({ id, role, state, provider, product }) =>
      id !== made.id &&
      role === "consumer" &&
      state === "active" &&
      provider === made.provider &&
      product === made.product,
  );
  for (const { id } of earlier) await deps.agreements.revoke(id, by);
}

function userRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const didOf = async (provider: string): Promise<string> =>
    peerNames(deps.node, await deps.peers.list())(provider);
  app.post(
    "/access-requests",
    {
      config: allow("trader", "access.request"),
      schema: {
        summary: "Ask for the data of your Thing, for this node (agreed at once) or a third party",
        body: AccessRequestBody,
        response: { 201: answer<AccessGranted>("Granted.", answers.AccessGranted) },
      },
    },
    async (request, reply) => {
      const { provider: named, thing, for: thirdParty, measures } = request.body;
      if (thirdParty !== undefined && measures !== undefined) {
        const problem = "a third party attests its measures itself, when it agrees";
        throw new ComityError("BODY_INVALID", { problem });
      }
      const attested = attestationIn(measures === undefined ? {} : { measures });
      const granted = await audited(deps, request, thing, async () => {
        const provider = await didOf(named);
        const asked = { provider, thing, for: thirdParty, measures };
        const found = await deps.dataAccess.ask(asked);
        if (thirdParty !== undefined) return found;
        const needed = found.tradeSecrets && attested;
        const made = await deps.agreements.agree(found.offer, provider, {}, needed);
        if (needed) await replaceEarlier(deps, made, nameOfPrincipal(callerOf(request)));
        return { ...found, agreement: made.id };
      });
      return reply.code(201).send(granted);
    },
  );

  app.post(
    "/access-withdrawals",
    {
      config: allow("trader", "access.withdraw"),
      schema: {
        summary: "A third party hears no more of your Thing; its agreement ends now",
        body: AccessWithdrawalBody,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { provider, thing, for: thirdParty } = request.body;
      await audited(deps, request, `${thing} for ${thirdParty}`, async () =>
        deps.dataAccess.withdraw({ provider: await didOf(provider), thing, for: thirdParty }),
      );
      return reply.code(204).send(null);
    },
  );
}
