import { Type } from "typebox";
import type { LocalPeer } from "../federate/resolver.ts";
import { secondsOf } from "../kernel/duration.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Place } from "../kernel/place.ts";
import type { UnitPrice } from "../kernel/price.ts";
import { priceProblem } from "../kernel/price-problem.ts";

const loopbackHost = "127.0.0.1";

/** In the file of `--config`. */
export const AddressFile = Type.Object(
  { host: Type.Optional(Type.String()), port: Type.Integer({ minimum: 0, maximum: 65_535 }) },
  { additionalProperties: false },
);

/** For options that may be given several times. */
export function repeated(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

export const graceOption = [
  "--grace <time>",
  "how long the old token stays good, such as 24h (default: 1h; 0: it ends at once)",
] as const;

export function graceSecondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : secondsFrom("--grace", text);
}

/** `30d`, `12h`, `90s`. */
export function secondsFrom(option: string, text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined) throw invalid(`${option} "${text}" is no time such as 24h`);
  return seconds;
}

export function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw invalid(`${option} "${text}" is not a whole number`);
  return Number(text);
}

/** `500MB`, `10GB`, `1TB` (powers of ten), or a number of bytes. */
export function bytesFrom(option: string, text: string): number {
  const [, digits, unit = ""] = /^(\d{1,9})(?: ?(kB|MB|GB|TB))?$/.exec(text) ?? [];
  if (digits === undefined) throw invalid(`${option} "${text}" is no size such as 10GB`);
  return Number(digits) * 1000 ** ["", "kB", "MB", "GB", "TB"].indexOf(unit);
}

/** `11kW` or `3600W`, in W. */
export function wattsFrom(text: string): number {
  const [, digits, unit] = /^(\d{1,7}(?:\.\d{1,3})?) ?(kW|W)$/.exec(text) ?? [];
  if (digits === undefined) throw invalid(`"${text}" is no power such as 11kW`);
  return Number(digits) * (unit === "kW" ? 1000 : 1);
}

/** `0.002 EUR`, or `free`. */
export function priceFrom(text: string, perMessages: number): UnitPrice {
  // XXX: ISO 4217 for "no currency"
  const match = /^(free|0)$/.test(text)
    ? ["", "0", "XXX"]
    : /^(\S+)\s+([A-Z]{3})$/.exec(text.trim());
  const [, amount, currency] = match ?? [];
  if (amount === undefined || currency === undefined) {
    throw invalid(`--price "${text}" is not an amount and a currency such as "0.002 EUR", or free`);
  }
  const price = { amount, currency, perMessages };
  const problem = priceProblem(price);
  if (problem !== undefined) throw invalid(`--price: ${problem}`);
  return price;
}

/** `12.5 EUR`. */
export function amountFrom(text: string): { readonly amount: string; readonly currency: string } {
  const [, amount, currency] = /^(\d[\d.]*) ?([A-Z]{3})$/.exec(text) ?? [];
  if (amount !== undefined && currency !== undefined) return { amount, currency };
  throw invalid(`"${text}" is no amount such as "12.5 EUR"`);
}

/** `51.92,4.48` or `51.92,4.48,Rotterdam`. */
export function placeFrom(text: string): Place {
  const [lat = "", lon = "", ...name] = text.split(",");
  const place = { lat: Number(lat), lon: Number(lon) };
  if (lat.trim() === "" || lon.trim() === "" || Number.isNaN(place.lat + place.lon)) {
    throw invalid(`--place "${text}" is not latitude,longitude such as 51.92,4.48`);
  }
  return name.length === 0 ? place : { ...place, name: name.join(",").trim() };
}

/** `8080` or `0.0.0.0:8080`; the host where only a port is given. */
export function addressFrom(
  option: string,
  text: string,
  hostDefault: string,
): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) throw invalid(`${option} "${text}" is not PORT or HOST:PORT`);
  return { host: (match[1] ?? hostDefault).replace(/^\[|\]$/g, ""), port };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

type AddressFile = Type.Static<typeof AddressFile>;

/** Flag over file; undefined where neither says anything. Loopback, where no host is named. */
export function addressOf(option: string, flag: string | undefined, file: AddressFile): Address;
export function addressOf(
  option: string,
  flag: string | undefined,
  file: AddressFile | undefined,
): Address | undefined;
export function addressOf(
  option: string,
  flag: string | undefined,
  file: AddressFile | undefined,
): Address | undefined {
  if (flag !== undefined) return addressFrom(option, flag, loopbackHost);
  return file && { host: file.host ?? loopbackHost, port: file.port };
}

/**
 * `http://127.0.0.1:8081`, known by its port as nodes on one machine are, or `DID=URL`, or
 * `mock:ID=URL` for a connector that is tried without any identity, by its protocol endpoint.
 */
export function localPeerFrom(text: string): LocalPeer {
  const [, unproven, did, url = ""] = /^(?:mock:([^=]+)=|(did:[^=]+)=)?(.*)$/.exec(text) ?? [];
  const named = unproven ?? did;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || (parsed.port === "" && !named)) {
    throw invalid(`--local-peer "${text}" is not an address such as http://127.0.0.1:8081`);
  }
  if (unproven !== undefined) return { did: unproven, url: parsed.href, identity: "mock" };
  return { did: named ?? `did:web:localhost%3A${parsed.port}`, url: parsed.origin };
}

/** What a schema found first. */
export function schemaProblem(
  found: readonly { readonly instancePath: string; readonly message: string }[],
): string {
  const [first] = found;
  if (!first) return " is wrong";
  // "schema is false" is how a schema says that it has no such member
  const unknown = first.message === "schema is false";
  return `${first.instancePath} ${unknown ? "is no member it has" : first.message}`;
}

export function invalid(problem: string): ComityError {
  return new ComityError("CONFIG_INVALID", { problem });
}
