import type { Flow } from "../../flow/flow.ts";
import type { Lanes } from "../../flow/lanes.ts";
import type { Outbox } from "../../flow/outbox.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import type { Subscribe } from "../../wire/mqtt/decode.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import type { MqttLimits } from "./limits.ts";
import type { Attachment } from "./attachment.ts";

/** What a client's CONNECT says it accepts. */
export type ClientTakes = Pick<Attachment, "receiveMaximum" | "packetBytesMax">;

/**
 * What a client may do once CONNECT is accepted: ours (`own-client.ts`), a guest under
 * one agreement (`guest-client.ts`) or another organisation's node (`peer-client.ts`).
 */
export interface Client {
  /** `now`: monotonic milliseconds. */
  publish(scanned: ScannedRun, now: number): void;
  subscribe(subscribe: Subscribe): void;
  unsubscribe(id: number, filters: readonly string[]): void;
  /** PUBACK for what was sent with QoS 1. */
  acknowledge(id: number): void;
  /** PUBREC for what was sent with QoS 2; absent: nothing is. */
  received?(id: number, reasonCode: number): void;
  /** PUBCOMP for what was released. */
  completed?(id: number): void;
  /** PUBREL for what came with QoS 2. */
  release(id: number): void;
  close(): void;
}

/** What a client has of its connection. */
export interface ClientLine {
  readonly flow: Flow;
  readonly limits: MqttLimits;
  readonly budget: QueueBudget;
  readonly version: ProtocolVersion;
  readonly outbox: Outbox;
  /** Links' packets leave beside the outbox, each agreement's in its turn. */
  readonly lanes: Lanes;
  /** PUBACKs. */
  readonly acknowledgements: Acknowledgements;
  /** PUBRECs. */
  readonly receipts: Acknowledgements;
  /** Stops reading from the client until the promise settles. */
  pauseUntil(done: Promise<unknown>): void;
  /**
   * SUBACK or UNSUBACK. `shorter`, without a reason in words, stands in where the client takes none
   * or no packet as large [MQTT-3.9.2-1]; where it is too large itself, the connection ends.
   */
  reply(packet: Buffer, shorter?: Buffer): void;
  /** Ends the connection; a version 5 client is told why. */
  end(reasonCode: number, text: string): void;
}
