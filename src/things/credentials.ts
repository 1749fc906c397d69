import type { Principal } from "./access.ts";
import type { AppKeys } from "./app-keys.ts";
import type { ConsoleSessions } from "./console-sessions.ts";
import type { Things } from "./directory.ts";
import type { Entrance, Onboarding } from "./onboarding/onboarding.ts";
import { claimUserName } from "./onboarding/onboarding.ts";
import type { Users } from "./users.ts";

interface Directories {
  readonly things: Things;
  readonly users: Users;
  readonly keys: AppKeys;
}

interface Sessions {
  readonly sessions?: Pick<ConsoleSessions, "isOpen">;
}

/**
 * Who an `Authorization` header names: `Bearer TOKEN` for a user, `Bearer NAME:TOKEN` for a
 * Thing or an app (RFC 6750 §2.1; a token is base64url, so the colon is free), or `Basic` with
 * what MQTT would take (RFC 7617), so that one scheme of a Description opens both. Undefined:
 * nobody.
 */
export function principalOfBearer(
  header: string | undefined,
  directories: Directories,
): Principal | undefined {
  const login = loginIn(header);
  if (login === undefined) return undefined;
  const { scheme, name, token } = login;
  if (scheme === "basic") return principalOfCredentials(name ?? "", token, directories);
  if (name === undefined) return directories.users.authenticate(token);
  return namedPrincipal(name, token, directories);
}

/** A device that comes over HTTP with a claim code; undefined where it is none. */
export function claimantOfBearer(
  header: string | undefined,
  onboarding: Onboarding,
): Entrance | undefined {
  const { name = "", token = "" } = loginIn(header) ?? {};
  const entrance = onboarding.enter(name, token);
  // MQTT has a client identifier beside the user name; here nothing else would tell it from others
  const isNameless = entrance?.ok === true && name === claimUserName;
  if (isNameless) return { ok: false, problem: "over HTTP a device names itself, as NAME:CODE" };
  return entrance;
}

/** The name it says it has; undefined where it names nobody. */
export function nameInHeader(header: string | undefined): string | undefined {
  return loginIn(header)?.name;
}

interface Login {
  readonly scheme: "basic" | "bearer";
  readonly name?: string;
  readonly token: string;
}

function loginIn(header: string | undefined): Login | undefined {
  const basic = /^Basic +([A-Za-z0-9+/=]{1,600})$/i.exec(header ?? "")?.[1];
  if (basic !== undefined) {
    const [, name = "", token = ""] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(basic, "base64").toString()) ?? [];
    return { scheme: "basic", name, token };
  }
  const [, name, token] =
    /^Bearer +(?:([A-Za-z0-9_-]*):)?([A-Za-z0-9:_-]{1,200})$/i.exec(header ?? "") ?? [];
  if (token === undefined) return undefined;
  return { scheme: "bearer", ...(name !== undefined && { name }), token };
}

/**
 * Who an MQTT CONNECT names: a Thing or an app by its name and token; a user by their token, under
 * their own name or the name `token`, which needs no knowledge of whose it is.
 */
export function principalOfCredentials(
  username: string,
  password: string,
  directories: Directories,
): Principal | undefined {
  const own = namedPrincipal(username, password, directories);
  if (own) return own;
  const user = directories.users.authenticate(password);
  const named = user?.kind === "user" && (username === user.id || username === "token");
  return named ? user : undefined;
}

/** Both are looked at, whichever it is: a Thing and an app may have one name. */
function namedPrincipal(
  name: string,
  token: string,
  { things, keys }: Directories,
): Principal | undefined {
  const thing = things.authenticate(name, token);
  const app = keys.authenticate(name, token);
  return thing ?? app;
}

/** Whether what somebody came in with is good no more. */
export function isOver(
  principal: Principal,
  { things, keys, sessions }: Pick<Directories, "things" | "keys"> & Sessions,
  now: number,
): boolean {
  if (principal.kind === "user" && principal.session !== undefined) {
    return sessions?.isOpen(principal.session) !== true;
  }
  if (principal.kind !== "thing" && principal.kind !== "app") return false;
  const { id, turn } = principal;
  if (principal.kind === "app" && now >= (principal.until ?? Infinity)) return true;
  if (turn === undefined) return false;
  return !(principal.kind === "thing" ? things : keys).isGood(id, turn);
}
