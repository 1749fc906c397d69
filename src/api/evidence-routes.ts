import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { EvidenceResource } from "../client/evidence.ts";
import type { ApiDeps } from "./deps.ts";
import { allow } from "./guard.ts";
import { answer } from "./schemas.ts";

const text = Type.String();
const Evidence = Type.Object({
  ...{ origin: text, size: Type.Integer(), keys: Type.Array(text) },
  checkpoint: Type.Optional(text),
  witnesses: Type.Array(Type.Object({ did: text, name: text, size: Type.Integer(), at: text })),
  conflicts: Type.Array(
    Type.Object({
      origin: text,
      what: Type.Union([Type.Literal("shrank"), Type.Literal("forked")]),
      ...{ at: text, known: text, shown: text },
    }),
  ),
});
const Which = Type.Object(
  {
    agreement: Type.String({ maxLength: 512 }),
    receipt: Type.Optional(Type.Integer({ minimum: 1, description: "Absent: the agreement." })),
  },
  { additionalProperties: false },
);

/** The log of what was signed, for the organisation's own people; peers have doors of theirs. */
export function evidenceRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/evidence",
    {
      config: allow("viewer"),
      schema: {
        summary: "The log of what was signed: its size, its last checkpoint, who has witnessed it",
        response: { 200: answer<EvidenceResource>("The log.", Evidence) },
      },
    },
    async () => deps.evidence.state(),
  );

  app.get(
    "/evidence/proof",
    {
      config: allow("viewer"),
      schema: {
        summary: "A file that proves that an agreement or a receipt stands in the log",
        description: "`comity verify` checks it, offline (c2sp.org/tlog-proof).",
        querystring: Which,
        response: { 200: answer<{ proof: string }>("The file.", Type.Object({ proof: text })) },
      },
    },
    async (request) => {
      const { agreement, receipt } = request.query;
      return { proof: await deps.evidence.prove(agreement, receipt) };
    },
  );
}
