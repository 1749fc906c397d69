import mqtt from "mqtt";
import type { ComityHttp } from "../../src/client/http.ts";
import type { TestNode } from "../two-nodes.ts";

export const credentialsTopic = "$claim/credentials";

export interface Device {
  /** What came on its credentials' topic. */
  readonly heard: readonly string[];
  readonly closed: Promise<void>;
  /** The codes of the SUBACK. */
  subscribe(filters: readonly string[]): Promise<readonly number[]>;
  publish(topic: string, payload: string, qos?: 0 | 1 | 2): Promise<void>;
  end(): Promise<void>;
}

/** A device that comes with a claim code, as MQTT.js has it; it does not come again by itself. */
export async function deviceWith(
  { node }: TestNode,
  come: { version: 4 | 5; code: string; clientId: string; username?: string },
): Promise<Device> {
  const { version, code, clientId, username = "claim" } = come;
  const name = username === "claim" ? clientId : username;
  const client = await mqtt.connectAsync(node.mqttUrl, {
    ...{ protocolVersion: version, username, password: code, clientId, reconnectPeriod: 0 },
    will: { topic: `${name}/gone`, payload: Buffer.from("1"), qos: 0, retain: false },
  });
  const heard: string[] = [];
  client.on("message", (topic, payload) => {
    if (topic === credentialsTopic) heard.push(payload.toString());
  });
  client.on("error", () => {});
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  return {
    heard,
    closed,
    subscribe: (filters) =>
      new Promise((resolve) => {
        client.subscribe([...filters], { qos: 1 }, (_error, granted = [], packet) => {
          resolve((packet?.granted as number[] | undefined) ?? granted.map(({ qos }) => qos));
        });
      }),
    publish: async (topic, payload, qos = 1) => {
      await client.publishAsync(topic, payload, { qos });
    },
    end: () => client.endAsync(true),
  };
}

/** What reaches a stream, from when `started` has resolved. */
export function publishedBy(http: ComityHttp, filter: string) {
  const stopping = new AbortController();
  const payloads: string[] = [];
  const started = Promise.withResolvers<void>();
  const marker = filter.replace(/#$/, "marker");
  const following = (async () => {
    for await (const message of http.stream(filter, stopping.signal)) {
      if (message.topic === marker) started.resolve();
      else if ("payload" in message) payloads.push(message.payload);
    }
  })().catch(() => {});
  // it follows when it hears of this one, which is kept for whoever comes later
  void http.publish(marker, "1", { retain: true });
  return {
    payloads,
    started: started.promise,
    stop: async (): Promise<void> => {
      stopping.abort();
      await following;
    },
  };
}
