import type { FastifyInstance, FastifyRequest } from "fastify";
import { invoicesPath } from "../settle/invoice/issued.ts";
import { type Parties, partyPath } from "../settle/invoice/parties.ts";
import type { ReceivedInvoices } from "../settle/invoice/received.ts";

export interface InvoiceRoutesDeps {
  readonly received: ReceivedInvoices;
  readonly parties: Parties;
  /** The DID of the calling node; throws IDENTITY_INVALID. */
  authenticatePeer(request: FastifyRequest): Promise<string>;
}

/** A line is half a kilobyte, and a document has a thousand at most. */
const bytesMax = 2 * 1024 * 1024;

/** Where a seller's node brings its invoices, and asks who this organisation is by law. */
export async function invoiceRoutes(app: FastifyInstance, deps: InvoiceRoutesDeps): Promise<void> {
  // No body schema: validation that coerces or drops members would change what was signed.
  app.post(
    invoicesPath,
    { bodyLimit: bytesMax, schema: { hide: true } },
    async (request): Promise<unknown> => {
      const from = await deps.authenticatePeer(request);
      return deps.received.take(from, request.body);
    },
  );
  app.get(partyPath, { schema: { hide: true } }, async (request): Promise<unknown> => {
    return deps.parties.tell(await deps.authenticatePeer(request));
  });
}
