import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { payloadText } from "../flow/payload-text.ts";
import type { SampleMessage, Samples } from "../flow/samples.ts";
import { sampleMessagesMax } from "../flow/samples.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { RequestRate } from "../kernel/request-rate.ts";
import type { Catalogue } from "../market/catalogue.ts";
import { isOfferedTo, type Product } from "../market/product.ts";
import { sampleGrant } from "../market/sample-grant.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "./authenticate.ts";
import type { PeerBook } from "./peers.ts";

/** Of a whole answer as it is sent: topics, times and what JSON escapes included. */
const answerBytesMax = 262_144;
/** ECMA-262 §21.4.1.1: later is no time. */
const timeMax = 8_640_000_000_000_000;
const answerWithinMs = 5_000;
const everySeconds = 60;

const Sample = Type.Object({
  messages: Type.Array(
    Type.Object({
      topic: Type.String({ minLength: 1, maxLength: 65_535 }),
      /** Milliseconds since the Unix epoch. */
      at: Type.Integer({ minimum: 0, maximum: timeMax }),
      payload: Type.Optional(Type.String()),
      payloadBase64: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9+/]*={0,2}$" })),
    }),
    { maxItems: sampleMessagesMax },
  ),
});

export type Sample = Static<typeof Sample>;

export interface ProductSamplesOptions {
  readonly catalogue: Pick<Catalogue, "get">;
  readonly samples: Pick<Samples, "of">;
  readonly peers: Pick<PeerBook, "getOnce" | "nameOf">;
  readonly clock: Clock;
  readonly did: string;
}

/** Samples of this node's products, for its own people and for peers, and those of peers'. */
export class ProductSamples {
  readonly #options: ProductSamplesOptions;
  readonly #rate: RequestRate;

  constructor(options: ProductSamplesOptions) {
    this.#options = options;
    this.#rate = new RequestRate({
      clock: options.clock,
      perSecondMax: 1 / everySeconds,
      burstSeconds: everySeconds,
      caller: "peer",
      told: { limit: 1, what: "sample of a product in a minute" },
    });
  }

  /** NOT_FOUND where there is no such product, or its owner gives no samples. */
  async own(id: string): Promise<Sample> {
    return this.#of(this.#need(id));
  }

  /** The same for a peer, who may ask once a minute. */
  async forPeer(did: string, id: string): Promise<Sample> {
    const product = this.#options.catalogue.get(id);
    if (!product || !isOfferedTo(product, did)) {
      throw new ComityError("NOT_FOUND", { what: "product", id });
    }
    this.#rate.take(`${did} ${id}`);
    return this.#of(this.#need(id));
  }

  /** In one try; PEER_UNREACHABLE or PEER_REFUSED where its answer is late, large or no sample. */
  async ofPeer(did: string, product: string): Promise<Sample> {
    const path = `/comity/v1/products/${encodeURIComponent(product)}/sample`;
    const limits = { timeoutMs: answerWithinMs, bytesMax: answerBytesMax };
    const answer = await this.#options.peers.getOnce(did, path, limits);
    try {
      return parseMessage(Sample, answer);
    } catch (thrown) {
      if (!(thrown instanceof ComityError)) throw thrown;
      const peer = this.#options.peers.nameOf(did);
      throw new ComityError("PEER_REFUSED", { peer, problem: `no sample: ${thrown.message}` });
    }
  }

  of(product: string, provider: string): Promise<Sample> {
    return provider === this.#options.did ? this.own(product) : this.ofPeer(provider, product);
  }

  #need(id: string): Product {
    const product = this.#options.catalogue.get(id);
    if (product && product.sample !== false) return product;
    const what = product ? "sample of the product" : "product";
    throw new ComityError("NOT_FOUND", { what, id });
  }

  async #of(product: Product): Promise<Sample> {
    const { samples, clock } = this.#options;
    const messages = await samples.of(sampleGrant(product, clock.now()));
    return fitting(messages.map(toldMessage));
  }
}

export async function sampleRoutes(
  app: FastifyInstance,
  deps: { readonly authenticatePeer: AuthenticatePeer; readonly samples: ProductSamples },
): Promise<void> {
  app.get<{ Params: { id: string } }>(
    "/comity/v1/products/:id/sample",
    { schema: { hide: true } },
    async (request, reply) => {
      const did = await deps.authenticatePeer(request);
      reply.header("cache-control", "private, no-store");
      return deps.samples.forPeer(did, request.params.id);
    },
  );
}

function toldMessage({ topic, at, payload }: SampleMessage): Sample["messages"][number] {
  return { topic, at, ...payloadText(payload) };
}

/** The newest whose answer is not larger than a peer would take. */
function fitting(messages: Sample["messages"]): Sample {
  let left = answerBytesMax - JSON.stringify({ messages: [] }).length;
  const first = messages.findLastIndex(
    (message) => (left -= Buffer.byteLength(JSON.stringify(message)) + 1) < 0,
  );
  return { messages: messages.slice(first + 1) };
}
