import { connect, type Socket } from "node:net";
import { encodeConnect, encodeSubscribe } from "../src/wire/mqtt/encode.ts";

export type Protocol = "mqtt" | "nats";

/** What a client says first. */
function hello(protocol: Protocol, clientId: string, username?: string): Buffer | string {
  if (protocol === "nats") return `CONNECT {"verbose":false}\r\nPING\r\n`;
  const names = username === undefined ? {} : { username, password: "x" };
  return encodeConnect(4, { clientId, cleanStart: true, keepAliveSeconds: 0, ...names });
}

/** Resolves at the next answer: a packet, or PONG behind whatever else a NATS server tells. */
async function answered(socket: Socket, protocol: Protocol): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("data", function onData(chunk: Buffer) {
      if (protocol === "nats" && !chunk.includes("PONG")) return;
      socket.off("data", onData);
      resolve();
    });
  });
}

/** A client's connection that was let in. */
export async function knock(
  to: { readonly port: number; readonly protocol: Protocol; readonly localAddress?: string },
  clientId: string,
  username?: string,
): Promise<Socket> {
  const { protocol, ...address } = to;
  const socket = connect({ host: "127.0.0.1", noDelay: true, ...address });
  socket.write(hello(protocol, clientId, username));
  await answered(socket, protocol);
  return socket;
}

/** To all that is published, or to one topic; resolves when nothing is missed any more. */
export async function subscribe(
  socket: Socket,
  protocol: Protocol,
  { filter = "bench/#", qos = 0 }: { readonly filter?: string; readonly qos?: 0 | 1 } = {},
): Promise<void> {
  if (protocol === "nats") socket.write(`SUB ${subjectOf(filter)} 1\r\nPING\r\n`);
  else socket.write(encodeSubscribe(4, 1, [{ filter, qos }]));
  await answered(socket, protocol);
}

/** A topic, or a filter that ends in #, as NATS writes it. */
export function subjectOf(topic: string): string {
  return topic.replaceAll("/", ".").replace(/#$/, ">");
}
