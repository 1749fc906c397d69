import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import type { NewProduct } from "../../src/client/resources.ts";
import { connectMqtt, type MqttClient } from "../../src/client/mqtt.ts";
import type { NodeOptions } from "../../src/node.ts";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { nodeOptions, startTestNode, type TestNode, until } from "../two-nodes.ts";
import { leaveSeat, takeSeat } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

/** What a start message's DataAddress says. */
export interface Key {
  readonly pid: string;
  readonly consumerPid: string;
  readonly endpoint: string;
  readonly properties: ReadonlyMap<string, string>;
  readonly headers: { readonly authorization: string };
}

/** A whole node that provides, and a customer of it that is a plain connector. */
export interface Customer {
  readonly provider: TestNode;
  readonly stranger: Stranger;
  readonly agreement: string;
  readonly device: MqttClient;
  /** Makes one more agreement on the product. */
  readonly agree: (consumerPid: string) => Promise<string>;
  /** Asks for a transfer and waits for its start. */
  readonly transfer: (format: string, more?: object) => Promise<Key>;
  readonly say: (key: Key, path: string, type: Parameters<typeof message>[0]) => Promise<number>;
  readonly post: (path: string, body: unknown) => ReturnType<Stranger["call"]>;
  readonly refused: (reason: string) => Promise<number>;
  readonly oneSided: () => Promise<number>;
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openCustomer(
  product: NewProduct & { readonly id: string },
  more: Partial<NodeOptions> = {},
): Promise<Customer> {
  const seats = [await takeSeat("provider"), await takeSeat("stranger")] as const;
  const [seat, other] = seats;
  const options = await nodeOptions(seat.dir, {
    ...{ name: "provider", title: "The provider", did: seat.did, localPeers: seats },
    http: { host: "127.0.0.1", port: seat.port },
    ...{ receiptWindowMs: 100, ...more },
  });
  let provider = await startTestNode(options);
  const stranger = await openStranger(other);
  const post = (path: string, body: unknown) =>
    stranger.call({ did: seat.did, url: seat.url }, `${dspPath}${path}`, body);
  const connected = () =>
    connectMqtt({ url: provider.node.mqttUrl, username: "admin", password: provider.token });
  let device = await connected();
  await provider.http.addProduct(product);
  const agree = (consumerPid: string) => agreed(post, stranger, product.id, consumerPid);
  const agreement = await agree("urn:uuid:negotiation");
  await until("the agreement stands", async () => (await provider.http.agreements()).length === 1);
  let number = 0;
  return {
    get provider() {
      return provider;
    },
    get device() {
      return device;
    },
    stranger,
    agreement,
    agree,
    post,
    async transfer(format, about = {}) {
      const consumerPid = `urn:uuid:transfer-${++number}`;
      const { callbackAddress } = stranger;
      const asked = { consumerPid, agreementId: agreement, format, callbackAddress, ...about };
      const answer = await post("/transfers/request", message("TransferRequestMessage", asked));
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      const path = `/transfers/${encodeURIComponent(consumerPid)}/start`;
      const start = await stranger.heard(path);
      const address = start["dataAddress"] as
        | { endpoint: string; endpointProperties: { name: string; value: string }[] }
        | undefined;
      const named = address?.endpointProperties ?? [];
      const properties = new Map(named.map(({ name, value }) => [name, value]));
      const headers = { authorization: `Bearer ${properties.get("authorization")}` };
      const pid = String(answer.body["providerPid"]);
      return { pid, consumerPid, endpoint: address?.endpoint ?? "", properties, headers };
    },
    async say({ pid: providerPid, consumerPid }, path, type) {
      const body = message(type, { providerPid, consumerPid });
      return (await post(`/transfers/${encodeURIComponent(providerPid)}${path}`, body)).status;
    },
    async refused(reason) {
      const { refusals } = await provider.http.status();
      return refusals[reason] ?? 0;
    },
    async oneSided() {
      const [usage] = await provider.http.usage();
      return usage?.oneSided?.messages ?? 0;
    },
    async restart() {
      await device.end();
      await provider.node.close();
      provider = await startTestNode(options);
      device = await connected();
    },
    async close() {
      await device.end();
      await stranger.stop();
      await provider.node.close();
      for (const one of seats) await leaveSeat(one);
      await rm(seat.dir, { recursive: true, force: true });
    },
  };
}

async function agreed(
  post: Customer["post"],
  stranger: Stranger,
  product: string,
  consumerPid: string,
): Promise<string> {
  const dataset = await post("/catalog/request", message("CatalogRequestMessage", {}));
  const [found] = dataset.body["dataset"] as { hasPolicy: Record<string, unknown>[] }[];
  const request = message("ContractRequestMessage", {
    consumerPid,
    offer: { ...found?.hasPolicy[0], "@type": "Offer", target: product },
    callbackAddress: stranger.callbackAddress,
  });
  const asked = await post("/negotiations/request", request);
  assert.equal(asked.status, 201, JSON.stringify(asked.body));
  const { providerPid } = asked.body;
  const told = await stranger.heard(`/${encodeURIComponent(consumerPid)}/agreement`);
  const at = `/negotiations/${encodeURIComponent(String(providerPid))}/agreement/verification`;
  await post(at, message("ContractAgreementVerificationMessage", { providerPid, consumerPid }));
  return String((told["agreement"] as Record<string, unknown>)["@id"]);
}
