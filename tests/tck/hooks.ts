import { fastify } from "fastify";
import type { Connector } from "./connector.ts";

interface NegotiationWish {
  readonly providerId: string;
  readonly offerId: string;
  readonly datasetId: string;
  readonly connectorAddress: string;
}

interface TransferWish {
  readonly providerId: string;
  readonly agreementId: string;
  readonly format: string;
  readonly connectorAddress: string;
}

export interface Hooks {
  readonly url: string;
  close(): Promise<void>;
}

/** The two doors at which the kit asks a consumer to begin; what fails there fails the case. */
export async function openHooks(connector: Connector): Promise<Hooks> {
  const app = fastify();
  app.post<{ Body: NegotiationWish }>("/negotiations", async ({ body }) => {
    await connector.askForContract(body.providerId, body.datasetId, body.offerId);
    return {};
  });
  app.post<{ Body: TransferWish }>("/transfers", async ({ body }) => {
    await connector.askForTransfer(body.agreementId, body.format);
    return {};
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { url, close: () => app.close() };
}
