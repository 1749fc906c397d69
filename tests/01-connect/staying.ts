import type { IConnectPacket } from "mqtt-packet";
import type { NodeChild } from "../07-federate/node-child.ts";
import { RawClient } from "./raw-client.ts";

/** Ends the node by the signal and starts it on the same data. */
export async function again(node: NodeChild, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  await node.halted(signal);
  node.start();
  await node.ready();
}

/** An owner's credentials, for CONNECT. */
export function owner(node: NodeChild): Partial<IConnectPacket> {
  return { username: "admin", password: Buffer.from(node.token) };
}

/** A client whose session stays; the CONNACK is the first that it received. */
export async function staying(
  node: NodeChild,
  clientId: string,
  version: 4 | 5 = 5,
): Promise<RawClient> {
  const client = new RawClient(node.mqttUrl, version);
  client.send({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: version, clientId, keepalive: 0 },
    ...{ clean: false, ...owner(node) },
    ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  });
  return client;
}
