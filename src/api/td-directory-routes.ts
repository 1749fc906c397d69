import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { ComityError } from "../kernel/errors.ts";
import { nameOfPrincipal } from "../things/access.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiLimits } from "./limits.ts";
import { directoryTd } from "./directory-td.ts";
import { allow, callerOf } from "./guard.ts";
import { answerProblem, sendProblem } from "./problem-details.ts";
import type { StreamClients } from "./stream-clients.ts";
import { tdEventRoutes } from "./td-event-routes.ts";

const limitMax = 1_000;
const hidden = { schema: { hide: true } };
const discovery = "https://www.w3.org/2022/wot/discovery";
const Id = Type.Object({ id: Type.String({ maxLength: 2_048 }) });
const whole = Type.String({ pattern: "^\\d{1,9}$" });
const Page = Type.Object({
  offset: Type.Optional(whole),
  limit: Type.Optional(whole),
  format: Type.Optional(Type.Union([Type.Literal("array"), Type.Literal("collection")])),
  sort_by: Type.Optional(Type.String()),
  sort_order: Type.Optional(Type.String()),
});

/**
 * The Thing Description Directory (W3C WoT Discovery §7.2) at the addresses that the Recommendation
 * gives it, beside `/api/v1` and with the same tokens and roles.
 */
export function tdDirectoryRoutes(
  scope: FastifyInstance,
  deps: ApiDeps,
  clients: StreamClients,
  limits: ApiLimits,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { directory, search } = deps.wot;
  app.setErrorHandler(answerProblem);
  app.removeAllContentTypeParsers();
  // as text: a member that is said twice is seen there only
  const types = /^application\/(td\+json|ld\+json|json|merge-patch\+json)(;|$)/i;
  app.addContentTypeParser(types, { parseAs: "string" }, (_request, body, done) => {
    done(null, body);
  });

  // Introduction by a well-known URI (WoT Discovery §6.2); it tells no more than where to ask
  app.get("/.well-known/wot", { config: allow("open"), ...hidden }, async (_request, reply) => {
    void reply.type("application/td+json");
    return directoryTd(deps.node, deps.wot.address().httpUrl);
  });

  app.get(
    "/things",
    { config: allow("viewer"), schema: { ...hidden.schema, querystring: Page } },
    async (request, reply) => {
      const { query } = request;
      if (query.sort_by !== undefined || query.sort_order !== undefined) {
        // WoT Discovery §7.2.2.1.5: MUST reject custom sorting where it is not supported
        throw invalid("sorting is by id, ascending, and by nothing else");
      }
      const offset = Number(query.offset ?? 0);
      const asked = query.limit === undefined ? limitMax : Number(query.limit);
      if (asked < 1) throw invalid("limit is a positive integer");
      const limit = Math.min(asked, limitMax);
      const { members, total, etag } = await directory.page(offset, limit);
      const format = query.format === "collection" ? "&format=collection" : "";
      const at = (from: number): string => `/things?offset=${from}&limit=${limit}${format}`;
      const next = offset + limit < total ? at(offset + limit) : undefined;
      const links = [`</things>; rel="canonical"; etag="${etag}"`];
      if (next !== undefined) links.unshift(`<${next}>; rel="next"`);
      void reply.type("application/ld+json").header("link", links);
      if (format === "") return members;
      const type = "ThingCollection";
      const told = { "@context": discovery, "@type": type, "@id": at(offset), total, members };
      return next === undefined ? told : { ...told, next };
    },
  );

  app.post(
    "/things",
    { config: allow("operator", "td.register"), bodyLimit: limits.tdBytesMax, ...hidden },
    async (request, reply) => {
      const id = await directory.addAnonymous(textOf(request));
      const location = `/things/${encodeURIComponent(id)}`;
      return reply.code(201).header("location", location).send();
    },
  );

  app.get(
    "/things/:id",
    { config: allow("viewer"), schema: { ...hidden.schema, params: Id } },
    async (request, reply) => {
      const { id } = request.params;
      const td = await directory.get(id);
      if (td === undefined) throw notFound(id);
      const registration = td["registration"] as object;
      const retrieved = new Date(deps.clock.now()).toISOString();
      void reply.type("application/td+json");
      return { ...td, registration: { ...registration, retrieved } };
    },
  );

  app.put(
    "/things/:id",
    {
      config: allow("operator", "td.put"),
      bodyLimit: limits.tdBytesMax,
      schema: { ...hidden.schema, params: Id },
    },
    async (request, reply) => {
      const { id } = request.params;
      const put = () => directory.put(id, textOf(request));
      const done = await onRecord(request, id, put);
      return reply.code(done === "created" ? 201 : 204).send();
    },
  );

  app.patch(
    "/things/:id",
    {
      config: allow("operator", "td.patch"),
      bodyLimit: limits.tdBytesMax,
      schema: { ...hidden.schema, params: Id },
    },
    async (request, reply) => {
      const { id } = request.params;
      // WoT Discovery §7.2.2.1.3: the request MUST be of this type
      if (!/^application\/merge-patch\+json(;|$)/i.test(request.headers["content-type"] ?? "")) {
        const problem = "a PATCH is application/merge-patch+json";
        return sendProblem(new ComityError("BODY_INVALID", { problem }), reply, 415);
      }
      const patch = jsonOf(request);
      await onRecord(request, id, () => directory.patch(id, patch));
      return reply.code(204).send();
    },
  );

  app.delete(
    "/things/:id",
    { config: allow("operator", "td.remove"), schema: { ...hidden.schema, params: Id } },
    async (request, reply) => {
      const { id } = request.params;
      await onRecord(request, id, () => directory.remove(id));
      return reply.code(204).send();
    },
  );

  app.get(
    "/search/jsonpath",
    {
      config: allow("viewer"),
      schema: {
        ...hidden.schema,
        querystring: Type.Object({ query: Type.Optional(Type.String()) }),
      },
    },
    async (request, reply) => {
      const found = await search.find(request.query.query ?? "");
      return reply
        .type("application/json")
        .serializer((text: unknown) => text as string)
        .send(found);
    },
  );

  // WoT Discovery §7.2.2: a client is told of an optional search that is not there
  app.get("/search/sparql", { config: allow("open"), ...hidden }, async () => {
    throw new ComityError("NOT_FOUND", { what: "search in", id: "SPARQL: ask /search/jsonpath" });
  });

  tdEventRoutes(app, directory, clients);
  methodsNotAllowed(app);

  /** A Thing of the node's own is changed on record; what is registered of others tells its events. */
  async function onRecord<T>(
    request: FastifyRequest,
    id: string,
    run: () => Promise<T>,
  ): Promise<T> {
    const own = deps.things.ofUrn(id);
    if (own === undefined) return run();
    const act = request.method === "DELETE" ? "thing.remove" : "thing.describe";
    return deps.audit.around(nameOfPrincipal(callerOf(request)), act, own.id, run);
  }
}

