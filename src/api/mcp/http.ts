import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import type { McpHttpHandler } from "@modelcontextprotocol/server";
import { ComityHttp } from "../../client/http.ts";
import type { Fetch } from "../../client/http-caller.ts";
import { ComityError } from "../../kernel/errors.ts";
import { isLoopback } from "../../kernel/loopback.ts";
import { Quotas } from "../../kernel/quotas.ts";
import { nameOfPrincipal } from "../../things/access.ts";
import type { ApiDeps } from "../deps.ts";
import { allow, callerOf } from "../guard.ts";

const bodyBytesMax = 262_144;
/** Calls that one caller may have under way; each may wait for a stream. */
const callsPerCallerMax = 8;
const subscriptionsMax = 50;

/**
 * Streamable HTTP at `/mcp`. Each request is answered by a server of its own, so there is no
 * session to steal, to limit or to lose at a restart. The guard has checked token and Origin.
 */
export function agentRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const calls = new Quotas();
  let loading: Promise<McpHttpHandler> | undefined;
  const handler = () => (loading ??= loadHandler(scope, deps));
  scope.addHook("preClose", async () => {
    await (await loading)?.close();
  });
  scope.route({
    method: ["GET", "POST", "DELETE"],
    url: "/mcp",
    bodyLimit: bodyBytesMax,
    config: allow("viewer"),
    schema: { hide: true },
    onRequest: async (request) => requireKnownHost(request, deps),
    handler: async (request, reply) => {
      const caller = nameOfPrincipal(callerOf(request));
      if (!calls.take(caller, callsPerCallerMax)) {
        const what = `calls of ${caller} at a time`;
        throw new ComityError("LIMIT_REACHED", { limit: callsPerCallerMax, what });
      }
      reply.raw.once("close", () => calls.giveBack(caller));
      return answer(await handler(), request, reply);
    },
  });
}

/** Loaded at the first call: a node without agents does without what it needs. */
async function loadHandler(app: FastifyInstance, deps: ApiDeps): Promise<McpHttpHandler> {
  const { createMcpHandler } = await import("@modelcontextprotocol/server");
  const { agentServer } = await import("./agent-server.ts");
  const { version } = deps.node;
  const options = { maxSubscriptions: subscriptionsMax, maxRequestBodySize: bodyBytesMax };
  return createMcpHandler(({ requestInfo }) => {
    const authorization = requestInfo?.headers.get("authorization") ?? undefined;
    const from = requestInfo?.headers.get(callerAddress) ?? "";
    const fetch = fetchWithin(app, from);
    const token = authorization?.replace(/^Bearer +/i, "");
    const url = deps.node.httpUrl();
    const node = new ComityHttp(token === undefined ? { url, fetch } : { url, fetch, token });
    return agentServer({ node, version });
  }, options);
}

/** From where the call came, so that the API treats the tools' own calls alike. */
const callerAddress = "x-comity-caller";

async function answer(
  handler: McpHttpHandler,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const headers = new Headers({ [callerAddress]: request.ip });
  for (const [name, value] of Object.entries(request.headers)) {
    if (name === callerAddress || value === undefined) continue;
    headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const url = `http://${request.host}${request.url}`;
  const { method, body } = request;
  // the body goes along parsed; a request of its own that holds it says that there is one
  const given = method === "POST" ? { body: JSON.stringify(body ?? null) } : {};
  const asked = new Request(url, { method, headers, signal: gone.signal, ...given });
  const answered = await handler.fetch(asked, method === "POST" ? { parsedBody: body } : {});
  void reply.code(answered.status);
  for (const [name, value] of answered.headers) void reply.header(name, value);
  if (answered.body === null) return reply.send();
  return reply.send(Readable.fromWeb(answered.body));
}

/** A call of the node to its own API: every check of the API's door, and no socket. */
function fetchWithin(app: FastifyInstance, remoteAddress: string): Fetch {
  return async (url, init) => {
    const { body, signal } = init;
    const answered = await app.inject({
      method: (init.method ?? "GET") as "GET",
      url: `${url.pathname}${url.search}`,
      headers: { ...(init.headers as Record<string, string>), host: url.host },
      ...(typeof body === "string" && { payload: body }),
      ...(remoteAddress !== "" && { remoteAddress }),
      ...(signal && { signal }),
      payloadAsStream: true,
    });
    const stream = answered.stream();
    const { statusCode: status } = answered;
    const headers = new Headers();
    for (const [name, value] of Object.entries(answered.headers)) {
      if (value !== undefined) headers.set(name, String(value));
    }
    if (status === 204) stream.resume();
    const content = status === 204 ? null : (Readable.toWeb(stream) as ReadableStream);
    return new Response(content, { status, headers });
  };
}

/**
 * MCP 2025-11-25 §Transports, Security Warning: a page whose name was rebound to this machine
 * keeps that name in Host, so a name that is not this node's own is refused; an address is not
 * a name.
 */
function requireKnownHost(request: FastifyRequest, { node }: ApiDeps): void {
  const host = request.hostname.replace(/^\[|\]$/g, "");
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  const own = [node.httpUrl(), node.publicUrl].map((url) => url && new URL(url).hostname);
  if (isAddress || host === "localhost" || isLoopback(host) || own.includes(host)) return;
  const act = "come in: that name is not this node's (--public-url says its name)";
  throw new ComityError("FORBIDDEN", { who: `A request to the host ${host}`, act });
}
