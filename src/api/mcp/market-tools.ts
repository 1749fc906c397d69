import type { McpServer } from "@modelcontextprotocol/server";
import { Type } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import { describePrice } from "../../kernel/price.ts";
import { offerNamed, productOf } from "./products.ts";
import { Budget, closed, count, Product, text } from "./shapes.ts";
import { addTool } from "./tool.ts";

const foundMax = 50;
const named = {
  product: Type.String({ description: "An offer's id or a product's.", maxLength: 512 }),
  provider: Type.Optional(
    Type.String({ description: "DID or short name, where two offer the same.", maxLength: 512 }),
  ),
};

/** Finding products, reading their terms, and agreeing to them. */
export function addMarketTools(server: McpServer, node: ComityHttp): void {
  addTool(server, "search_products", {
    title: "Search products",
    description:
      "Finds data products offered by this node's organisation and by those it knows. " +
      "All words must occur; no words: everything.",
    input: Type.Object(
      {
        words: Type.Optional(Type.String({ maxLength: 200 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: foundMax, default: 10 })),
      },
      closed,
    ),
    output: Type.Object({ products: Type.Array(Product), found: count("How many there are.") }),
    async run({ words = "", limit = 10 }) {
      const found = await node.find(words);
      return { products: found.slice(0, limit).map(productOf), found: found.length };
    },
  });

  addTool(server, "describe_product", {
    title: "Describe a product",
    description: "One product with its terms, and the agreements that exist on it already.",
    input: Type.Object(named, closed),
    output: Type.Object({
      product: Product,
      agreements: Type.Array(
        Type.Object({ id: Type.String(), state: text("active or ended."), since: Type.String() }),
        { description: "Under which this organisation has it; an active one can be read now." },
      ),
    }),
    async run({ product, provider }) {
      const offer = await offerNamed(node, product, provider);
      const agreements = (await node.agreements()).filter(
        (one) => one.product === offer.product && one.provider === offer.provider,
      );
      return {
        product: productOf(offer),
        agreements: agreements.map(({ id, state, signedAt }) => ({ id, state, since: signedAt })),
      };
    },
  });

  addTool(server, "request_contract", {
    title: "Request a contract",
    description:
      "Negotiates an agreement on an offer as it stands, signs it, and starts the stream. It " +
      "binds this organisation and may cost money. Name spendMax where the offer has no cap of " +
      "its own: the agreement is ended before it costs more.",
    changes: true,
    input: Type.Object(
      {
        ...named,
        spendMax: Type.Optional(
          Type.String({
            description: "The most it may cost over its life, in the offer's currency.",
            pattern: "^[0-9]{1,12}([.][0-9]{1,6})?$",
          }),
        ),
      },
      closed,
    ),
    output: Type.Object({
      agreement: text("Its id: what read_stream and query_history take."),
      title: Type.String(),
      provider: Type.String(),
      price: Type.String(),
      delivery: Type.String(),
      signedAt: Type.String(),
      policyHash: text("Hash of what both signed."),
      budget: Type.Optional(Budget),
    }),
    async run({ product, provider, spendMax }) {
      const { offer, provider: from } = await offerNamed(node, product, provider);
      const made = await node.agree(offer, from, spendMax);
      const { budget } = await node.me();
      const { title, delivery, signedAt, policyHash } = made;
      return {
        ...{ agreement: made.id, title, provider: made.provider, delivery, signedAt, policyHash },
        price: describePrice(made.price),
        ...(budget && { budget }),
      };
    },
  });
}
