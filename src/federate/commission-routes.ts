import type { FastifyInstance } from "fastify";
import { canonicalHash } from "../kernel/canonical.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Commission } from "../market/commission/document.ts";

/** RFC 7515 §9.2.1 */
const signedType = "application/jose+json";

/** Where a version stands, for ever. */
export function commissionPath({
  sector,
  version,
}: Pick<Commission["document"], "sector" | "version">): string {
  return `/commissions/${sector}/${version}`;
}

/**
 * What this node has published, for everybody: a vocabulary is made to be read by who trades by it.
 * A version never changes; the lists of them do.
 */
export async function commissionRoutes(
  app: FastifyInstance,
  { commissions, did }: { readonly commissions: Commissions; readonly did: string },
): Promise<void> {
  const schema = { hide: true };
  const listOf = (published: readonly Commission[]) => ({
    issuer: did,
    vocabularies: published.map(({ hash, document }) => {
      const { sector, version, title } = document;
      return { sector, version, title, hash, path: commissionPath(document) };
    }),
  });
  app.get("/commissions", { schema }, async (request, reply) => {
    const list = listOf(commissions.published());
    const tag = entityTag(canonicalHash(list));
    reply.headers({ etag: tag, "cache-control": "no-cache" });
    return request.headers["if-none-match"] === tag ? reply.code(304).send() : list;
  });
  app.get<{ Params: { sector: string } }>(
    "/commissions/:sector",
    { schema },
    async ({ params: { sector } }, reply) => {
      const versions = commissions.versions(did, sector);
      if (versions.length === 0)
        throw new ComityError("NOT_FOUND", { what: "vocabulary", id: sector });
      reply.header("cache-control", "no-cache");
      return listOf(versions);
    },
  );
  app.get<{ Params: { sector: string; version: string } }>(
    "/commissions/:sector/:version",
    { schema },
    async (request, reply) => {
      const { sector, version } = request.params;
      const published = commissions.versions(did, sector);
      const found = published.find(({ document }) => document.version === version);
      const id = `${sector} ${version}`;
      if (!found) throw new ComityError("NOT_FOUND", { what: "vocabulary", id });
      const tag = entityTag(found.hash);
      reply.headers({ etag: tag, "cache-control": "public, max-age=31536000, immutable" });
      if (request.headers["if-none-match"] === tag) return reply.code(304).send();
      return reply.type(signedType).send(Buffer.from(JSON.stringify(found.signed)));
    },
  );
}

/** RFC 9110 §8.8.3 */
function entityTag(hash: string): string {
  return `"${hash}"`;
}
