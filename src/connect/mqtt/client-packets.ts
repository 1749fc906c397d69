import {
  decodeAcknowledgement,
  decodeSubscribe,
  decodeUnsubscribe,
} from "../../wire/mqtt/decode.ts";
import {
  packetType,
  ProtocolError,
  type ProtocolVersion,
  reason,
} from "../../wire/mqtt/protocol.ts";
import type { Client } from "./client.ts";

/** A packet that is the client's business. False: it is no such packet. */
export function handOver(
  client: Client,
  type: number,
  body: Buffer,
  version: ProtocolVersion,
): boolean {
  switch (type) {
    case packetType.puback:
      client.acknowledge(decodeAcknowledgement(body, version).id);
      return true;
    case packetType.pubrec: {
      if (client.received === undefined) return false;
      const { id, reasonCode } = decodeAcknowledgement(body, version);
      client.received(id, reasonCode);
      return true;
    }
    case packetType.pubcomp:
      if (client.completed === undefined) return false;
      client.completed(decodeAcknowledgement(body, version).id);
      return true;
    case packetType.pubrel:
      client.release(decodeAcknowledgement(body, version).id);
      return true;
    case packetType.subscribe:
      client.subscribe(decodeSubscribe(body, version));
      return true;
    case packetType.unsubscribe: {
      const { id, filters } = decodeUnsubscribe(body, version);
      client.unsubscribe(id, filters);
      return true;
    }
    default:
      return false;
  }
}

export function connectFirst(): ProtocolError {
  return new ProtocolError(reason.protocolError, "CONNECT comes first"); // [MQTT-3.1.0-1]
}
