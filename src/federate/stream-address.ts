import { lookup as dnsLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { ComityError } from "../kernel/errors.ts";
import { publicLookup, type ResolveName } from "./outbound.ts";
import { closedHostProblem, isLoopbackHost } from "./public-address.ts";

/**
 * Where a provider says its stream is fetched: one of its own choosing, so it is held to what
 * calls over HTTP are held to. Throws ADDRESS_FORBIDDEN; returns how the host's name is to be
 * looked up, undefined where it may lead anywhere.
 * `localBase`: the peer's URL under localPeers, which may be private, as may this machine then.
 */
export function streamLookup(
  endpoint: string,
  localBase: string | undefined,
  resolve: ResolveName = dnsLookup,
): LookupFunction | undefined {
  const forbidden = (problem: string) =>
    new ComityError("ADDRESS_FORBIDDEN", { url: endpoint.slice(0, 200), problem });
  const url = URL.parse(endpoint);
  if (!url) throw forbidden("it is no URL");
  if (url.protocol === "mqtts:") throw forbidden("mqtts: is not offered yet");
  if (url.protocol !== "mqtt:") throw forbidden("a stream is fetched over mqtt:");
  // the parser leaves the host of such a URL as it was written
  if (!/^([a-z0-9.-]+|\[[0-9a-f:.]+\])$/i.test(url.hostname)) throw forbidden("it names no host");
  const isPlain =
    `${url.username}${url.password}${url.search}${url.hash}` === "" && /^\/?$/.test(url.pathname);
  if (!isPlain || url.port === "0") throw forbidden("it is more than a host and a port");
  const host = url.hostname.toLowerCase();
  if (localBase !== undefined) {
    if (isLoopbackHost(host) || host === new URL(localBase).hostname) return undefined;
  }
  const problem = closedHostProblem(host);
  if (problem !== undefined) throw forbidden(problem);
  return publicLookup(resolve);
}

/** What is wrong with a user name or token that a provider gave, or undefined. */
export function credentialProblem(text: string): string | undefined {
  if (text.length > 4096) return "is longer than 4,096 characters";
  // visible ASCII: nothing that another protocol's server would take for a line of its own
  return /^[\x21-\x7e]+$/.test(text) ? undefined : "has other characters than visible ASCII";
}
