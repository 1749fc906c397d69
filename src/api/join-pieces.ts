import type { FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { JoinedBytes } from "../wire/joined-bytes.ts";

/** A body of that length is no burden, into however many pieces it is cut. */
const shortBytesMax = 16_384;
const joinedBytes = 65_536;

/**
 * What is parsed as a whole waits in the pieces it comes in, and a sender may cut a mebibyte into
 * a million chunks (RFC 9112 §7.1): they are joined before they wait. Nothing is read before the
 * parser does, so that one that reads a body as it comes may take the request itself.
 */
export async function joinPieces(
  { headers, raw }: FastifyRequest,
  _reply: FastifyReply,
  body: NodeJS.ReadableStream,
): Promise<NodeJS.ReadableStream> {
  const isShort = Number(headers["content-length"] ?? 0) <= shortBytesMax;
  if (isShort && headers["transfer-encoding"] === undefined) return body;
  return Readable.from(joined(raw), { objectMode: false });
}

async function* joined(body: Readable): AsyncGenerator<Buffer> {
  const bytes = new JoinedBytes();
  // what is not read is passed by, so that the sender gets its answer
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    bytes.add(piece as Buffer);
    if (bytes.length >= joinedBytes) yield bytes.take();
  }
  if (bytes.length > 0) yield bytes.take();
}
