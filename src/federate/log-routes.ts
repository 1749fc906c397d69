import type { FastifyInstance, FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";
import type { EvidenceLog } from "../settle/evidence-log/evidence-log.ts";
import { type WitnessBook, witnessPath } from "../settle/evidence-log/witness-book.ts";
import { tileAt } from "../wire/tlog/tile.ts";

export interface LogRoutesDeps {
  readonly log: EvidenceLog;
  readonly witness: WitnessBook;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  authenticatePeer(request: FastifyRequest): Promise<string>;
}

const prefix = "/comity/v1/log";
const bytesMax = 256 * 1024;
const hidden = { schema: { hide: true } };

/**
 * The log as c2sp.org/tlog-tiles serves it: its checkpoint and the hashes in its tiles, to
 * everybody. Entries are none of the public's: who has the document makes the entry from it.
 */
export async function logRoutes(app: FastifyInstance, deps: LogRoutesDeps): Promise<void> {
  const { log } = deps;
  app.get(`${prefix}/checkpoint`, hidden, async (_request, reply) => {
    const { checkpoint } = log;
    if (checkpoint === undefined) throw nothing("checkpoint", log.origin);
    reply.header("cache-control", "max-age=1");
    return reply.type("text/plain; charset=utf-8").send(checkpoint);
  });
  app.get(`${prefix}/keys`, hidden, async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send(`${log.verifierKeys.join("\n")}\n`),
  );
  app.get<{ Params: { "*": string } }>(`${prefix}/tile/*`, hidden, async (request, reply) => {
    const path = request.params["*"];
    const tile = tileAt(path);
    const hashes = tile && (await log.tile(tile));
    if (hashes === undefined) throw nothing("tile", path);
    reply.header("cache-control", "public, max-age=31536000, immutable");
    return reply.type("application/octet-stream").send(hashes);
  });
  app.post(witnessPath, { bodyLimit: bytesMax, ...hidden }, async (request): Promise<unknown> => {
    const from = await deps.authenticatePeer(request);
    return deps.witness.witness(from, request.body);
  });
}

function nothing(what: string, id: string): ComityError {
  return new ComityError("NOT_FOUND", { what: `${what} of the evidence log`, id });
}
