import type { TransferFormat } from "../../market/formats.ts";
import type { HttpSource, PushTarget, StreamAddress, Transfer } from "../../market/transfer.ts";
import { ComityError } from "../../kernel/errors.ts";
import { DataAddress } from "../../wire/dsp/messages.ts";
import { matchesMessage } from "../../wire/dsp/parse.ts";
import { credentialProblem } from "../stream-address.ts";

/** Where other organisations come in for data. */
export interface Doors {
  /** `https://host[:port]` of this node. */
  readonly baseUrl: () => string;
  /** `mqtt://host:port` under which other organisations reach this node. */
  readonly mqttUrl: () => string;
  readonly signer: { readonly did: string };
}

const endpointTypes: Readonly<Record<TransferFormat, string>> = {
  "Mqtt5-PULL": "https://w3id.org/comity/mqtt5",
  "HttpData-PULL": "https://w3id.org/idsa/v4.1/HTTP",
  "Sse-PULL": "https://w3id.org/comity/sse",
  "WebSocket-PULL": "https://w3id.org/comity/websocket",
  "Mqtt5-PUSH": "https://w3id.org/comity/mqtt5",
};

/** Seconds for which a token is good: the name that connectors with expiring tokens use. */
const expiresInProperty = "https://w3id.org/tractusx/auth/expiresIn";

/** Eclipse EDC reads and writes the endpoint as a property, and knows no member of that name. */
const edcNamespace = "https://w3id.org/edc/v0.0.1/ns/";

/** The DataAddress of a start message (DSP 2025-1 §9.2.2): where to come in, and with what. */
export function dataAddressOf(
  { format, agreement }: Transfer,
  { token, expiresInMs }: { readonly token: string; readonly expiresInMs: number },
  doors: Doors,
): DataAddress {
  const isMqtt = format === "Mqtt5-PULL";
  const endpoint = endpointOf(format, agreement, doors);
  const properties: Record<string, string> = {
    authorization: token,
    authType: isMqtt ? "password" : "bearer",
    // A node may come as itself instead, with a token of its own for this participant.
    ...(isMqtt
      ? { username: agreement, participant: doors.signer.did }
      : { [`${edcNamespace}endpoint`]: endpoint }),
    [expiresInProperty]: String(Math.max(0, Math.floor(expiresInMs / 1000))),
  };
  return {
    "@type": "DataAddress",
    endpointType: endpointTypes[format],
    endpoint,
    endpointProperties: Object.entries(properties).map(([name, value]) => {
      return { "@type": "EndpointProperty", name, value } as const;
    }),
  };
}

const topicPrefixMax = 256;

/** Where a TransferRequestMessage wants a push (DSP 2025-1 §9.2.1); BODY_INVALID says what not. */
export function pushTarget(address: unknown): PushTarget {
  const invalid = (problem: string) =>
    new ComityError("BODY_INVALID", { problem: `/dataAddress ${problem}` });
  if (!matchesMessage(DataAddress, address)) throw invalid("is missing, or is none");
  const property = (name: string) =>
    address.endpointProperties?.find((candidate) => candidate.name === name)?.value;
  const { endpoint, endpointType } = address;
  const type = endpointTypes["Mqtt5-PUSH"];
  if (endpointType !== type || !endpoint) throw invalid(`is no ${type} with an endpoint`);
  const username = property("username");
  const password = property("authorization");
  for (const [name, value] of Object.entries({ username, authorization: password })) {
    const problem = value === undefined ? undefined : credentialProblem(value);
    if (problem !== undefined) throw invalid(`${name} ${problem}`);
  }
  const topicPrefix = property("topicPrefix") ?? "";
  if (/[+#\0$]/.test(topicPrefix) || topicPrefix.length > topicPrefixMax) {
    throw invalid(`topicPrefix "${topicPrefix.slice(0, 80)}" cannot begin a topic`);
  }
  return {
    endpoint,
    topicPrefix,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function endpointOf(format: TransferFormat, agreement: string, doors: Doors): string {
  if (format === "Mqtt5-PULL") return doors.mqttUrl();
  const url = `${doors.baseUrl()}/data/${encodeURIComponent(agreement)}`;
  if (format === "HttpData-PULL") return url;
  return format === "Sse-PULL" ? `${url}/stream` : `${url.replace(/^http/, "ws")}/stream`;
}

/** The same read by a consumer, for its format; BODY_INVALID says what is missing. */
export function fetchedAt(
  address: DataAddress,
  { format, agreement, counterpart }: Transfer,
  now: number,
): { readonly stream: StreamAddress } | { readonly source: HttpSource } {
  const named = (name: string) =>
    address.endpointProperties?.find((one) => one.name === name)?.value;
  const property = (name: string) => named(name) ?? named(`${edcNamespace}${name}`);
  const token = property("authorization");
  const { endpoint = property("endpoint"), endpointType } = address;
  const isMqtt = format === "Mqtt5-PULL";
  if (endpointType !== endpointTypes[format] || !endpoint || (isMqtt && token === undefined)) {
    const needs = isMqtt ? "endpoint and authorization" : "endpoint";
    const problem = `/dataAddress is no ${endpointTypes[format]} with ${needs}`;
    throw new ComityError("BODY_INVALID", { problem });
  }
  const lifetime = Number(property(expiresInProperty) ?? Number.NaN);
  const expiry = Number.isFinite(lifetime) ? { expiresAt: now + lifetime * 1000 } : {};
  const username = property("username") ?? agreement;
  for (const [name, value] of Object.entries({ username, authorization: token ?? "none" })) {
    const problem = credentialProblem(value);
    if (problem === undefined) continue;
    throw new ComityError("BODY_INVALID", { problem: `/dataAddress ${name} ${problem}` });
  }
  if (isMqtt) {
    const shared = property("participant") === counterpart ? { isShared: true } : {};
    return { stream: { endpoint, username, token: token ?? "", ...expiry, ...shared } };
  }
  if (token === undefined) return { source: { url: endpoint, ...expiry } };
  // RFC 6750 §2.1 where the provider says so; else its value is the header's, as it stands: EDC's
  // own data plane takes its token alone, though its namespaced authType says bearer
  const isBearer = named("authType")?.toLowerCase() === "bearer" && !/^bearer /i.test(token);
  return {
    source: { url: endpoint, authorization: isBearer ? `Bearer ${token}` : token, ...expiry },
  };
}
