/**
 * Runs of a link's packets, compressed. A block is one PUBLISH of QoS 0 on the topic
 * `$link/<agreement>/block`; its payload is one byte that names the encoding, four bytes (big
 * endian) with the length of what was compressed, and the compressed bytes. What the blocks of an
 * agreement hold, one after the other, is a stream of MQTT packets; a packet may begin in one
 * block and end in the next. Checkpoints count messages and payload bytes as they were.
 */
import * as zlib from "node:zlib";
import { encodePublish } from "../mqtt/encode.ts";
import { PacketStream, type PacketSink } from "../mqtt/packet-stream.ts";
import { malformed } from "../mqtt/protocol.ts";
import { linkTopic } from "./control.ts";

/** `zstd` is RFC 8878, `deflate` the raw form of RFC 1951. */
export type BlockEncoding = "zstd" | "deflate";

/** What this process can read and write, the better one first. */
export const blockEncodings: readonly BlockEncoding[] =
  typeof zlib.zstdCompressSync === "function" ? ["zstd", "deflate"] : ["deflate"];

/** Of the bytes before compression; what says it is more is refused before anything is made. */
export const blockBytesMax = 262_144;
/** Smaller runs go as they are. */
const worthwhileBytes = 512;
const headBytes = 5;

const codes = { stored: 0, zstd: 1, deflate: 2 } as const;

export function blockTopic(agreement: string): string {
  return `${linkTopic(agreement)}/block`;
}

/** The first of the encodings asked for, in the order of the one who asks, that is known here. */
export function chosenEncoding(accepted: string | undefined): BlockEncoding | undefined {
  const asked = (accepted ?? "").split(",").map((one) => one.trim());
  return blockEncodings.find((known) => asked.includes(known));
}

/** What is written instead of the packets: blocks, or the packets where that is shorter. */
export function encodeBlocks(
  agreement: string,
  encoding: BlockEncoding,
  packets: Buffer,
): Buffer[] {
  if (packets.length < worthwhileBytes) return [packets];
  const pieces: Buffer[] = [];
  for (let at = 0; at < packets.length; at += blockBytesMax) {
    pieces.push(packets.subarray(at, at + blockBytesMax));
  }
  const payloads = pieces.map((piece) => encodePiece(encoding, piece));
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  if (bytes >= packets.length) return [packets];
  const topic = blockTopic(agreement);
  return payloads.map((payload) => encodePublish(5, { topic, payload }));
}

function encodePiece(encoding: BlockEncoding, piece: Buffer): Buffer {
  const packed =
    encoding === "zstd"
      ? zlib.zstdCompressSync(piece, {
          params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 },
        })
      : zlib.deflateRawSync(piece, { level: 1 });
  const isShorter = packed.length < piece.length;
  const head = Buffer.alloc(headBytes);
  head[0] = isShorter ? codes[encoding] : codes.stored;
  head.writeUInt32BE(piece.length, 1);
  return Buffer.concat([head, isShorter ? packed : piece]);
}

/** Throws ProtocolError where the payload is no block, or holds more or less than it says. */
export function decodeBlock(payload: Buffer): Buffer {
  if (payload.length <= headBytes) throw malformed("a block without content");
  const length = payload.readUInt32BE(1);
  if (length === 0 || length > blockBytesMax) {
    throw malformed(`a block of ${length} bytes; at most ${blockBytesMax} are taken`);
  }
  const content = unpacked(payload[0]!, payload.subarray(headBytes), length);
  if (content.length !== length) {
    throw malformed(`a block that says ${length} bytes and holds ${content.length}`);
  }
  return content;
}

/** Unpacking stops at the declared length, however much more the bytes would become. */
function unpacked(code: number, bytes: Buffer, maxOutputLength: number): Buffer {
  try {
    if (code === codes.stored) return bytes;
    if (code === codes.deflate) return zlib.inflateRawSync(bytes, { maxOutputLength });
    if (code === codes.zstd && blockEncodings.includes("zstd")) {
      return zlib.zstdDecompressSync(bytes, { maxOutputLength });
    }
  } catch {
    throw malformed(`a block that does not unpack to ${maxOutputLength} bytes`);
  }
  throw malformed(`a block of encoding ${code}, which nobody asked for`);
}

/** The packets in an agreement's blocks, in order; only PUBLISH stands in them. */
export class BlockReader {
  readonly #stream: PacketStream;

  constructor(onRun: PacketSink["onRun"], packetBytesMax: number) {
    const onPacket = (first: number): never => {
      throw malformed(`packet type ${first >> 4} in a block`);
    };
    this.#stream = new PacketStream({ onRun, onPacket }, packetBytesMax);
    this.#stream.version = 5;
  }

  /** Bytes of a packet that is not all here. */
  get heldBytes(): number {
    return this.#stream.heldBytes;
  }

  /** Throws ProtocolError. */
  push(payload: Buffer): void {
    this.#stream.push(decodeBlock(payload));
  }
}
