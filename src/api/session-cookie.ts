import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";
import type { Principal } from "../things/access.ts";
import { consoleHours } from "../things/console-sessions.ts";
import type { ApiDeps } from "./deps.ts";
import { fromThisNode } from "./same-origin.ts";

type Node = Pick<ApiDeps, "node">;

/** The cookie that opens a session; an empty secret takes it back. */
export function sessionCookie(secret: string, deps: Node): string {
  const maxAge = secret === "" ? 0 : consoleHours * 3_600;
  const secure = isSecure(deps) ? "; Secure" : "";
  return `${nameOf(deps)}=${secret}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}

/** The secret of the session that a browser comes with; empty: none. */
export function sessionSecret({ headers }: FastifyRequest, deps: Node): string {
  const all = (headers.cookie ?? "").split(";").map((one) => one.trim());
  const name = `${nameOf(deps)}=`;
  return all.find((one) => one.startsWith(name))?.slice(name.length) ?? "";
}

/**
 * Who a browser's session is. A cookie comes along whoever made the request, and `SameSite` does
 * not tell ports apart: what changes something must say itself that a page of this node sent it.
 */
export function principalOfSession(
  request: FastifyRequest,
  deps: Node & Pick<ApiDeps, "sessions">,
): Principal | undefined {
  if (request.headers.authorization !== undefined) return undefined;
  const secret = sessionSecret(request, deps);
  const principal = secret === "" ? undefined : deps.sessions.principalOf(secret);
  const reads = request.method === "GET" || request.method === "HEAD";
  if (principal === undefined || reads || fromThisNode(request)) return principal;
  const who = "A request with a session's cookie that no page of this node sent";
  throw new ComityError("FORBIDDEN", { who, act: "change anything" });
}

/** A browser gives one cookie jar to all ports of a host: each node has a name of its own in it. */
function nameOf(deps: Node): string {
  const node = createHash("sha256").update(deps.node.did).digest("hex").slice(0, 16);
  return `${isSecure(deps) ? "__Host-" : ""}comity-${node}`;
}

function isSecure({ node }: Node): boolean {
  return (node.publicUrl ?? node.httpUrl()).startsWith("https:");
}
