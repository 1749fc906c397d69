import { isFree, type Price } from "../kernel/price.ts";

/** How a stream is handed over, as a Distribution and a TransferRequestMessage name it. */
export const transferFormats = [
  /** The consumer connects and subscribes with MQTT 5; the only one with checkpoints: the link. */
  "Mqtt5-PULL",
  /** Latest values and history over HTTP. */
  "HttpData-PULL",
  /** Server-Sent Events. */
  "Sse-PULL",
  "WebSocket-PULL",
  /** This node publishes to the consumer's own broker. */
  "Mqtt5-PUSH",
] as const;

export type TransferFormat = (typeof transferFormats)[number];

/**
 * Under which formats something of this price is served. Where it costs money, on the link alone:
 * with the others nobody would acknowledge, so nobody pay.
 */
export function formatsFor(price: Price): readonly TransferFormat[] {
  return isFree(price) ? transferFormats : ["Mqtt5-PULL"];
}

export function isTransferFormat(text: string): text is TransferFormat {
  return (transferFormats as readonly string[]).includes(text);
}
