import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  AcceptedDevice,
  ClaimResource,
  PendingDetail,
  PendingResource,
} from "../client/onboarding.ts";
import { nameOfPrincipal } from "../things/access.ts";
import type { Claim } from "../things/onboarding/claims.ts";
import type { PendingDevice } from "../things/onboarding/pending-device.ts";
import { describedTd } from "../things/wot/described.ts";
import { inferredTd } from "../things/wot/infer.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import * as schemas from "./onboarding-schemas.ts";
import { answer, IdParams } from "./schemas.ts";
import type { StreamClients } from "./stream-clients.ts";
import { thingResource } from "./thing-routes.ts";

const tellEveryMs = 1_000;

type Deps = Pick<ApiDeps, "onboarding" | "things">;

/** Claim codes, and the devices that came with them and wait for a decision. */
export function onboardingRoutes(
  scope: FastifyInstance,
  deps: ApiDeps,
  clients: StreamClients,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { onboarding } = deps;

  app.get(
    "/claims",
    {
      config: allow("operator"),
      schema: {
        summary: "Claim codes, those that ended within a week included; never the code itself",
        response: { 200: answer<ClaimResource[]>("Newest first.", Type.Array(schemas.Claim)) },
      },
    },
    async () => onboarding.claims.list().map((claim) => claimResource(claim, deps)),
  );

  app.post(
    "/claims",
    {
      config: allow("operator", "claim.create"),
      schema: {
        summary:
          "Make a claim code for devices that have no token; it is told here and never again",
        body: schemas.ClaimBody,
        response: {
          201: answer<{ claim: ClaimResource; code: string }>("The code.", schemas.ClaimCode),
        },
      },
    },
    async (request, reply) => {
      const { seconds = 3600, devicesMax = 1, topicPrefix } = request.body;
      const by = nameOfPrincipal(callerOf(request));
      const what = `for ${devicesMax} devices, ${seconds} s, topics ${topicPrefix ?? ""}#`;
      const made = await audited(deps, request, what, () =>
        onboarding.claims.create({ seconds, devicesMax, topicPrefix, by }),
      );
      return reply.code(201).send({ claim: claimResource(made.claim, deps), code: made.code });
    },
  );

  app.delete(
    "/claims/:id",
    {
      config: allow("operator", "claim.revoke"),
      schema: {
        summary: "Revoke a claim code: devices that wait by it are let go; Things it made stay",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => onboarding.revoke(id));
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/pending",
    {
      config: allow("operator"),
      schema: {
        summary: "Devices that came with a claim code and wait, with a sample of what they send",
        response: {
          200: answer<PendingResource[]>("Oldest first.", Type.Array(schemas.Pending)),
        },
      },
    },
    async () => onboarding.pending.list().map((device) => pendingResource(device, deps)),
  );

  app.get(
    "/pending/live",
    {
      config: allow("operator"),
      schema: { summary: "The same list, whenever it changed, as Server-Sent Events" },
    },
    (request, reply) => {
      let end = (): void => {};
      const client = clients.open(reply, () => end(), callerOf(request));
      let told = "";
      const tell = (): void => {
        const devices = onboarding.pending.list().map((device) => pendingResource(device, deps));
        const now = JSON.stringify(devices);
        if (now !== told) client.send("pending", now);
        told = now;
      };
      const timer = setInterval(tell, tellEveryMs);
      end = () => clearInterval(timer);
      tell();
    },
  );

  app.get(
    "/pending/:id",
    {
      config: allow("operator"),
      schema: {
        summary: "One of them, by id or by a name that only one has, with a drafted Description",
        params: IdParams,
        response: { 200: answer<PendingDetail>("The device.", schemas.PendingDetail) },
      },
    },
    async (request) => {
      const device = onboarding.pending.need(request.params.id);
      const card = pendingResource(device, deps);
      const { suggestedName: name, publish } = card;
      return { ...card, td: inferredTd({ id: name, title: name, publish }, device.samples()) };
    },
  );

  app.post(
    "/pending/:id/accept",
    {
      config: allow("operator", "pending.accept"),
      schema: {
        summary: "Make a Thing of it; its messages flow at once, and it is told its own token",
        params: IdParams,
        body: schemas.AcceptBody,
        response: { 201: answer<AcceptedDevice>("The Thing.", schemas.AcceptedDevice) },
      },
    },
    async (request, reply) => {
      const device = onboarding.pending.need(request.params.id);
      const {
        describe = false,
        name = onboarding.pending.suggestedName(device),
        ...wish
      } = request.body;
      const { claim } = device;
      const { listens, addresses } = pendingResource(device, deps);
      const what = `${device.name} of ${claim} (${addresses.join(", ")}) as ${name}`;
      const thing = await audited(deps, request, what, async () => {
        const { validator } = deps.wot;
        const { title = name, publish = device.filters(name) } = wish;
        const as = { id: name, title, publish };
        const drafted = describe ? inferredTd(as, device.samples()) : undefined;
        const address = deps.wot.address();
        const td = await describedTd({ td: drafted }, as, { validator, address });
        return onboarding.accept(device, { ...wish, name, td });
      });
      const until = onboarding.claims.need(claim).expiresAt;
      return reply.code(201).send({ thing: thingResource(thing, deps), listens, until });
    },
  );

  app.post(
    "/pending/:id/refuse",
    {
      config: allow("operator", "pending.refuse"),
      schema: {
        summary: "Refuse it: it is let go, and its code opens nothing to it any more",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const device = onboarding.pending.need(request.params.id);
      const { addresses } = pendingResource(device, deps);
      const what = `${device.name} of ${device.claim} (${addresses.join(", ")})`;
      await audited(deps, request, what, () => onboarding.refuse(device));
      return reply.code(204).send(null);
    },
  );
}

function claimResource(claim: Claim, { onboarding }: Deps): ClaimResource {
  const { claims, pending } = onboarding;
  return {
    ...claim,
    state: claims.stateOf(claim.id),
    accepted: claims.acceptedCount(claim.id),
    pending: pending.list().filter((device) => device.claim === claim.id).length,
  };
}

function pendingResource(device: PendingDevice, { onboarding, things }: Deps): PendingResource {
  const { id, claim, name, door, messages, outside, beyond } = device;
  const lines = onboarding.linesOf(device);
  const addresses = [...new Set([...device.addresses, ...lines.map(({ address }) => address)])];
  const suggestedName = onboarding.pending.suggestedName(device);
  const publish = device.filters(suggestedName);
  const shared = things.sharedTopic({ id: suggestedName, publish });
  return {
    ...{ id, claim, name, suggestedName, door, addresses, messages, outside, beyond },
    connected: lines.length > 0,
    listens: door === "HTTP" || lines.some((line) => line.listens()),
    firstAt: new Date(device.firstAt).toISOString(),
    lastAt: new Date(device.lastAt).toISOString(),
    topics: device.topics().map((one) => ({ ...one, at: new Date(one.at).toISOString() })),
    publish,
    ...(shared !== undefined && { shared }),
  };
}
