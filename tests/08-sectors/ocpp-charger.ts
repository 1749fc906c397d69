import { once } from "node:events";
import { RPCClient } from "ocpp-rpc";
import type { TestNode } from "../two-nodes.ts";

/** A charger under test: the library's client, its calls checked against OCPP's schemas. */
export interface TestCharger {
  readonly name: string;
  readonly client: RPCClient;
  /** What the node asked of it, and what it answers by default: Accepted. */
  readonly asked: { readonly method: string; readonly params: Record<string, unknown> }[];
  call(method: string, params?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export type OcppVersion = "ocpp1.6" | "ocpp2.0.1";

/** Connects under a Thing's name and token. */
export async function connectCharger(
  { node }: TestNode,
  name: string,
  password: string,
  version: OcppVersion = "ocpp1.6",
): Promise<TestCharger> {
  const client = new RPCClient({
    endpoint: `${node.httpUrl.replace("http", "ws")}/sectors/energy/ocpp`,
    ...{ identity: name, password, protocols: [version], strictMode: true, reconnect: false },
  } as ConstructorParameters<typeof RPCClient>[0]);
  const asked: TestCharger["asked"] = [];
  client.handle(async ({ method = "", params = {} }) => {
    asked.push({ method, params });
    return { status: "Accepted" };
  });
  await client.connect();
  return {
    ...{ name, client, asked },
    call: async (method, params = {}) =>
      (await client.call(method, params)) as Record<string, unknown>,
    async close() {
      const closed = once(client, "close");
      await client.close();
      await closed;
    },
  };
}
