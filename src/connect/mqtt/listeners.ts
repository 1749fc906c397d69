/**
 * Where clients come in: TCP, TLS, WebSocket, secure WebSocket, a Unix socket. Whatever the way,
 * each connection is the same `connection.ts` behind it, with the same limits and the same
 * questions about who it is.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect, createServer, type Server, Socket } from "node:net";
import { createServer as createTls, type TlsOptions } from "node:tls";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { certificateOf } from "./client-certificate.ts";
import type { Accept } from "./client-socket.ts";
import type { MqttLimits } from "./limits.ts";
import type { TlsFiles } from "./tls-files.ts";
import { serveWebSockets } from "./web-sockets.ts";

interface Address {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export type ListenerSettings =
  | ({ readonly transport: "tcp" } & Address)
  | ({ readonly transport: "tls"; readonly tls: TlsFiles } & Address)
  /** `origins`: pages of other places than this one that may connect. */
  | ({ readonly transport: "ws"; readonly origins: readonly string[] } & Address)
  | ({
      readonly transport: "wss";
      readonly tls: TlsFiles;
      readonly origins: readonly string[];
    } & Address)
  /** Who may open the file may connect; it is its owner's alone. */
  | { readonly transport: "unix"; readonly path: string };

export interface Listener {
  readonly transport: ListenerSettings["transport"];
  readonly url: string;
  readonly port: number | undefined;
  readonly tls: TlsFiles | undefined;
  /** Takes nobody in any more; resolves when all are gone. */
  close(): Promise<void>;
}

const schemes = { tcp: "mqtt", tls: "mqtts", ws: "ws", wss: "wss" } as const;
const options = { tcp: "--mqtt", tls: "--mqtts", ws: "--ws", wss: "--wss" } as const;
const socketOptions = { noDelay: true, highWaterMark: 65_536 } as const;

/** PORT_BUSY names the option; CONFIG_INVALID where a Unix socket cannot be made. */
export async function listen(
  settings: ListenerSettings,
  limits: MqttLimits,
  accept: Accept,
): Promise<Listener> {
  const { transport } = settings;
  const server = serverOf(settings, limits, accept);
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  if (settings.transport === "unix") {
    const { path } = settings;
    await openUnixSocket(server, path);
    return { transport, url: `mqtt+unix://${path}`, port: undefined, tls: undefined, close };
  }
  const { host, port: asked } = settings;
  await opened(
    server,
    () => server.listen(asked, host),
    (error) =>
      error.code === "EADDRINUSE"
        ? new ComityError("PORT_BUSY", { port: asked, host, option: options[settings.transport] })
        : error,
  );
  const { port } = server.address() as AddressInfo;
  const url = `${schemes[settings.transport]}://${hostInUrl(host)}:${port}`;
  return { transport, url, port, tls: "tls" in settings ? settings.tls : undefined, close };
}

function hostInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function serverOf(settings: ListenerSettings, limits: MqttLimits, accept: Accept): Server {
  switch (settings.transport) {
    case "tcp":
      return createServer(socketOptions, (socket) => accept(socket));
    case "unix":
      // Whoever comes by a file is on this machine.
      return createServer(socketOptions, (socket) =>
        accept(Object.defineProperty(socket, "remoteAddress", { value: "::1" })),
      );
    case "tls": {
      const server = createTls({ ...socketOptions, ...tlsOptions(settings.tls, limits) });
      server.on("secureConnection", (socket) => accept(socket, certificateOf(socket)));
      server.on("tlsClientError", (_, socket) => socket.destroy());
      settings.tls.onChanged((changed) => server.setSecureContext(changed));
      return boundHandshakes(server, limits, "secureConnection");
    }
    case "ws": {
      const server = createHttp(httpOptions(limits));
      serveWebSockets(server, settings.origins, limits, accept);
      return boundHandshakes(server, limits, "upgrade");
    }
    case "wss": {
      const server = createHttps({ ...httpOptions(limits), ...tlsOptions(settings.tls, limits) });
      server.on("tlsClientError", (_, socket) => socket.destroy());
      settings.tls.onChanged((changed) => server.setSecureContext(changed));
      serveWebSockets(server, settings.origins, limits, accept);
      return boundHandshakes(server, limits, "upgrade");
    }
  }
}

function tlsOptions(tls: TlsFiles, limits: MqttLimits): TlsOptions {
  const mode = tls.clientMode;
  return {
    ...tls.options,
    handshakeTimeout: limits.connectTimeoutMs,
    requestCert: mode !== "none",
    rejectUnauthorized: mode === "required",
  };
}

function httpOptions({ connectTimeoutMs }: MqttLimits) {
  const timeouts = { headersTimeout: connectTimeoutMs, requestTimeout: connectTimeoutMs };
  const checked = { connectionsCheckingInterval: 1000, maxHeaderSize: 8192 };
  return { ...timeouts, ...checked, ...socketOptions };
}

/** Who has not finished a handshake is a stranger as well: the oldest makes room for another. */
function boundHandshakes(
  server: Server,
  { unauthenticatedMax }: MqttLimits,
  doneAt: "secureConnection" | "upgrade",
): Server {
  const open = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    if (open.size >= unauthenticatedMax) open.values().next().value?.destroy();
    const name = farEnd(socket);
    open.set(name, socket);
    socket.once("close", () => open.delete(name));
  });
  server.on(doneAt, (...come: readonly unknown[]) => {
    const socket = come.find((one) => one instanceof Socket);
    if (socket !== undefined) open.delete(farEnd(socket));
  });
  return server;
}

function farEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function opened(
  server: Server,
  start: () => void,
  meant: (error: NodeJS.ErrnoException) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(meant(error)));
    server.once("listening", resolve);
    start();
  });
}

/** A file that no process listens on any more is replaced; one that somebody does is not. */
async function openUnixSocket(server: Server, path: string): Promise<void> {
  const meant = (error: unknown): ComityError =>
    new ComityError("CONFIG_INVALID", { problem: `--mqtt-socket ${path}: ${problemOf(error)}` });
  if (await answers(path)) throw meant(new Error("another process listens on it"));
  rmSync(path, { force: true });
  await opened(server, () => server.listen(path), meant);
  chmodSync(path, 0o600);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
