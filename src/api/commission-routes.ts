import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  ChangeResource,
  CommissionDetail,
  CommissionResource,
  PublishedResource,
} from "../client/commissions.ts";
import { commissionPath } from "../federate/commission-routes.ts";
import { NewCommission, VersionText } from "../market/commission/document.ts";
import type { Sector } from "../sectors/sector.ts";
import { commissionName, toldChange, toldChanges, toldCommission } from "./commission-told.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, Name } from "./schemas.ts";

const NameParams = Type.Object({ name: commissionName });
const PackBody = Type.Object(
  { pack: Name, version: Type.Optional(VersionText) },
  { additionalProperties: false },
);
const PublishBody = Type.Union([PackBody, NewCommission]);

/** Vocabularies: published here, and of others. */
export function commissionApiRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { sectors, node } = deps;
  const { documents } = deps.commissions;
  app.get(
    "/commissions",
    {
      config: allow("viewer"),
      schema: {
        summary: "Vocabularies that are kept here, all versions",
        response: { 200: answer<readonly CommissionResource[]>("Vocabularies.") },
      },
    },
    async () => documents.list().map((one) => toldCommission(deps, one)),
  );
  app.post(
    "/commissions",
    {
      config: allow("owner", "commission.publish"),
      schema: {
        summary: "Sign and publish the next version of a vocabulary, or a sector's pack as one",
        body: PublishBody,
        response: { 201: answer<PublishedResource>("The version, and what it changes.") },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const wish = "pack" in body ? packOf(sectors.need(body.pack), body.version) : body;
      const publish = () => documents.publish(wish);
      const { commission, changes } = await audited(deps, request, wish.sector, publish);
      const url = `${node.publicUrl ?? node.httpUrl()}${commissionPath(commission.document)}`;
      const told = {
        commission: toldCommission(deps, commission),
        ...{ changes: changes.map(toldChange), url },
      };
      return reply.code(201).send(told);
    },
  );
  app.get(
    "/commissions/:name",
    {
      config: allow("viewer"),
      schema: {
        summary: "One vocabulary, with its signature",
        params: NameParams,
        response: { 200: answer<CommissionDetail>("The vocabulary.") },
      },
    },
    async ({ params: { name } }) => {
      const found = documents.need(name);
      const { document, signed } = found;
      return { ...toldCommission(deps, found), document, signed };
    },
  );
  app.get(
    "/commissions/:name/changes",
    {
      config: allow("viewer"),
      schema: {
        summary: "What it says otherwise than another, what breaks first",
        params: NameParams,
        querystring: Type.Object({ since: commissionName }),
        response: { 200: answer<readonly ChangeResource[]>("Changes.") },
      },
    },
    async ({ params: { name }, query: { since } }) => {
      return toldChanges(documents.need(since), documents.need(name));
    },
  );
}

/** What a sector's pack says, as a vocabulary; without a version it is the next. */
function packOf(sector: Sector, version: string | undefined): NewCommission {
  const { name, title, vocabulary, template } = sector;
  const indicators = Object.entries(sector.indicators).map(([indicator, kind]) => {
    const { title, unit, formula, source } = kind;
    return [indicator, { title, unit, formula, ...(source !== undefined && { source }) }];
  });
  // as JSON has it: manifests hold data alone where it is published
  const messages = structuredClone(vocabulary.messages) as NewCommission["messages"];
  const { product, terms } = structuredClone(template);
  return {
    ...{ sector: name, title, messages, indicators: Object.fromEntries(indicators) },
    template: { product: { ...product }, terms: { ...terms } },
    ...(version !== undefined && { version }),
  };
}
