import type { FastifyInstance, FastifyRequest } from "fastify";
import { receiptsPath } from "../meter/receipt-chain.ts";
import type { ConsumerReceipts } from "../meter/receipts-consumer.ts";

export interface ReceiptRoutesDeps {
  readonly receipts: ConsumerReceipts;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  authenticatePeer(request: FastifyRequest): Promise<string>;
}

/** A receipt is a kilobyte; evidence of this size is somebody's mistake. */
const bytesMax = 16 * 1024;

/** Where a provider's node brings its receipts to be co-signed. */
export async function receiptRoutes(app: FastifyInstance, deps: ReceiptRoutesDeps): Promise<void> {
  // No body schema: validation that coerces or drops members would change what was signed.
  app.post(
    receiptsPath,
    { bodyLimit: bytesMax, schema: { hide: true } },
    async (request): Promise<unknown> => {
      const from = await deps.authenticatePeer(request);
      return deps.receipts.cosign(from, request.body);
    },
  );
}
