import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiDeps } from "./deps.ts";

interface StaticFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
  /** Once it was asked for: most nodes are looked at by programs. */
  gzip?: Buffer;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  txt: "text/plain; charset=utf-8",
};
const compressed = /^(text\/|application\/json|image\/svg)/;
const filesMax = 200;
/** The console's pages beside the World: each is the same file, and its script shows which. */
const pages = ["things", "agreements"];

/** A page may load from this node alone, run no inline script and be framed by nobody. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The console's files, read once at the start: nothing else of the disk can be asked for. */
export async function consoleRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  const files = readConsole(deps.consoleDir ?? builtConsoleDir());
  const index = files.get("index.html") ?? plainPage(deps.node.title);
  app.get("/", async (request, reply) => serve(index, request, reply));
  for (const page of pages) {
    app.get(`/console/${page}`, async (request, reply) => serve(index, request, reply));
  }
  for (const [path, file] of files) {
    app.get(`/${path}`, async (request, reply) => serve(file, request, reply));
  }
}

function serve(file: StaticFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.headers({
    "content-security-policy": pagePolicy,
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
    vary: "accept-encoding",
    etag: file.etag,
  });
  const known = request.headers["if-none-match"]?.split(/, */).includes(file.etag) === true;
  if (known) return reply.code(304).send();
  void reply.type(file.type);
  const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  if (!takesGzip || !compressed.test(file.type)) return reply.send(file.bytes);
  file.gzip ??= gzipSync(file.bytes, { level: 9 });
  return reply.header("content-encoding", "gzip").send(file.gzip);
}

/** `dist/console` of the repository, or `console` beside the compiled `src`. */
function builtConsoleDir(): string {
  const fromHere = import.meta.url.endsWith(".ts") ? "../../dist/console" : "../../console";
  return fileURLToPath(new URL(fromHere, import.meta.url));
}

function readConsole(folder: string): Map<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  if (!existsSync(join(folder, "index.html"))) return files;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    const type = types[name.split(".").pop() ?? ""];
    if (type === undefined || !statSync(path).isFile() || files.size >= filesMax) continue;
    const url = relative(folder, path).split(sep).map(encodeURIComponent).join("/");
    files.set(url, staticFile(type, readFileSync(path)));
  }
  return files;
}

function staticFile(type: string, bytes: Buffer): StaticFile {
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  return { type, bytes, etag: `"${hash}"` };
}

function plainPage(title: string): StaticFile {
  const name = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name} · Comity</title>
<h1>${name}</h1>
<p>A Comity node. Its console is not built; its API is here:</p>
<ul>
<li><a href="/api/v1/health">/api/v1/health</a>: is it there?</li>
<li><a href="/api/v1/openapi.json">/api/v1/openapi.json</a>: every route</li>
<li><a href="/api/v1/world">/api/v1/world</a>: the world as this node sees it</li>
</ul>
</html>
`;
  return staticFile("text/html; charset=utf-8", Buffer.from(html));
}
