import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  FigureResource,
  IndicatorResource,
  SectorResource,
  SourceResource,
} from "../client/sectors.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import { goals } from "../sectors/goals.ts";
import type { Audited, Sector } from "../sectors/sector.ts";
import { hasRole, maySubscribe, nameOfPrincipal } from "../things/access.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import { answer, IdParams, Name } from "./schemas.ts";
import { IndicatorBody, SourceBody } from "./sector-schemas.ts";

/** What sectors there are, and what of them is at work here. */
export function sectorRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { sectors } = deps;
  app.get(
    "/sectors",
    {
      config: allow("viewer"),
      schema: {
        summary: "Sectors: vocabulary, product template, native formats, indicators",
        response: { 200: answer<readonly SectorResource[]>("Sectors.") },
      },
    },
    async () => sectors.list().map(resourceOf),
  );
  app.get(
    "/sectors/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "One sector",
        params: IdParams,
        response: { 200: answer<SectorResource>("The sector.") },
      },
    },
    async ({ params: { id } }) => resourceOf(sectors.need(id)),
  );

  app.get(
    "/sources",
    {
      config: allow("viewer"),
      schema: {
        summary: "What comes in by native formats, and how it goes",
        response: { 200: answer<readonly SourceResource[]>("Sources.") },
      },
    },
    async () => sectors.sources.list(),
  );
  app.post(
    "/sources",
    {
      config: allow("operator", "source.add"),
      schema: {
        summary: "Read a native format from now on; a file of the node's machine: owners alone",
        body: SourceBody,
        response: { 201: answer<SourceResource>("The source.") },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const caller = callerOf(request);
      if (body.from.way === "file" && !hasRole(caller, "owner")) {
        const who = nameOfPrincipal(caller);
        throw new ComityError("FORBIDDEN", { who, act: "read files of this machine" });
      }
      const what = `${body.kind} ${body.topic}`;
      const source = await audited(deps, request, what, () => sectors.sources.add(body));
      return reply.code(201).send(source);
    },
  );
  app.delete(
    "/sources/:id",
    {
      config: allow("operator", "source.remove"),
      schema: {
        summary: "Read it no more",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => sectors.sources.remove(id));
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/indicators",
    {
      config: allow("viewer"),
      schema: {
        summary: "Indicators at work, with formula, unit and what they follow",
        response: { 200: answer<readonly IndicatorResource[]>("Indicators.") },
      },
    },
    async () => sectors.indicators.list(),
  );
  app.get(
    "/indicators/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "Its figures now, by key",
        params: IdParams,
        response: { 200: answer<readonly FigureResource[]>("Figures.") },
      },
    },
    async ({ params: { id } }) => sectors.indicators.figures(id),
  );
  app.post(
    "/indicators",
    {
      config: allow("operator", "indicator.add"),
      schema: {
        summary: "Follow streams from now on, and publish the figure",
        body: IndicatorBody,
        response: { 201: answer<IndicatorResource>("The indicator.") },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const made = await audited(deps, request, body.kind, () => sectors.indicators.add(body));
      return reply.code(201).send(made);
    },
  );
  app.delete(
    "/indicators/:id",
    {
      config: allow("operator", "indicator.remove"),
      schema: {
        summary: "Follow it no more",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => sectors.indicators.remove(id));
      return reply.code(204).send(null);
    },
  );
}

/** What sectors add to the API themselves, under `/sectors/<name>/`. */
export async function sectorApis(scope: FastifyInstance, deps: ApiDeps): Promise<void> {
  const act: Audited = (request, what, run) => audited(deps, request, what, run);
  for (const [name, register] of deps.sectors.apis) {
    await scope.register(async (inner) => register(inner, act), { prefix: `/sectors/${name}` });
  }
}

/** `GET /sectors/<sector>/<output>?filter=…`: a native format, for programs that read such feeds. */
export function outputRoutes(scope: FastifyInstance, { sectors }: ApiDeps): void {
  scope.withTypeProvider<TypeBoxTypeProvider>().get(
    "/sectors/:sector/:output",
    {
      config: allow("known"),
      schema: {
        summary: "A feed in a sector's native format, composed of the streams the filter matches",
        params: Type.Object({ sector: Name, output: Name }),
        querystring: Type.Object({ filter: Type.String({ minLength: 1, maxLength: 1024 }) }),
      },
    },
    async (request, reply) => {
      const { filter } = request.query;
      const problem = filterProblem(filter);
      if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter, problem });
      const caller = callerOf(request);
      if (!maySubscribe(caller, filter)) {
        const who = nameOfPrincipal(caller);
        throw new ComityError("FORBIDDEN", { who, act: `subscribe to ${filter}` });
      }
      const { sector, output } = request.params;
      const { body, contentType } = await sectors.outputs.compose(sector, output, filter);
      return reply.type(contentType).header("cache-control", "no-store").send(Buffer.from(body));
    },
  );
}

function resourceOf(sector: Sector): SectorResource {
  const { name, title, template, vocabulary, sources, outputs, indicators } = sector;
  return {
    ...{ name, title, template, vocabulary },
    sources: Object.entries(sources).map(([source, { title, ways }]) => {
      return { name: source, title, ways };
    }),
    outputs: Object.entries(outputs).map(([output, { title, contentType }]) => {
      return { name: output, title, contentType };
    }),
    indicators: Object.entries(indicators).map(([indicator, kind]) => {
      const { title, unit, formula, source, settings, goal } = kind;
      return {
        ...{ name: indicator, title, unit, formula, ...(source !== undefined && { source }) },
        ...(settings && { settings }),
        ...(goal && { goal: { ...goal, official: goals[goal.number] } }),
      };
    }),
  };
}
