import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { Type } from "typebox";
import { type HistoryRequest, historyQueryFrom, type LineLimits } from "../flow/history/request.ts";
import { begun, historyFormatOf, historyText, historyTypes } from "../flow/history/text.ts";
import { historyFunctions } from "../flow/history/windows.ts";
import { ComityError } from "../kernel/errors.ts";
import { maySubscribe, nameOfPrincipal } from "../things/access.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, callerOf } from "./guard.ts";

/** A table is an export: it has no place for a cursor. */
const limits = {
  ndjson: { linesDefault: 10_000, linesMax: 10_000_000 },
  csv: { linesDefault: 10_000_000, linesMax: 10_000_000 },
} as const satisfies Record<string, LineLimits>;

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 8192 }));
const Time = Type.Optional(
  Type.String({ description: "2026-11-23T06:00:00Z, 2026-11-23, or how long ago: 24h" }),
);
const Question = Type.Object({
  filter: Type.Optional(Type.String({ description: "A topic filter (write # as %23)" })),
  log: text,
  cursor: text,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.ndjson.linesMax })),
});
const field = Type.Optional(Type.String({ description: "The member whose number counts: a.b" }));

/** Readings of logged streams by time and topic, one line each, as they are read. */
export function historyRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/history",
    {
      config: allow("known"),
      schema: {
        summary: "Readings of logged streams by time: as they are, in windows, or for a chart",
        querystring: Type.Object({
          ...Question.properties,
          ...{ from: Time, to: Time, field },
          fn: Type.Optional(Type.Union(historyFunctions.map((name) => Type.Literal(name)))),
          step: Type.Optional(Type.String({ description: "Length of a window: 15m" })),
          points: Type.Optional(Type.Integer({ minimum: 2, maximum: 2000 })),
        }),
      },
    },
    (request, reply) => answer(deps, request, reply, request.query),
  );

  app.get(
    "/history/last",
    {
      config: allow("known"),
      schema: {
        summary: "The latest reading of each topic",
        querystring: Type.Object({ ...Question.properties, field }),
      },
    },
    (request, reply) => answer(deps, request, reply, { ...request.query, fn: "last" }),
  );
}

async function answer(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: HistoryRequest,
): Promise<FastifyReply> {
  const format = historyFormatOf(request.headers.accept);
  const query = historyQueryFrom(asked, deps.clock.now(), limits[format]);
  const caller = callerOf(request);
  if (!maySubscribe(caller, query.filter)) {
    const who = nameOfPrincipal(caller);
    throw new ComityError("FORBIDDEN", { who, act: `read the history of ${query.filter}` });
  }
  const pieces = await begun(historyText(deps.history.lines(query), format, query));
  void reply.type(historyTypes[format]).header("cache-control", "private, no-store");
  return reply.send(Readable.from(pieces));
}
