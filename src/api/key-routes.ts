import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { AppKeyResource } from "../client/app-keys.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, graceMsOf, GraceBody, IdParams, Name } from "./schemas.ts";

const text = Type.String();
const filters = Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 100 });
const Key = Type.Object({
  id: text,
  publish: Type.Array(text),
  subscribe: Type.Array(text),
  expiresAt: Type.Optional(text),
  createdAt: text,
});
const KeyToken = Type.Object({ key: Key, token: text });
const KeyBody = Type.Object(
  {
    id: Name,
    publish: Type.Optional(filters),
    subscribe: Type.Optional(filters),
    expiresInSeconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 315_360_000, description: "Absent: it does not." }),
    ),
  },
  { additionalProperties: false },
);

type WithToken = { key: AppKeyResource; token: string };

/** Keys of apps: topics to publish and to follow, at the MQTT and the HTTP doors, nothing else. */
export function keyRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/keys",
    {
      config: allow("operator"),
      schema: {
        summary: "All app keys",
        response: { 200: answer<readonly AppKeyResource[]>("In order of id.", Type.Array(Key)) },
      },
    },
    async () => deps.keys.list(),
  );

  app.post(
    "/keys",
    {
      config: allow("operator", "key.add"),
      schema: {
        summary: "Add an app key; its token is told here and never again",
        body: KeyBody,
        response: { 201: answer<WithToken>("The key and its token.", KeyToken) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const made = await audited(deps, request, body.id, () => deps.keys.create(body));
      return reply.code(201).send(made);
    },
  );

  app.post(
    "/keys/:id/rotate",
    {
      config: allow("operator", "key.rotate"),
      schema: {
        summary: "A new token; the old one is good for the time of grace, an hour by default",
        params: IdParams,
        body: GraceBody,
        response: { 200: answer<WithToken>("The key and its new token.", KeyToken) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return audited(deps, request, id, () => deps.keys.rotate(id, graceMsOf(request.body)));
    },
  );

  app.delete(
    "/keys/:id",
    {
      config: allow("operator", "key.remove"),
      schema: {
        summary: "Remove an app key; its connections end",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => deps.keys.remove(id));
      return reply.code(204).send(null);
    },
  );
}
