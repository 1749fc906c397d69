import { Type } from "typebox";
import type { OpenIdSettings } from "../federate/openid.ts";
import { readText } from "./context.ts";
import { invalid } from "./flags.ts";

/** `openid` in the file of `--config`. */
export const OpenIdFile = Type.Object(
  {
    issuer: Type.String(),
    client: Type.String(),
    /** A file, so that the secret stands in no list of processes. */
    secretFile: Type.Optional(Type.String()),
    /** The issuer may be private or without TLS. */
    local: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export interface OpenIdFlags {
  readonly openid?: string;
  readonly openidClient?: string;
  readonly openidSecret?: string;
}

/** Flags over file; CONFIG_INVALID where half of it is missing or the issuer is no address. */
export function openIdOf(
  flags: OpenIdFlags,
  file: Type.Static<typeof OpenIdFile> | undefined,
): OpenIdSettings | undefined {
  const issuer = flags.openid ?? file?.issuer;
  const clientId = flags.openidClient ?? file?.client;
  const secretFile = flags.openidSecret ?? file?.secretFile;
  if (issuer === undefined && clientId === undefined && secretFile === undefined) return undefined;
  if (issuer === undefined || clientId === undefined) {
    throw invalid("--openid ISSUER and --openid-client ID go together");
  }
  const isLocal = file?.local === true;
  const url = URL.parse(issuer);
  const isFine = url?.protocol === "https:" || (isLocal && url?.protocol === "http:");
  // Discovery 1.0 §3
  if (!isFine || url?.search !== "" || url.hash !== "") {
    throw invalid(`--openid "${issuer}" is no issuer such as https://login.example`);
  }
  const secret = secretFile === undefined ? undefined : readText(secretFile).trim();
  if (secret === "") throw invalid(`${secretFile} holds no secret`);
  return {
    ...{ issuer, clientId, isLocal },
    ...(secret !== undefined && { clientSecret: secret }),
  };
}
