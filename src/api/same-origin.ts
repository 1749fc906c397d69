import type { FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";

/** A web page of another origin may not use a browser's place in this network. */
export function refuseOtherOrigins(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (request.headers["sec-fetch-mode"] === "navigate" && request.method === "GET") return;
  const foreign =
    site === undefined
      ? origin !== undefined && hostOf(origin) !== host
      : site !== "same-origin" && site !== "none";
  if (!foreign) return;
  throw new ComityError("FORBIDDEN", { who: `A page of ${origin ?? site}`, act: "call this node" });
}

/** A browser says so; who says nothing is no page of this node. */
export function fromThisNode({ headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return headers.origin !== undefined && hostOf(headers.origin) === headers.host;
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : "";
}
