/**
 * The node's HTTP front: the API for its own people and programs, the world, and the console.
 *
 * In come requests with a user's or a Thing's token; each is checked (same origin, token, role),
 * put on the audit trail where it changes something, and handed to one room below through
 * `deps.ts`. Out go JSON, event streams and errors from the catalogue. A route decides nothing
 * about data, contracts or money itself. Other organisations' nodes come in through `federate`,
 * whose routes stand on the same server in a scope of their own.
 */
import swagger from "@fastify/swagger";
import { fastify, type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Value } from "typebox/value";
import { ComityError } from "../kernel/errors.ts";
import { isOver } from "../things/credentials.ts";
import { nameOfPrincipal } from "../things/access.ts";
import { accessRoutes } from "./access-routes.ts";
import { affordanceRoutes } from "./affordance-routes.ts";
import { agreementRoutes } from "./agreement-routes.ts";
import { priceRoutes } from "./price-routes.ts";
import { erasureRoutes } from "./erasure-routes.ts";
import { commissionApiRoutes } from "./commission-routes.ts";
import { recognitionRoutes } from "./recognition-routes.ts";
import { consoleRoutes } from "./console.ts";
import type { ApiDeps } from "./deps.ts";
import { apiLimits } from "./limits.ts";
import { dataAccessRoutes } from "./data-access-routes.ts";
import { answerError, notFound } from "./error-answer.ts";
import { allow, guardRoutes } from "./guard.ts";
import { historyRoutes } from "./history-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { linkRoutes } from "./link-routes.ts";
import { logRoutes } from "./log-routes.ts";
import { agentRoutes } from "./mcp/http.ts";
import { marketRoutes } from "./market-routes.ts";
import { shareDoor } from "./share/share-door.ts";
import { onboardingRoutes } from "./onboarding-routes.ts";
import { publishRoutes } from "./publish-routes.ts";
import { outputRoutes, sectorApis, sectorRoutes } from "./sector-routes.ts";
import { shareRoutes } from "./share/share-routes.ts";
import { retainedRoutes } from "./retained-routes.ts";
import { evidenceRoutes } from "./evidence-routes.ts";
import { settleRoutes } from "./settle-routes.ts";
import { ownerRoutes } from "./owner-routes.ts";
import { setoffApiRoutes } from "./setoff-routes.ts";
import { booksRoutes } from "./books-routes.ts";
import { invoiceRoutes } from "./invoice-routes.ts";
import { joinPieces } from "./join-pieces.ts";
import { spendingRoutes } from "./spending-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { seenRoutes } from "./seen-routes.ts";
import { StreamClients } from "./stream-clients.ts";
import { statusRoutes } from "./status-routes.ts";
import { StreamSockets } from "./stream-sockets.ts";
import { streamRoutes } from "./stream-routes.ts";
import { tdDirectoryRoutes } from "./td-directory-routes.ts";
import { thingRoutes } from "./thing-routes.ts";
import { negotiationRoutes } from "./negotiation-routes.ts";
import { metricsRoutes, topRoutes } from "./top-routes.ts";
import { transferRoutes } from "./transfer-routes.ts";
import { wantRoutes } from "./want-routes.ts";
import { WorldView } from "./world.ts";
import { worldRoutes } from "./world-routes.ts";

const closeGraceMs = 2_000;

