import type { Principal } from "./access.ts";
import type { Things } from "./directory.ts";
import type { Users } from "./users.ts";

interface Directories {
  readonly things: Things;
  readonly users: Users;
}

/**
 * Who an `Authorization` header names: `Bearer TOKEN` for a user, `Bearer THING:TOKEN` for a
 * Thing (RFC 6750 §2.1; a token is base64url, so the colon is free), or `Basic` with what MQTT
 * would take (RFC 7617), so that one scheme of a Description opens both. Undefined: nobody.
 */
export function principalOfBearer(
  header: string | undefined,
  { things, users }: Directories,
): Principal | undefined {
  const basic = /^Basic +([A-Za-z0-9+/=]{1,600})$/i.exec(header ?? "")?.[1];
  if (basic !== undefined) {
    const [, name = "", token = ""] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(basic, "base64").toString()) ?? [];
    return principalOfCredentials(name, token, { things, users });
  }
  const match = /^Bearer +([A-Za-z0-9:_-]{1,200})$/i.exec(header ?? "");
  const credential = match?.[1];
  if (credential === undefined) return undefined;
  const colon = credential.indexOf(":");
  if (colon === -1) return users.authenticate(credential);
  return things.authenticate(credential.slice(0, colon), credential.slice(colon + 1));
}

/**
 * Who an MQTT CONNECT names: a Thing by its name and token; a user by their token, under their
 * own name or the name `token`, which needs no knowledge of whose it is.
 */
export function principalOfCredentials(
  username: string,
  password: string,
  { things, users }: Directories,
): Principal | undefined {
  const thing = things.authenticate(username, password);
  if (thing) return thing;
  const user = users.authenticate(password);
  const named = user?.kind === "user" && (username === user.id || username === "token");
  return named ? user : undefined;
}
