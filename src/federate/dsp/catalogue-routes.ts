import { hash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import type { Mark } from "../../kernel/mark.ts";
import type { Quality } from "../../kernel/quality.ts";
import type { Catalogue } from "../../market/catalogue.ts";
import { formatsFor, type TransferFormat } from "../../market/formats.ts";
import { shownOffer } from "../../market/policy.ts";
import { isOfferedTo, type Product } from "../../market/product.ts";
import type { Signer } from "../../ports/signer.ts";
import {
  type AboutProduct,
  CatalogRequestMessage,
  dspPath,
  message,
} from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "../authenticate.ts";
import { commissionPath } from "../commission-routes.ts";
import type { MeasuredQuality, ProductMarks } from "../found-offer.ts";
import { type CatalogueQuery, catalogueQuery, pageOf } from "./catalogue-query.ts";
import { answerInDsp } from "./dsp-errors.ts";

interface Paging {
  Querystring: { limit?: string; cursor?: string };
}

export interface CatalogueRoutesDeps {
  readonly authenticatePeer: AuthenticatePeer;
  readonly catalogue: Catalogue;
  readonly signer: Signer;
  readonly quality: MeasuredQuality;
  readonly marks: ProductMarks;
  readonly baseUrl: () => string;
}

/** The HTTPS binding of the catalogue (DSP 2025-1 §6); any participant may read what is not another's alone. */
export async function catalogueRoutes(
  app: FastifyInstance,
  deps: CatalogueRoutesDeps,
): Promise<void> {
  const { authenticatePeer, catalogue, signer, quality, marks, baseUrl } = deps;
  const service = () => ({
    "@id": `${signer.did}#dataspace`,
    "@type": "DataService",
    endpointURL: `${baseUrl()}${dspPath}`,
  });
  const datasetOf = (product: Product) => ({
    "@id": product.id,
    "@type": "Dataset",
    hasPolicy: catalogue.offersOf(product.id).map(shownOffer),
    distribution: formatsOf(product).map((format) => {
      return { "@type": "Distribution", format, accessService: service() };
    }),
    ...conformsTo(marks.of(product.id)),
    comity: aboutOf(product, quality.of(product.id), marks.of(product.id)),
  });
  /** Of the whole catalogue; made anew once a product came or went, or was measured anew. */
  let digest: string | undefined;
  catalogue.listen(() => (digest = undefined));
  quality.onTold(() => (digest = undefined));
  marks.onTold(() => (digest = undefined));
  /** RFC 9110 §8.8.3: of the catalogue as this query sees it. */
  const tagOf = (query: CatalogueQuery): string => {
    digest ??= digestOf([baseUrl(), ...catalogue.list().map(datasetOf)]);
    return `"${digestOf([digest, query])}"`;
  };
  await app.register(
    async (scope) => {
      answerInDsp(scope, "CatalogError");

      scope.post<Paging>("/request", async (request, reply) => {
        const did = await authenticatePeer(request);
        const { filter } = parseMessage(CatalogRequestMessage, request.body);
        const query = catalogueQuery(filter, request.query);
        const etag = tagOf(query);
        reply.header("etag", etag);
        // RFC 9110 §13.1.2: 304 is the answer to a GET, 412 to any other method
        if (request.headers["if-none-match"] === etag) return reply.code(412).send();
        const { page, next } = pageOf(
          catalogue.list().filter((product) => isOfferedTo(product, did)),
          query,
        );
        if (next !== undefined) {
          // the next page by RFC 8288, as DSP's HTTPS binding of the catalogue has it
          const url = `${baseUrl()}${dspPath}/catalog/request?cursor=${next}`;
          reply.header("link", `<${url}>; rel="next"`);
        }
        const dataset = page.map(datasetOf);
        return {
          ...message("Catalog", { "@id": `${signer.did}#catalog`, participantId: signer.did }),
          service: [service()],
          ...(dataset.length === 0 ? {} : { dataset }), // its schema admits no empty list
        };
      });

      scope.get<{ Params: { id: string } }>("/datasets/:id", async (request) => {
        const did = await authenticatePeer(request);
        const product = catalogue.get(request.params.id);
        if (!product || !isOfferedTo(product, did))
          throw new ComityError("NOT_FOUND", { what: "dataset", id: request.params.id });
        return message("Dataset", datasetOf(product));
      });
    },
    { prefix: `${dspPath}/catalog` },
  );
}

function digestOf(told: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(told), "base64url").slice(0, 22);
}

/** Served under one or another of its offers: which one costs nothing has them all. */
function formatsOf({ terms, tariffs = [] }: Product): readonly TransferFormat[] {
  const all = [terms.price, ...tariffs.map(({ price }) => price)].map(formatsFor);
  return all.reduce((most, formats) => (formats.length > most.length ? formats : most));
}

/** DCAT 3 §6.4.8, under the protocol's own prefix; a DID URL (DID Core §3.2) names the document. */
function conformsTo(mark: Mark | undefined): object {
  if (mark === undefined) return {};
  return { "dct:conformsTo": { "@id": `${mark.issuer}${commissionPath(mark)}` } };
}

function aboutOf(
  product: Product,
  quality: Quality | undefined,
  mark: Mark | undefined,
): AboutProduct {
  const { title, description, delivery, topics, sector, approval, place, sheet } = product;
  return {
    title,
    description,
    delivery,
    topics: [...topics],
    sector,
    keywords: [...product.keywords],
    price: product.terms.price,
    ...(approval === undefined ? {} : { approval }),
    ...(product.units === undefined ? {} : { units: [...product.units] }),
    ...(place === undefined ? {} : { place }),
    ...(quality === undefined ? {} : { quality }),
    ...(mark === undefined ? {} : { mark }),
    ...(sheet === undefined ? {} : { sheet }),
    ...(product.cost === undefined ? {} : { cost: product.cost }),
    ...(product.tradeSecrets === undefined
      ? {}
      : {
          tradeSecrets: {
            fields: [...product.tradeSecrets.fields],
            measures: [...product.tradeSecrets.measures],
          },
        }),
  };
}
