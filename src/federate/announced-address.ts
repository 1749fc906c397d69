import { isIPv4 } from "node:net";
import { ComityError } from "../kernel/errors.ts";

/** Where others reach this node, as far as it is another address than it binds. */
export interface PublicAddresses {
  readonly publicUrl?: string;
  /** `mqtt://host:port` */
  readonly publicMqttUrl?: string;
}

/**
 * The MQTT address that consumers are told: the public one where it is named, else the bound
 * port on the host of `publicUrl`, else what is bound, for peers on this machine.
 */
export function announcedMqttUrl(addresses: PublicAddresses, boundUrl: string): string {
  const { publicUrl, publicMqttUrl } = addresses;
  if (publicMqttUrl !== undefined) return publicMqttUrl;
  if (publicUrl === undefined) return boundUrl;
  return `mqtt://${new URL(publicUrl).hostname}:${new URL(boundUrl).port}`;
}

/** CONFIG_INVALID where other machines would be told an address that leads them to themselves. */
export function assertAnnounceable(addresses: PublicAddresses): void {
  const { publicUrl, publicMqttUrl } = addresses;
  if (publicMqttUrl !== undefined && !/^mqtt:\/\/(\[[^\]]+\]|[^/:[\]]+):\d+$/.test(publicMqttUrl)) {
    throw invalid(`--public-mqtt "${publicMqttUrl}" is not mqtt://HOST:PORT`);
  }
  if (publicUrl === undefined) return;
  const { hostname } = new URL(publicMqttUrl ?? publicUrl);
  if (!isHere(hostname)) return;
  const fault = publicMqttUrl === undefined ? "--public-url" : "--public-mqtt";
  throw invalid(
    `others would be told to connect to ${hostname}, which is this machine alone; ` +
      `name a host they reach in ${fault}`,
  );
}

/** Loopback, or the wildcard that a socket binds. */
function isHere(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIPv4(host)) return host.startsWith("127.") || host.startsWith("0.");
  return host === "localhost" || host.endsWith(".localhost") || host === "::" || host === "::1";
}

function invalid(problem: string): ComityError {
  return new ComityError("CONFIG_INVALID", { problem });
}
