import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { setoffsPath } from "../settle/setoff/exchange.ts";
import type { SetoffExchange } from "../settle/setoff/exchange.ts";

export interface SetoffRoutesDeps {
  readonly setoffs: SetoffExchange;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  readonly authenticatePeer: (request: FastifyRequest) => Promise<string>;
}

const After = Type.Object({ after: Type.Integer({ minimum: 0, maximum: 999_999 }) });

/** A thousand statements. */
const bytesMax = 2 * 1024 * 1024;

/** Where two nodes set off what they owe each other. */
export async function setoffRoutes(
  app: FastifyInstance,
  { setoffs, authenticatePeer }: SetoffRoutesDeps,
): Promise<void> {
  // No body schema: validation that coerces or drops members would change what was signed.
  app.post(
    setoffsPath,
    { bodyLimit: bytesMax, schema: { hide: true } },
    async (request): Promise<unknown> => {
      const from = await authenticatePeer(request);
      return setoffs.receive(from, request.body);
    },
  );
  app.get<{ Querystring: Static<typeof After> }>(
    setoffsPath,
    { schema: { hide: true, querystring: After } },
    async (request): Promise<unknown> => {
      const from = await authenticatePeer(request);
      return setoffs.after(from, request.query.after);
    },
  );
}