/** A Fastify instance with the limits and headers every route of the node shares. */
export function createHttpServer(
  options: { logger?: FastifyBaseLogger; bodyBytesMax?: number } = {},
): FastifyInstance {
  const app: FastifyInstance = fastify({
    bodyLimit: options.bodyBytesMax ?? apiLimits.bodyBytesMax,
    routerOptions: { maxParamLength: 4096 },
    requestTimeout: 60_000,
    // a client that keeps its connection open and idle does not hold up the end
    forceCloseConnections: "idle",
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: { compilersFactory },
    ...(options.logger && { loggerInstance: options.logger }),
  });
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
  });
  app.addHook("preParsing", joinPieces);
  // what is still being answered gets this long, then the connection is cut
  app.addHook("preClose", async () => {
    setTimeout(() => app.server.closeAllConnections(), closeGraceMs).unref();
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(notFound);
  return app;
}

/** Registers `/api/v1`, `/sectors`, `/mcp`, `/comity/v1/overview` and `/`. */
export async function apiRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  const limits = { ...apiLimits, ...deps.limits };
  const clients = new StreamClients(limits, (caller) => isOver(caller, deps, deps.clock.now()));
  const world = new WorldView(deps, limits);
  const ends = [
    deps.things.onClosed((id) => clients.closeOf(`thing ${id}`)),
    deps.keys.onClosed((id) => clients.closeOf(`app ${id}`)),
    deps.users.onClosed((user) => clients.closeOf(nameOfPrincipal({ kind: "user", ...user }))),
  ];
  app.addHook("preClose", async () => {
    for (const end of ends) end();
    world.close();
    clients.close();
  });

  await app.register(async (api) => {
    await api.register(swagger, { openapi: openapiInfo(deps) });
    guardRoutes(api, deps);
    for (const routes of [
      statusRoutes,
      topRoutes,
      retainedRoutes,
      thingRoutes,
      dataAccessRoutes,
      marketRoutes,
      negotiationRoutes,
      transferRoutes,
      erasureRoutes,
      wantRoutes,
      linkRoutes,
      settleRoutes,
      spendingRoutes,
      evidenceRoutes,
      booksRoutes,
      setoffApiRoutes,
      ownerRoutes,
      priceRoutes,
      invoiceRoutes,
      logRoutes,
      historyRoutes,
      accessRoutes,
      sessionRoutes,
      keyRoutes,
      sectorRoutes,
      sectorApis,
      commissionApiRoutes,
      recognitionRoutes,
    ]) {
      await api.register(async (scope) => routes(scope, deps), { prefix: "/api/v1" });
    }
    await api.register(async (scope) => agreementRoutes(scope, deps, world), {
      prefix: "/api/v1",
    });
    await api.register(async (scope) => publishRoutes(scope, deps, limits), { prefix: "/api/v1" });
    const following = { deps, clients, sockets: new StreamSockets(app), limits };
    await api.register(async (scope) => streamRoutes(scope, following), { prefix: "/api/v1" });
    await api.register(async (scope) => onboardingRoutes(scope, deps, clients), {
      prefix: "/api/v1",
    });
    await api.register(async (scope) => seenRoutes(scope, deps, clients), { prefix: "/api/v1" });
    await api.register(async (scope) => metricsRoutes(scope, deps));
    await api.register(async (scope) => outputRoutes(scope, deps));
    await api.register(async (scope) => affordanceRoutes(scope, deps, clients, limits), {
      prefix: "/api/v1",
    });
    await api.register(async (scope) => tdDirectoryRoutes(scope, deps, clients, limits));
    await worldRoutes(api, deps, world, clients);
    await api.register(async (scope) => agentRoutes(scope, deps));
    await api.register(async (scope) => shareRoutes(scope, deps), { prefix: "/api/v1" });
    const openapi = { config: allow("open"), schema: { hide: true } };
    api.get("/api/v1/openapi.json", openapi, async () => api.swagger());
  });
  await app.register(async (scope) => shareDoor(scope, deps));
  await consoleRoutes(app, deps);
}

/** Of some hundred schemas a node meets few: the others cost neither time nor memory. */
const compiledAtFirstUse: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  let validator: Validator | undefined;
  return (given) => {
    // what stands in a path or a query is text, whatever it means
    const value: unknown = httpPart === "body" ? given : Value.Convert(schema, given);
    validator ??= Compile(schema);
    return validator.Check(value) ? { value } : { error: validator.Errors(value) };
  };
};
/** Fastify's types allow Ajv alone; said here, Ajv and what makes serializers are never loaded. */
const compilersFactory: object = {
  buildValidator: () => compiledAtFirstUse,
  // answers are written by this code alone; a serializer that drops members would hide mistakes
  buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
};

function openapiInfo(deps: ApiDeps) {
  return {
    openapi: "3.1.0",
    info: {
      title: `Comity node ${deps.node.name}`,
      description: "Things, products, agreements, streams, usage and statements of one node.",
      version: deps.node.version,
    },
    components: {
      securitySchemes: {
        bearer: {
          type: "http" as const,
          scheme: "bearer",
          description: "A user's token, or THING:TOKEN for a Thing.",
        },
      },
    },
    security: [{ bearer: [] }],
  };
}

/** Starts listening; PORT_BUSY names the port and the option that changes it. */
export async function listenHttp(
  app: FastifyInstance,
  address: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    return await app.listen(address);
  } catch (error) {
    const busy = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    if (busy) throw new ComityError("PORT_BUSY", { ...address, option: "--http" });
    throw error;
  }
}
