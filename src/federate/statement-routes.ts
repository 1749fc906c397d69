import { monthPattern } from "../kernel/clock.ts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { statementsPath } from "../settle/statements/exchange.ts";
import type { StatementExchange } from "../settle/statements/exchange.ts";

export interface StatementRoutesDeps {
  readonly statements: StatementExchange;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  readonly authenticatePeer: (request: FastifyRequest) => Promise<string>;
}

const OfMonth = Type.Object({
  month: Type.String({ pattern: monthPattern }),
});

/** A thousand lines, each disputed with a reason and files, and answered. */
const bytesMax = 8 * 1024 * 1024;

/** Where two nodes tell each other all they have of a statement. */
export async function statementRoutes(
  app: FastifyInstance,
  { statements, authenticatePeer }: StatementRoutesDeps,
): Promise<void> {
  // No body schema: validation that coerces or drops members would change what was signed.
  app.post(
    statementsPath,
    { bodyLimit: bytesMax, schema: { hide: true } },
    async (request): Promise<unknown> => {
      const from = await authenticatePeer(request);
      return statements.receive(from, request.body);
    },
  );
  app.get<{ Querystring: Static<typeof OfMonth> }>(
    statementsPath,
    { schema: { hide: true, querystring: OfMonth } },
    async (request): Promise<unknown> => {
      const from = await authenticatePeer(request);
      return statements.ofMonth(from, request.query.month);
    },
  );
}
