import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  OfferResource,
  PeerResource,
  ProductResource,
  SampleResource,
} from "../client/resources.ts";
import type { LintResource } from "../client/terms.ts";
import { ComityError } from "../kernel/errors.ts";
import { lintProduct } from "../market/policy/lint.ts";
import { logOfProduct } from "../market/grant.ts";
import * as answers from "./answers.ts";
import { toldMark } from "./commission-told.ts";
import type { ApiDeps } from "./deps.ts";
import type { ProductToAdd } from "./trade-api.ts";
import { peerNames, searchQueryOf } from "./find.ts";
import { allow, audited } from "./guard.ts";
import {
  answer,
  FindParams,
  IdParams,
  LintBody,
  PeerBody,
  ProductBody,
  SampleParams,
} from "./schemas.ts";
import { toldProduct } from "./told.ts";

/** Products, peers, and the search over both. */
export function marketRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  productRoutes(scope, deps);
  peerRoutes(scope, deps);
}

function productRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/products",
    {
      config: allow("viewer"),
      schema: {
        summary: "This node's products",
        response: {
          200: answer<readonly ProductResource[]>("In order of id.", Type.Array(answers.Product)),
        },
      },
    },
    async () =>
      (await deps.products.list()).map((one) => toldProduct(one, deps.products.quality(one.id))),
  );

  app.post(
    "/products",
    {
      config: allow("trader", "product.add"),
      schema: {
        summary: "Offer a set of streams",
        body: ProductBody,
        response: { 201: answer<ProductResource>("The product.", answers.Product) },
      },
    },
    async (request, reply) => {
      const product = withDefaults(request.body);
      const made = await audited(deps, request, product.id, () => deps.products.add(product));
      const mark = toldMark(deps, deps.commissions.marks.of(made.id));
      return reply.code(201).send({ ...toldProduct(made), ...mark });
    },
  );

  app.get(
    "/products/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "One product",
        params: IdParams,
        response: { 200: answer<ProductResource>("The product.", answers.Product) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const product = await deps.products.get(id);
      if (!product) throw new ComityError("NOT_FOUND", { what: "product", id });
      const logged = product.delivery === "logged" ? await deps.logs.list() : [];
      const log = logged.find((one) => one.log === logOfProduct(id));
      const measured = log && { messages: log.messages, bytes: log.bytes };
      return {
        ...toldProduct(product, deps.products.quality(id)),
        ...toldMark(deps, deps.commissions.marks.of(id)),
        ...(measured && { measured }),
      };
    },
  );

  app.post(
    "/products/:id/lint",
    {
      config: allow("viewer"),
      schema: {
        summary: "Its terms, and conditions in words, against the Data Act's unfair-terms lists",
        params: IdParams,
        body: LintBody,
        response: { 200: answer<LintResource>("What to look at; no legal advice.") },
      },
    },
    async (request) => {
      const { id } = request.params;
      const product = await deps.products.get(id);
      if (!product) throw new ComityError("NOT_FOUND", { what: "product", id });
      return lintProduct(product, request.body.conditions);
    },
  );

  app.get(
    "/samples",
    {
      config: allow("viewer"),
      schema: {
        summary: "The last few messages of a product, this node's or a peer's, through its offer",
        querystring: SampleParams,
        response: { 200: answer<SampleResource>("Oldest first; at most ten.", answers.Sample) },
      },
    },
    async (request) => {
      const { product, provider } = request.query;
      if (provider === undefined) return deps.samples(product);
      const didOf = peerNames(deps.node, await deps.peers.list());
      return deps.samples(product, didOf(provider));
    },
  );

  app.delete(
    "/products/:id",
    {
      config: allow("trader", "product.remove"),
      schema: {
        summary: "Offer it no more; agreements that were made stand",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, async () => {
        const removed = await deps.products.remove(id);
        if (!removed) throw new ComityError("NOT_FOUND", { what: "product", id });
      });
      return reply.code(204).send(null);
    },
  );
}

function peerRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/peers",
    {
      config: allow("viewer"),
      schema: {
        summary: "The nodes this one knows",
        response: { 200: answer<readonly PeerResource[]>("Peers.", Type.Array(answers.Peer)) },
      },
    },
    async () => deps.peers.list(),
  );

  app.post(
    "/peers",
    {
      config: allow("trader", "peer.add"),
      schema: {
        summary:
          "Know another node by its address, or a connector by its protocol endpoint and DID",
        body: PeerBody,
        response: { 201: answer<PeerResource>("The peer.", answers.Peer) },
      },
    },
    async (request, reply) => {
      const { url, did } = request.body;
      const peer = await audited(deps, request, url, () => deps.peers.add(url, did));
      return reply.code(201).send(peer);
    },
  );

  app.delete(
    "/peers/:id",
    {
      config: allow("trader", "peer.remove"),
      schema: {
        summary: "Know a node no more, by name or DID; not while an agreement with it stands",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => deps.peers.remove(id));
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/find",
    {
      config: allow("viewer"),
      schema: {
        summary: "Find offers, this node's and its peers', from the index of them",
        querystring: FindParams,
        response: {
          200: answer<readonly OfferResource[]>(
            "Best first; how many there are, up to 1,000, stands in the header total-count.",
            Type.Array(answers.Offer),
          ),
        },
      },
    },
    async (request, reply) => {
      const didOf = peerNames(deps.node, await deps.peers.list());
      const { fresh = false, as, mark } = request.query;
      const marked = mark === undefined ? {} : { marks: marksOf(deps, mark) };
      const query = { ...searchQueryOf(request.query, deps.clock.now(), didOf), ...marked };
      const { offers, total } = await deps.offers.find(query, fresh, as);
      reply.header("total-count", total);
      return offers.map((offer) => ({ ...offer, ...toldMark(deps, offer.mark) }));
    },
  );
}

/** Nobody's mark says anything here before somebody's word is taken. */
function marksOf({ commissions: { recognitions } }: ApiDeps, sector: string): readonly string[] {
  const hashes = recognitions.hashesOf(sector);
  if (hashes.length > 0) return hashes;
  const id = `${sector}: recognise somebody's (comity commission recognise)`;
  throw new ComityError("NOT_FOUND", { what: "recognised vocabulary of", id });
}

function withDefaults(body: Type.Static<typeof ProductBody>): ProductToAdd {
  return {
    id: body.id ?? idFromTitle(body.title),
    title: body.title,
    description: body.description ?? "",
    topics: body.topics,
    delivery: body.delivery ?? "logged",
    sector: body.sector ?? "other",
    keywords: body.keywords ?? [],
    ...(body.units && { units: body.units }),
    ...(body.place && { place: body.place }),
    ...(body.conformsTo !== undefined && { conformsTo: body.conformsTo }),
    ...(body.sheet && { sheet: body.sheet }),
    ...(body.retention && { retention: body.retention }),
    ...(body.approval && { approval: body.approval }),
    ...(body.sample === false && { sample: body.sample }),
    ...(body.terms && { terms: body.terms }),
    ...(body.tariffs && { tariffs: body.tariffs }),
    ...(body.cost && { cost: body.cost }),
    ...(body.tradeSecrets && { tradeSecrets: body.tradeSecrets }),
    ...(body.policy && { policy: body.policy }),
  };
}

/** `Bus positions, Rotterdam` → `bus-positions-rotterdam`. */
function idFromTitle(title: string): string {
  const plain = title.normalize("NFKD").toLowerCase();
  const id = plain.replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-");
  const cut = id.slice(0, 64).replace(/^-+|-+$/g, "");
  if (cut === "") {
    const problem = `no id can be made from the title "${title}"; give one`;
    throw new ComityError("PRODUCT_INVALID", { problem });
  }
  return cut;
}
