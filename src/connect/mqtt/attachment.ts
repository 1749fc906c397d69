import type { Outbox } from "../../flow/outbox.ts";
import { layout5, type Run } from "../../flow/run.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import { pieces } from "./backlog.ts";
import type { OutgoingAliases } from "./outgoing-aliases.ts";

/** What a connected client takes. */
export interface Attachment {
  readonly outbox: Outbox;
  readonly version: ProtocolVersion;
  /** Unacknowledged QoS 1 and 2 messages it accepts at once. */
  readonly receiveMaximum: number;
  /** Bytes of one packet it accepts. */
  readonly packetBytesMax: number;
  /** Absent: it takes none. */
  readonly aliases?: OutgoingAliases | undefined;
}

/** What telling an alias may add to a packet, a longer length included. */
const aliasBytes = 5;

/**
 * The messages of a run whose packets the client says it can take [MQTT-3.1.2-24], with what is
 * `added` to each; undefined: none of them.
 */
export function fitting(
  run: Run,
  { version, packetBytesMax, aliases }: Attachment,
  qos: 0 | 1 | 2,
  added: Buffer | undefined,
): Run | undefined {
  const aliasSpare = aliases === undefined ? 0 : aliasBytes;
  if (run.packets.length + 8 + (added?.length ?? 0) + aliasSpare <= packetBytesMax) return run;
  const options = {
    flags: qos << 1,
    ...(qos === 0 ? {} : { nextId: () => 1 }),
    ...(added ? { added } : {}),
  };
  const kept = pieces(run).filter(
    (piece) => piece.encodeFor(version, options).length + aliasSpare <= packetBytesMax,
  );
  if (kept.length === 0) return undefined;
  const payloadBytes = kept.reduce((sum, piece) => sum + piece.payloadBytes, 0);
  const packets = kept.map((piece) => piece.packets);
  return run.with(packets, layout5, payloadBytes);
}
