import { parentPort } from "node:worker_threads";
import { jsonpath } from "json-p3";
import { problemOf } from "../../kernel/errors.ts";

/** To the thread: what changed since the last question, in pieces, then the question. */
export type JsonPathRequest =
  | { readonly put: readonly (readonly [id: string, td: string])[] }
  | { readonly remove: readonly string[] }
  | { readonly path: string; readonly order: readonly string[]; readonly bytesMax: number };

export type JsonPathReply = { readonly json: string } | { readonly problem: string };

const held = new Map<string, unknown>();

function answer(path: string, order: readonly string[], bytesMax: number): JsonPathReply {
  const all = order.flatMap((id) => (held.has(id) ? [held.get(id) as object] : []));
  let nodes: Iterable<{ readonly value: unknown }>;
  try {
    // RFC 9535; the root is the list of all Descriptions
    nodes = jsonpath.query(path, all as never);
  } catch (error) {
    return { problem: problemOf(error) };
  }
  const found: string[] = [];
  let bytes = 2;
  for (const { value } of nodes) {
    const text = JSON.stringify(value);
    bytes += text.length + 1;
    if (bytes > bytesMax) return { problem: `its answer has more than ${bytesMax} bytes` };
    found.push(text);
  }
  return { json: `[${found.join(",")}]` };
}

if (parentPort !== null) {
  const port = parentPort;
  port.on("message", (request: JsonPathRequest) => {
    if ("put" in request) for (const [id, td] of request.put) held.set(id, JSON.parse(td));
    else if ("remove" in request) for (const id of request.remove) held.delete(id);
    else port.postMessage(answer(request.path, request.order, request.bytesMax), []);
  });
}
