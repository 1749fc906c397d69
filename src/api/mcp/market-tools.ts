import type { McpServer } from "@modelcontextprotocol/server";
import { Type } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import { describePrice } from "../../kernel/price-text.ts";
import { type RecipientClass, recipientClasses } from "../../kernel/recipient-class.ts";
import { offerNamed, productOf } from "./products.ts";
import { Budget, closed, count, Evidence, Product, text } from "./shapes.ts";
import { addTool } from "./tool.ts";

const foundMax = 50;
const named = {
  product: Type.String({ description: "An offer's id or a product's.", maxLength: 512 }),
  provider: Type.Optional(
    Type.String({ description: "DID or short name, where two offer the same.", maxLength: 512 }),
  ),
};
const as = Type.Optional(
  Type.Unsafe<RecipientClass>({
    type: "string",
    enum: recipientClasses,
    description:
      "What this organisation states to be, to be asked the price of that class. It signs for " +
      "it: name it only where it is so and your owner has said it.",
  }),
);

/** Finding products, reading their terms, and agreeing to them. */
export function addMarketTools(server: McpServer, node: ComityHttp): void {
  addTool(server, "search_products", {
    title: "Search products",
    description:
      "Finds data products offered by this node's organisation and by those it knows. " +
      "All that is given must hold; nothing given: everything. The last word may be cut short.",
    input: Type.Object(
      {
        words: Type.Optional(Type.String({ maxLength: 200 })),
        sector: Type.Optional(Type.String({ maxLength: 64 })),
        mark: Type.Optional(
          Type.String({
            description: "A sector: only what keeps to a vocabulary of it that is recognised here.",
            maxLength: 32,
          }),
        ),
        provider: Type.Optional(Type.String({ description: "DID or name.", maxLength: 512 })),
        delivery: Type.Optional(Type.Union([Type.Literal("live"), Type.Literal("logged")])),
        free: Type.Optional(Type.Boolean()),
        near: Type.Optional(
          Type.String({ description: "lat,lon,km such as 51.92,4.48,25", maxLength: 64 }),
        ),
        priceMax: Type.Optional(
          Type.String({ description: "For one message: 0.01 EUR", maxLength: 40 }),
        ),
        as,
        offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: foundMax, default: 10 })),
      },
      closed,
    ),
    output: Type.Object({
      products: Type.Array(Product),
      found: count("How many there are, counted up to 1,000."),
    }),
    async run({ words, limit = 10, ...more }) {
      const q = words === undefined ? {} : { q: words };
      const { offers, total } = await node.findPage({ ...more, ...q, limit });
      return { products: offers.map(productOf), found: total };
    },
  });

  addTool(server, "describe_product", {
    title: "Describe a product",
    description: "One product with its terms, and the agreements that exist on it already.",
    input: Type.Object(named, closed),
    output: Type.Object({
      product: Product,
      agreements: Type.Array(
        Type.Object({
          id: Type.String(),
          state: text("active or ended."),
          since: Type.String(),
          evidence: Evidence,
        }),
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
        agreements: agreements.map(({ id, state, signedAt, evidence }) => {
          return { id, state, since: signedAt, evidence };
        }),
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
        as,
        measures: Type.Optional(
          Type.Array(Type.String({ maxLength: 64 }), {
            ...{ minItems: 1, maxItems: 20 },
            description: "What this organisation does to keep the product's trade secrets; signed.",
          }),
        ),
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
      policyHash: text("Hash of what was signed."),
      evidence: Evidence,
      budget: Type.Optional(Budget),
    }),
    async run({ product, provider, spendMax, ...stated }) {
      const { provider: from, ...found } = await offerNamed(node, product, provider);
      // an id of its own is meant: with it, what was stated must fit
      const isVariant = found.variants?.some(({ offer }) => offer === product) === true;
      const made = await node.agree(isVariant ? product : found.offer, from, spendMax, stated);
      const { budget } = await node.me();
      const { id: agreement, title, delivery, signedAt, policyHash, evidence } = made;
      return {
        ...{ agreement, title, provider: made.provider, delivery, signedAt, policyHash, evidence },
        price: describePrice(made.price),
        ...(budget && { budget }),
      };
    },
  });
}
