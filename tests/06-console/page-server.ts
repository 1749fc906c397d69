/** Serves the built console and a scripted world as a node does: same origin, strict policy. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { json } from "node:stream/consumers";
import { extname, join } from "node:path";
import type { AddressInfo } from "node:net";
import type { ScriptedWorld } from "./scripted-world.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

const COOKIE = "comity=session";
const SIGNED_IN = { caller: { name: "vera", role: "viewer" } };

export interface PageServer {
  readonly url: string;
  /** Ends every open stream, as a node that restarts does. */
  dropStreams(): void;
  close(): Promise<void>;
}

export async function servePage(options: {
  readonly folder: string;
  readonly world: ScriptedWorld;
  /** Where set, the world is for those who send it. */
  readonly token?: string;
}): Promise<PageServer> {
  const { folder, world, token } = options;
  const streams = new Set<ServerResponse>();
  const isIn = ({ headers }: IncomingMessage): boolean => headers.cookie === COOKIE;

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname;
    if (!path.startsWith("/api/")) return void sendFile(join(folder, file(path)), response);
    if (path === "/api/v1/session") return void session(request, response);
    if (token !== undefined && !isIn(request)) return void response.writeHead(401).end();
    if (path === "/api/v1/world") return answer(response, world.now());
    stream(response);
  });

  async function session(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") return answer(response, isIn(request) ? SIGNED_IN : {});
    const proof = (await json(request)) as { token?: string };
    if (token === undefined || proof.token !== token) return void response.writeHead(401).end();
    response.setHeader("set-cookie", `${COOKIE}; HttpOnly; SameSite=Strict`);
    answer(response, SIGNED_IN);
  }

  function stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (event: string, data: unknown): void => {
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const timer = setInterval(() => send("world", world.now()), 1000);
    const mute = world.listen((happening) => send("happening", happening));
    streams.add(response);
    response.on("close", () => {
      clearInterval(timer);
      mute();
      streams.delete(response);
    });
    send("world", world.now());
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const dropStreams = (): void => {
    for (const response of streams) response.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}/`,
    dropStreams,
    close: async () => {
      dropStreams();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, told: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(told));
}

function file(path: string): string {
  return path === "/" ? "index.html" : path.slice(1);
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  try {
    const body = await readFile(path);
    response.writeHead(200, {
      "content-type": TYPES[extname(path)] ?? "text/plain",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}
