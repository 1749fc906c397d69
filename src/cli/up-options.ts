import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { crashAt } from "../kernel/crash.ts";
import { problemOf } from "../kernel/errors.ts";
import { didWebUrl } from "../federate/resolver.ts";
import { placeProblem } from "../kernel/place.ts";
import type { NodeOptions } from "../node.ts";
import { dataDefault, profileFile, readText } from "./context.ts";
import { JwtFile, jwtOf } from "./jwt-options.ts";
import { openIdOf, OpenIdFile } from "./openid-options.ts";
import {
  AddressFile,
  addressOf,
  bytesFrom,
  invalid,
  localPeerFrom,
  placeFrom,
  schemaProblem,
  wholeNumber,
} from "./flags.ts";
import { type TransportFlags, TransportsFile, transportsOf } from "./transport-options.ts";
import { parseYaml } from "./yaml.ts";

export interface UpFlags extends TransportFlags {
  readonly name?: string;
  readonly title?: string;
  readonly country?: string;
  readonly currency?: string;
  readonly place?: string;
  readonly did?: string;
  readonly data?: string;
  readonly http?: string;
  readonly mqtt?: string;
  readonly publicUrl?: string;
  readonly publicMqtt?: string;
  readonly localPeer?: readonly string[];
  readonly openid?: string;
  readonly openidClient?: string;
  readonly openidSecret?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly jwtJwks?: string;
  readonly gatekeeper?: readonly string[];
  readonly localSource?: readonly string[];
  readonly publicWorld?: boolean;
  readonly dev?: boolean;
  readonly retainedMax?: string;
  readonly retainedBytes?: string;
  readonly retainedExpiry?: string;
  readonly sysInterval?: string;
  readonly logLevel?: string;
  readonly config?: string;
}

const logLevels = ["fatal", "error", "warn", "info", "debug", "silent"] as const;
const strict = { additionalProperties: false } as const;
const Address = Type.Union([Type.Integer({ minimum: 0, maximum: 65_535 }), AddressFile]);

const limit = Type.Optional(Type.Integer({ minimum: 1 }));
const limits = {
  connectionsMax: limit,
  unauthenticatedMax: limit,
  connectionsPerPrincipalMax: limit,
  connectionsPerAgreementMax: limit,
  connectionsPerPeerMax: limit,
  connectionsPerClaimMax: limit,
  agreementsPerConnectionMax: limit,
  linkBytesPerSecondMax: limit,
  sessionsPerPrincipalMax: limit,
  packetBytesMax: limit,
  connectionMessagesPerSecondMax: limit,
  connectionBytesPerSecondMax: limit,
  principalMessagesPerSecondMax: limit,
  principalBytesPerSecondMax: limit,
  receiveMaximum: limit,
  topicAliasMaximum: limit,
  keepAliveSecondsMax: limit,
  subscriptionsPerClientMax: limit,
  queueBytesMax: limit,
  queuedBytesMax: limit,
  connectTimeoutMs: limit,
  sessionExpirySecondsMax: limit,
} satisfies Record<keyof NonNullable<NodeOptions["limits"]>, typeof limit>;
const Limits = Type.Object(limits, strict);

