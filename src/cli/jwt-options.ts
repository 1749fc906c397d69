import { Type } from "typebox";
import type { JwtSettings } from "../things/jwt.ts";
import { readText } from "./context.ts";
import { invalid } from "./flags.ts";

/** `jwt` in the file of `--config`. */
export const JwtFile = Type.Object(
  {
    issuer: Type.String(),
    audience: Type.String(),
    /** A file with the issuer's public keys, or the https address they are published at. */
    jwks: Type.String(),
  },
  { additionalProperties: false },
);

export interface JwtFlags {
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly jwtJwks?: string;
}

/** Flags over file; CONFIG_INVALID where a part is missing or the keys are none. */
export function jwtOf(
  flags: JwtFlags,
  file: Type.Static<typeof JwtFile> | undefined,
): JwtSettings | undefined {
  const issuer = flags.jwtIssuer ?? file?.issuer;
  const audience = flags.jwtAudience ?? file?.audience;
  const jwks = flags.jwtJwks ?? file?.jwks;
  if (issuer === undefined && audience === undefined && jwks === undefined) return undefined;
  if (!issuer || !audience || !jwks) {
    throw invalid("--jwt-issuer, --jwt-audience and --jwt-jwks go together");
  }
  if (jwks.startsWith("http:")) throw invalid(`--jwt-jwks "${jwks}" is not https`);
  const keys = jwks.startsWith("https://") ? new URL(jwks) : keysIn(jwks, readText(jwks));
  return { issuer, audience, keys };
}

/** RFC 7517 §5: public keys alone, for whoever holds a secret one could sign as the issuer. */
function keysIn(path: string, text: string): Exclude<JwtSettings["keys"], URL> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw invalid(`--jwt-jwks ${path} is no JSON`);
  }
  const keys = (read as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw invalid(`--jwt-jwks ${path} has no keys`);
  for (const key of keys as readonly ({ kty?: unknown; d?: unknown } | null)[]) {
    const isPublic = typeof key?.kty === "string" && key.kty !== "oct" && key.d === undefined;
    if (!isPublic) throw invalid(`--jwt-jwks ${path} has a key that is no public one`);
  }
  return { keys };
}
