/**
 * What two Comity nodes say to each other on a link beside the stream's own messages: PUBLISH
 * packets of QoS 0 on the topic `$link/<agreement>`, in order with the data, with a JSON payload.
 * In come payloads, out go typed messages; what is no control message is undefined, never an error.
 *
 * Many agreements may share a connection. The stream's packets keep their own topics, so each
 * agreement's begin with a packet on its `$link/` topic, which has no payload where there is
 * nothing else to say; all that follows is its own until another agreement's packet comes.
 */
import type { Checkpoint } from "../../ports/usage.ts";
import { encodePublish } from "../mqtt/encode.ts";
import type { Properties } from "../mqtt/properties.ts";

export type LinkControl =
  /**
   * Everything up to here was sent. `at`: the log time of the last message, or when it was handed
   * on; milliseconds since the Unix epoch by the provider's clock. `behind`: positions of the log
   * after it, where it is a logged stream.
   */
  | ({ readonly t: "checkpoint"; readonly at: number; readonly behind?: number } & Checkpoint)
  /** Consumer: everything up to here is stored. */
  | ({ readonly t: "ack" } & Checkpoint)
  /** Provider: delivery has ended for good. */
  | { readonly t: "end"; readonly reason: "revoked" | "expired" | "cap" }
  /** Provider: no more of this agreement on this connection, which stays for the others. */
  | { readonly t: "detached"; readonly text: string };

const textLengthMax = 512;

export function linkTopic(agreement: string): string {
  return `$link/${agreement}`;
}

/** The agreement a link's topic names, or undefined. */
export function agreementOfLinkTopic(topic: string): string | undefined {
  return topic.startsWith("$link/") ? topic.slice("$link/".length) : undefined;
}

/** Says whose packets follow. */
export function encodeTurn(agreement: string): Buffer {
  return encodePublish(5, { topic: linkTopic(agreement), payload: Buffer.alloc(0) });
}

export function encodeControl(control: LinkControl): Buffer {
  return Buffer.from(JSON.stringify(control));
}

/** Undefined where the payload is no control message. */
export function decodeControl(payload: Buffer): LinkControl | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { t, reason, text, ...rest } = value as Record<string, unknown>;
  if (t === "detached" && typeof text === "string") {
    return { t, text: text.slice(0, textLengthMax) };
  }
  if (t === "end" && (reason === "revoked" || reason === "expired" || reason === "cap")) {
    return { t, reason };
  }
  const checkpoint = checkpointOf(rest);
  if (checkpoint === undefined) return undefined;
  if (t === "ack") return { t, ...checkpoint };
  if (t !== "checkpoint") return undefined;
  const { behind } = rest;
  const isCount = Number.isSafeInteger(behind) && Number(behind) >= 0;
  const more = isCount ? { behind: Number(behind) } : {};
  return { t, at: Number(rest["at"]) || 0, ...more, ...checkpoint };
}

function checkpointOf(fields: Record<string, unknown>): Checkpoint | undefined {
  const { epoch, position, messages, payloadBytes, lineage } = fields;
  const isCount = (value: unknown): value is number =>
    Number.isSafeInteger(value) && Number(value) >= 0;
  if (typeof epoch !== "string" || epoch.length > 64) return undefined;
  if (!isCount(position) || !isCount(messages) || !isCount(payloadBytes)) return undefined;
  const isTold = typeof lineage === "string" && lineage.length <= 256 && lineage !== "";
  return { epoch, position, messages, payloadBytes, ...(isTold ? { lineage } : {}) };
}

/** The consumer's last committed checkpoint, as user properties of its SUBSCRIBE. */
export function claimProperties(checkpoint: Checkpoint): Properties {
  return {
    userProperties: [
      ["epoch", checkpoint.epoch],
      ["position", String(checkpoint.position)],
      ["messages", String(checkpoint.messages)],
      ["payloadBytes", String(checkpoint.payloadBytes)],
      ...(checkpoint.lineage === undefined
        ? []
        : [["lineage", checkpoint.lineage] satisfies [string, string]]),
    ],
  };
}

export function claimOf(properties: Properties): Checkpoint | undefined {
  const fields = new Map(properties.userProperties ?? []);
  return checkpointOf({
    epoch: fields.get("epoch"),
    position: Number(fields.get("position")),
    messages: Number(fields.get("messages")),
    payloadBytes: Number(fields.get("payloadBytes")),
    lineage: fields.get("lineage"),
  });
}