/** The file of `--config`: the node's options, each of them optional. */
const ConfigFile = Type.Object(
  {
    name: Type.Optional(Type.String()),
    title: Type.Optional(Type.String()),
    country: Type.Optional(Type.String()),
    currency: Type.Optional(Type.String()),
    place: Type.Optional(
      Type.Object(
        { lat: Type.Number(), lon: Type.Number(), name: Type.Optional(Type.String()) },
        strict,
      ),
    ),
    did: Type.Optional(Type.String()),
    data: Type.Optional(Type.String()),
    http: Type.Optional(Address),
    mqtt: Type.Optional(Address),
    transports: Type.Optional(TransportsFile),
    publicUrl: Type.Optional(Type.String()),
    publicMqttUrl: Type.Optional(Type.String()),
    localPeers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            did: Type.String(),
            url: Type.String(),
            identity: Type.Optional(Type.Literal("mock")),
          },
          strict,
        ),
      ),
    ),
    openid: Type.Optional(OpenIdFile),
    jwt: Type.Optional(JwtFile),
    gatekeepers: Type.Optional(Type.Array(Type.String())),
    localSources: Type.Optional(Type.Array(Type.String())),
    dev: Type.Optional(Type.Boolean()),
    publicWorld: Type.Optional(Type.Boolean()),
    receiptWindowMs: Type.Optional(Type.Integer({ minimum: 10 })),
    exposureMessagesMax: Type.Optional(Type.Integer({ minimum: 1 })),
    logLevel: Type.Optional(Type.Union(logLevels.map((level) => Type.Literal(level)))),
    retained: Type.Optional(
      Type.Object({ topicsMax: limit, bytesMax: limit, expiryMs: limit }, strict),
    ),
    brokerTopicsEveryMs: Type.Optional(Type.Integer({ minimum: 0 })),
    limits: Type.Optional(Limits),
  },
  strict,
);
type ConfigFile = Type.Static<typeof ConfigFile>;
const configFile = Compile(ConfigFile);

const receiptWindowMsDefault = 10_000;
const countryDefault = "ZZ"; // ISO 3166 leaves it to the user
const currencyDefault = "XXX"; // ISO 4217 for "no currency"

/**
 * Flags over file over defaults; CONFIG_INVALID names the option that is wrong. Without a file of
 * one's own, what `up` kept of the last start stands in for it.
 */
export function upOptions(
  flags: UpFlags,
  env: Readonly<Record<string, string | undefined>>,
): NodeOptions {
  const kept = join(flags.data ?? dataDefault, profileFile);
  const file = readConfig(flags.config ?? (existsSync(kept) ? kept : undefined));
  const name = flags.name ?? file.name ?? ownName();
  if (!/^[a-z0-9-]{1,64}$/.test(name)) {
    throw invalid(`--name "${name}" is not 1 to 64 of a-z, 0-9 and -`);
  }
  const crash = env["COMITY_CRASH_AT"];
  return {
    name,
    title: flags.title ?? file.title ?? name,
    country: code("--country", /^[A-Z]{2}$/, flags.country ?? file.country ?? countryDefault),
    currency: code("--currency", /^[A-Z]{3}$/, flags.currency ?? file.currency ?? currencyDefault),
    place: placeOf(flags, file),
    ...optional("did", didWeb(flags.did ?? file.did)),
    data: flags.data ?? file.data ?? dataDefault,
    http: addressOr("--http", flags.http, file.http, 8080),
    mqtt: addressOr("--mqtt", flags.mqtt, file.mqtt, 1883),
    ...optional("transports", transportsOf(flags, file.transports)),
    ...optional("publicUrl", httpUrl("--public-url", flags.publicUrl ?? file.publicUrl)),
    ...optional("publicMqttUrl", flags.publicMqtt ?? file.publicMqttUrl),
    localPeers: [...(file.localPeers ?? []), ...(flags.localPeer ?? []).map(localPeerFrom)],
    ...optional("openid", openIdOf(flags, file.openid)),
    ...optional("jwt", jwtOf(flags, file.jwt)),
    localSources: [...(file.localSources ?? []), ...(flags.localSource ?? [])].map(originOf),
    gatekeepers: [...(file.gatekeepers ?? []), ...(flags.gatekeeper ?? [])],
    dev: flags.dev ?? file.dev ?? false,
    publicWorld: flags.publicWorld ?? file.publicWorld ?? false,
    receiptWindowMs: file.receiptWindowMs ?? receiptWindowMsDefault,
    ...optional("exposureMessagesMax", file.exposureMessagesMax),
    ...optional("logLevel", logLevelOf(flags.logLevel) ?? file.logLevel),
    ...optional(
      "brokerTopicsEveryMs",
      sysIntervalMs(flags.sysInterval) ?? file.brokerTopicsEveryMs,
    ),
    retained: retainedOf(flags, file.retained),
    ...optional("limits", file.limits),
    // kill -9 at a named place, so that tests can show what a node takes up again
    ...(crash !== undefined && {
      crash: crashAt(crash, () => process.kill(process.pid, "SIGKILL")),
    }),
  };
}