/** WoT Discovery §7.2.2: 405 where an address is there and does not know the method. */
function methodsNotAllowed(app: FastifyInstance): void {
  const others = [
    { url: "/things", method: ["PUT", "PATCH", "DELETE"], allowed: "GET, HEAD, POST" },
    { url: "/things/:id", method: ["POST"], allowed: "GET, HEAD, PUT, PATCH, DELETE" },
    { url: "/search/jsonpath", method: ["POST", "PUT", "PATCH", "DELETE"], allowed: "GET, HEAD" },
    { url: "/events", method: ["POST", "PUT", "PATCH", "DELETE"], allowed: "GET, HEAD" },
  ];
  for (const { url, method, allowed } of others) {
    app.route({
      ...{ url, method, config: allow("open"), ...hidden },
      handler: async (request, reply) => {
        const problem = `${url} knows ${allowed}, and not ${request.method}`;
        void reply.header("allow", allowed);
        return sendProblem(new ComityError("BODY_INVALID", { problem }), reply, 405);
      },
    });
  }
}

function textOf(request: FastifyRequest): string {
  if (typeof request.body === "string") return request.body;
  throw invalid("it has no body");
}

function jsonOf(request: FastifyRequest): unknown {
  try {
    return JSON.parse(textOf(request));
  } catch {
    throw invalid("its body is no JSON");
  }
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}

function notFound(id: string): ComityError {
  return new ComityError("NOT_FOUND", { what: "Thing Description", id });
}
