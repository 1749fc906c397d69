import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Readable } from "node:stream";
import { Type } from "typebox";
import type { LogLine, LogResource } from "../client/resources.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import type { LogRow } from "./streams-api.ts";
import { allow } from "./guard.ts";
import { payloadText } from "../flow/payload-text.ts";
import { answer, RestParams } from "./schemas.ts";

const linesDefault = 1_000;
const linesMax = 1_000_000;

export function logRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/logs",
    {
      config: allow("viewer"),
      schema: {
        summary: "The logs of logged streams, own and received",
        response: { 200: answer<readonly LogResource[]>("Logs.", Type.Array(answers.Log)) },
      },
    },
    async () => deps.logs.list(),
  );

  app.get(
    "/logs/*",
    {
      config: allow("viewer"),
      schema: {
        summary: "Messages of one log from a position on, as newline-delimited JSON",
        params: RestParams,
        querystring: Type.Object({
          after: Type.Optional(Type.Integer({ minimum: 0 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: linesMax })),
        }),
      },
    },
    async (request, reply) => {
      const { after = 0, limit = linesDefault } = request.query;
      const rows = deps.logs.read(request.params["*"], after, limit)[Symbol.asyncIterator]();
      // the first row is read before the answer's head goes out, so that errors have their status
      const first = await rows.next();
      void reply.type("application/x-ndjson; charset=utf-8");
      return reply.send(Readable.from(ndjson(first, rows)));
    },
  );
}

async function* ndjson(
  first: IteratorResult<LogRow>,
  rows: AsyncIterator<LogRow>,
): AsyncGenerator<string> {
  let next = first;
  try {
    while (next.done !== true) {
      const { position, at, topic, payload } = next.value;
      const line: LogLine = { position, at, topic, ...payloadText(payload) };
      yield `${JSON.stringify(line)}\n`;
      next = await rows.next();
    }
  } finally {
    if (next.done !== true) await rows.return?.();
  }
}