function logLevelOf(text: string | undefined): NodeOptions["logLevel"] {
  if (text === undefined) return undefined;
  const level = logLevels.find((one) => one === text);
  if (level === undefined)
    throw invalid(`--log-level "${text}" is none of ${logLevels.join(", ")}`);
  return level;
}

function retainedOf(
  { retainedMax, retainedBytes, retainedExpiry }: UpFlags,
  file: ConfigFile["retained"] = {},
): NonNullable<NodeOptions["retained"]> {
  const topics = retainedMax === undefined ? undefined : wholeNumber("--retained-max", retainedMax);
  const bytes =
    retainedBytes === undefined ? undefined : bytesFrom("--retained-bytes", retainedBytes);
  const seconds =
    retainedExpiry === undefined ? undefined : wholeNumber("--retained-expiry", retainedExpiry);
  return {
    ...file,
    ...optional("topicsMax", topics),
    ...optional("bytesMax", bytes),
    ...optional("expiryMs", seconds === undefined ? undefined : seconds * 1000),
  };
}

function sysIntervalMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber("--sys-interval", text) * 1000;
}

function readConfig(path: string | undefined): ConfigFile {
  if (path === undefined) return {};
  const text = readText(path);
  let read: unknown;
  try {
    read = parseYaml(text);
  } catch (error) {
    throw invalid(`${path}: ${problemOf(error)}`);
  }
  if (configFile.Check(read)) return read;
  throw invalid(`${path}${schemaProblem(configFile.Errors(read))}`);
}

function addressOr(
  option: string,
  flag: string | undefined,
  file: ConfigFile["http"],
  port: number,
): { host: string; port: number } {
  const told = typeof file === "number" ? { port: file } : file;
  return addressOf(option, flag, told ?? { port });
}

function placeOf(flags: UpFlags, file: ConfigFile): NodeOptions["place"] {
  if (flags.place === undefined && file.place === undefined) return { lat: 0, lon: 0 };
  const place = flags.place === undefined ? file.place : placeFrom(flags.place);
  const problem = place && placeProblem(place);
  if (problem !== undefined) throw invalid(`--place: ${problem}`);
  return place ?? { lat: 0, lon: 0 };
}

function code(option: string, form: RegExp, value: string): string {
  if (!form.test(value)) throw invalid(`${option} "${value}" is not an ISO code such as NL or EUR`);
  return value;
}

/** Kept for ever at the first start: one that peers could not resolve is refused before. */
function didWeb(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    didWebUrl(value);
  } catch {
    throw invalid(`--did "${value}" is no did:web such as did:web:node.example`);
  }
  return value;
}

function httpUrl(option: string, value: string | undefined): string | undefined {
  const fine = value === undefined || /^https?:\/\/[^/]+/.test(value);
  if (!fine) throw invalid(`${option} "${value}" is not an http address`);
  return value;
}

function originOf(value: string): string {
  const url = URL.parse(value);
  if (url && /^https?:$/.test(url.protocol)) return url.origin;
  // an origin of another scheme is opaque (URL Standard §4.7)
  if (url?.protocol === "tcp:" && url.port !== "") return `tcp://${url.host}`;
  throw invalid(
    `--local-source "${value}" is not an origin such as http://127.0.0.1:8000 or tcp://HOST:PORT`,
  );
}

/** Who it was said to be, as a file of options; of what is the default nothing is kept. */
export function profileOf({ name, title, country, currency, place }: NodeOptions): object {
  return {
    ...(name !== ownName() && { name }),
    ...(title !== name && { title }),
    ...(country !== countryDefault && { country }),
    ...(currency !== currencyDefault && { currency }),
    ...((place.lat !== 0 || place.lon !== 0) && { place }),
  };
}

/** The machine's own name, as far as it can be one. */
function ownName(): string {
  const plain = hostname().toLowerCase().split(".")[0] ?? "";
  return (
    plain
      .replace(/[^a-z0-9-]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 64) || "node"
  );
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
