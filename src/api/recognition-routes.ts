import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { RecognitionResource } from "../client/commissions.ts";
import { ComityError } from "../kernel/errors.ts";
import { SectorName } from "../market/commission/document.ts";
import type { Recognition } from "../market/commission/recognitions.ts";
import { commissionName, toldRecognition } from "./commission-told.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer } from "./schemas.ts";

const NameParams = Type.Object({ name: commissionName });
const RecogniseBody = Type.Object(
  {
    issuer: Type.String({
      ...{ minLength: 1, maxLength: 2_048 },
      description: "A DID, a peer's name, or the address of its node.",
    }),
    sector: SectorName,
  },
  { additionalProperties: false },
);

/** Whose vocabularies this node takes, and up to which version. */
export function recognitionRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { recognitions, issuers } = deps.commissions;
  const told = (recognition: Recognition) => toldRecognition(deps, recognition);
  app.get(
    "/recognitions",
    {
      config: allow("viewer"),
      schema: {
        summary: "Whose vocabularies count here, and what they have published since",
        response: { 200: answer<readonly RecognitionResource[]>("Recognitions.") },
      },
    },
    async () => recognitions.list().map(told),
  );
  app.post(
    "/recognitions",
    {
      config: allow("owner", "commission.recognise"),
      schema: {
        summary: "Take a participant's word about a sector, as it stands now",
        body: RecogniseBody,
        response: { 201: answer<RecognitionResource>("The recognition.") },
      },
    },
    async (request, reply) => {
      const { issuer, sector } = request.body;
      const recognise = () => issuers.recognise(issuer, sector);
      const made = await audited(deps, request, `${issuer} ${sector}`, recognise);
      return reply.code(201).send(told(made));
    },
  );
  app.post(
    "/recognitions/check",
    {
      config: allow("operator", "commission.check"),
      schema: {
        summary: "Ask all of them what they publish now",
        response: { 200: answer<readonly RecognitionResource[]>("Recognitions.") },
      },
    },
    async (request) => {
      await audited(deps, request, "all", () => issuers.check());
      return recognitions.list().map(told);
    },
  );
  app.post(
    "/recognitions/:name/update",
    {
      config: allow("owner", "commission.update"),
      schema: {
        summary: "Accept the version that waits",
        params: NameParams,
        response: { 200: answer<RecognitionResource>("The recognition.") },
      },
    },
    async (request) => {
      const { name } = request.params;
      const update = () => recognitions.accept(needRecognition(deps, name));
      return told(await audited(deps, request, name, update));
    },
  );
  app.delete(
    "/recognitions/:name",
    {
      config: allow("owner", "commission.forget"),
      schema: {
        summary: "Take its word no more; what was marked by it stands, and counts no more",
        params: NameParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const forget = async () => recognitions.forget(needRecognition(deps, name));
      await audited(deps, request, name, forget);
      return reply.code(204).send(null);
    },
  );
}

/** By `[issuer/]sector`; the issuer by DID or name, and needed where there are several. */
function needRecognition({ commissions, peers }: ApiDeps, name: string): Recognition {
  const [, issuer, sector = ""] = /^(?:(.+)\/)?([^/]*)$/.exec(name) ?? [];
  const fitting = commissions.recognitions.list().filter((one) => {
    const isTheirs =
      issuer === undefined || [one.issuer, peers.nameOf(one.issuer)].includes(issuer);
    return isTheirs && one.sector === sector;
  });
  const [found, another] = fitting;
  if (found === undefined) throw new ComityError("NOT_FOUND", { what: "recognition", id: name });
  if (another === undefined) return found;
  const names = fitting.map((one) => peers.nameOf(one.issuer));
  const problem = `${name} is recognised of ${names.join(" and ")}: say ${names[0]}/${name}`;
  throw new ComityError("BODY_INVALID", { problem });
}
