import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { AddedThing, ThingResource } from "../client/thing-resource.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Thing, Things } from "../things/directory.ts";
import type { Principal } from "../things/access.ts";
import { inferredTd, type Sample } from "../things/wot/infer.ts";
import { measureWarnings } from "../things/wot/measure-warnings.ts";
import { describedTd } from "../things/wot/described.ts";
import { thingDescription } from "../things/wot/thing-description.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import { answer, GraceBody, graceMsOf, IdParams, TdBody, ThingBody } from "./schemas.ts";

const inferSeconds = 10;
const samplesMax = 1_000;
const sampleBytesMax = 16_384;
const InferParams = Type.Object({
  seconds: Type.Optional(Type.Number({ minimum: 0.1, maximum: 60 })),
});
const neither = "it has neither td nor model";

type WithToken = { thing: ThingResource; token: string };

export function thingRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { things } = deps;
  const describing = () => ({ validator: deps.wot.validator, address: deps.wot.address() });

  app.get(
    "/things",
    {
      config: allow("viewer"),
      schema: {
        summary: "All Things",
        response: { 200: answer<ThingResource[]>("In order of id.", Type.Array(answers.Thing)) },
      },
    },
    async () => things.list().map((thing) => thingResource(thing, deps)),
  );

  app.post(
    "/things",
    {
      config: allow("operator", "thing.add"),
      schema: {
        summary: "Add a Thing; its token is told here and never again",
        body: ThingBody,
        response: { 201: answer<AddedThing>("The Thing and its token.", answers.ThingAdded) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const { name, title = name, publish } = body;
      const thing = { id: name, title, ...(publish && { publish }) };
      const td = await describedTd(body, thing, describing());
      const made = await audited(deps, request, body.name, () => things.create({ ...body, td }));
      const warnings = measureWarnings(td ?? { properties: body.properties });
      return reply.code(201).send({
        thing: thingResource(made.thing, deps),
        token: made.token,
        ...(warnings.length > 0 && { warnings }),
      });
    },
  );

  app.get(
    "/things/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "A Thing's W3C Thing Description 1.1",
        params: IdParams,
        response: { 200: answer<Record<string, unknown>>("A Thing Description.") },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const thing = needThing(things, id);
      void reply.type("application/td+json"); // TD 1.1 §11.1
      return thingDescription(thing, deps.wot.address());
    },
  );

  app.put(
    "/things/:id/td",
    {
      config: allow("operator", "thing.describe"),
      schema: {
        summary: "Another Thing Description; its token and topics stay",
        params: IdParams,
        body: TdBody,
        response: { 200: answer<Record<string, unknown>>("The whole Thing Description.") },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const thing = needThing(things, id);
      const td = await describedTd(request.body, thing, describing());
      if (td === undefined) throw new ComityError("BODY_INVALID", { problem: neither });
      const described = await audited(deps, request, id, () => things.describe(id, td));
      void reply.type("application/td+json");
      return thingDescription(described, deps.wot.address());
    },
  );

  app.post(
    "/things/:id/infer",
    {
      config: allow("operator"),
      schema: {
        summary: "A Thing Description drafted from what the Thing publishes meanwhile",
        params: IdParams,
        querystring: InferParams,
        response: { 200: answer<Record<string, unknown>>("A draft; nothing is kept.") },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { seconds = inferSeconds } = request.query;
      const thing = needThing(things, id);
      const samples = await samplesOf(thing, deps.streams, callerOf(request), seconds);
      if (samples.length === 0) throw new ComityError("THING_SILENT", { id, seconds });
      return inferredTd(thing, samples);
    },
  );

  app.delete(
    "/things/:id",
    {
      config: allow("operator", "thing.remove"),
      schema: {
        summary: "Remove a Thing; its connections end",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => things.remove(id));
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/things/:id/rotate",
    {
      config: allow("operator", "thing.rotate"),
      schema: {
        summary: "A new token; the old one is good for the time of grace, an hour by default",
        params: IdParams,
        body: GraceBody,
        response: { 200: answer<WithToken>("The Thing and its new token.", answers.ThingToken) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const made = await audited(deps, request, id, () =>
        things.rotate(id, graceMsOf(request.body)),
      );
      return { thing: thingResource(made.thing, deps), token: made.token };
    },
  );
}

/** What comes within the time, retained messages first, and no more than enough to draft from. */
async function samplesOf(
  thing: Thing,
  streams: ApiDeps["streams"],
  caller: Principal,
  seconds: number,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const enough = Promise.withResolvers<void>();
  const timer = setTimeout(() => enough.resolve(), seconds * 1000);
  const ends = thing.publish.map((filter) =>
    streams.subscribe(caller, filter, ({ topic, payload }) => {
      if (payload.length <= sampleBytesMax) samples.push({ topic, payload: Buffer.from(payload) });
      if (samples.length >= samplesMax) enough.resolve();
    }),
  );
  await enough.promise;
  clearTimeout(timer);
  for (const end of ends) end();
  return samples;
}

/** NOT_FOUND where there is none of that name. */
export function needThing(things: Things, id: string): Thing {
  const thing = things.get(id);
  if (!thing) throw new ComityError("NOT_FOUND", { what: "Thing", id });
  return thing;
}

/** A Thing as it travels. */
export function thingResource(
  thing: Thing,
  { things, wot }: Pick<ApiDeps, "things" | "wot">,
): ThingResource {
  const { id, title, kind, place, publish, subscribe, certificate, access, createdAt } = thing;
  const seen = things.seen.of(id);
  const flagged = wot.readings.flagged(thing);
  return {
    id,
    title,
    kind,
    ...(place && { place }),
    publish,
    subscribe,
    ...(certificate && { certificate }),
    ...(access && { access }),
    createdAt,
    ...(seen && { lastAt: seen.at, last: seen.summary }),
    ...(flagged.length > 0 && { flagged }),
  };
}
