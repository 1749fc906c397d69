import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import type { ComityHttp } from "../../client/http.ts";
import type { OfferResource } from "../../client/resources.ts";
import { offerNamed, productOf } from "./products.ts";

const listedMax = 100;
const mimeType = "application/json";

/** Products as resources, `comity://product/<provider>/<product>`, for clients that attach them. */
export function addProductResources(server: McpServer, node: ComityHttp): void {
  const template = new ResourceTemplate("comity://product/{provider}/{product}", {
    list: async () => ({
      resources: (await node.find({ limit: listedMax })).map((offer) => ({
        uri: uriOf(offer),
        name: offer.product,
        title: offer.title,
        description: `Offered by ${offer.providerName}.`,
        mimeType,
      })),
    }),
  });
  const about = { title: "Product", description: "A data product and its terms.", mimeType };
  server.registerResource("product", template, about, async (uri, variables) => {
    const part = (name: string): string => decodeURIComponent(String(variables[name] ?? ""));
    const offer = await offerNamed(node, part("product"), part("provider"));
    const text = JSON.stringify(productOf(offer), null, 2);
    return { contents: [{ uri: uri.href, mimeType, text }] };
  });
}

function uriOf({ provider, product }: OfferResource): string {
  return `comity://product/${encodeURIComponent(provider)}/${encodeURIComponent(product)}`;
}
