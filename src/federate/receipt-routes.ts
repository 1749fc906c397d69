import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { receiptsPath } from "../meter/both-signed.ts";
import type { ConsumerReceipts } from "../meter/receipts-consumer.ts";

export interface ReceiptRoutesDeps {
  readonly receipts: Pick<ConsumerReceipts, "cosign" | "signedAfter">;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  authenticatePeer(request: FastifyRequest): Promise<string>;
}

const SignedAfter = Type.Object({
  agreement: Type.String({ minLength: 1, maxLength: 512 }),
  after: Type.Integer({ minimum: 0, maximum: 9_999_999_999 }),
});

/** A receipt is a kilobyte; evidence of this size is somebody's mistake. */
const bytesMax = 16 * 1024;

/** Where a provider's node brings its receipts to be co-signed, and either finds those it lost. */
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
  app.get<{ Querystring: Static<typeof SignedAfter> }>(
    receiptsPath,
    { schema: { hide: true, querystring: SignedAfter } },
    async (request): Promise<unknown> => {
      const from = await deps.authenticatePeer(request);
      return deps.receipts.signedAfter(from, request.query.agreement, request.query.after);
    },
  );
}
