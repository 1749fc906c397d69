import type { FastifyInstance, FastifyRequest } from "fastify";
import { ComityError } from "../kernel/errors.ts";
import { isLoopback } from "../kernel/loopback.ts";
import { hasRole, nameOfPrincipal, type Principal, type Role } from "../things/access.ts";
import { claimantOfBearer, nameInHeader, principalOfBearer } from "../things/credentials.ts";
import { isJwt, type JwtVerdict } from "../things/jwt.ts";
import type { Entrance } from "../things/onboarding/onboarding.ts";
import type { ApiDeps } from "./deps.ts";
import { refuseOtherOrigins } from "./same-origin.ts";
import { principalOfSession } from "./session-cookie.ts";

/** Who may call a route: everybody, any known caller (its topics decide), or a role. */
export type Access = "open" | "known" | Role;

declare module "fastify" {
  interface FastifyRequest {
    caller: Principal | undefined;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** The administrative act's name on the audit trail. */
    act?: string;
    /** A device that comes with a claim code may call it too. */
    claims?: true;
  }
}

/** Route config: who may call it and, where it changes something, what the act is called. */
export function allow(access: Access, act?: string): { access: Access; act?: string } {
  return act === undefined ? { access } : { access, act };
}

/** Checks every request of this scope; a route without `access` is a mistake and is refused. */
export function guardRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { slow } = deps;
  const strangers = new StrangerAudit(deps);
  app.decorateRequest("caller", undefined);
  app.addHook("onRequest", async (request) => {
    refuseOtherOrigins(request);
    const { access, act } = request.routeOptions.config;
    if (access === "open") return;
    const header = request.headers.authorization;
    const person = principalOfBearer(header, deps) ?? principalOfSession(request, deps);
    const own = person ?? anonymous(request, deps);
    const claimant = own === undefined ? claimantOf(request, deps) : undefined;
    if (claimant?.ok === false) {
      await slow.wait(request.ip, nameInHeader(header));
      throw new ComityError("CLAIM_REFUSED", { problem: claimant.problem });
    }
    const jwt = own === undefined ? await jwtIn(header, deps) : undefined;
    const caller = own ?? claimant?.claimant ?? (jwt?.ok === true ? jwt.principal : undefined);
    if (caller === undefined) {
      if (act !== undefined) await strangers.refused(act, request.url);
      if (header !== undefined) await slow.wait(request.ip, nameInHeader(header));
      const known = jwt?.ok === false ? jwt.problem : "the one sent is not known";
      const problem = header === undefined ? "none was sent" : known;
      throw new ComityError("UNAUTHENTICATED", { problem });
    }
    if (access !== "known" && (access === undefined || !hasRole(caller, access))) {
      const who = nameOfPrincipal(caller);
      if (act !== undefined) await deps.audit.refused(who, act, request.url, "FORBIDDEN");
      throw new ComityError("FORBIDDEN", { who, act: act ?? `read ${request.url}` });
    }
    // by list: an act that is added can spend nothing past a budget until it stands there
    const isOutside = access === "trader" && act !== undefined && !actsWithinBudget.has(act);
    if (isOutside && caller.kind === "user" && deps.users.get(caller.id)?.budget) {
      const who = `${nameOfPrincipal(caller)}, who has a budget,`;
      await deps.audit.refused(who, act, request.url, "FORBIDDEN");
      throw new ComityError("FORBIDDEN", { who, act });
    }
    request.caller = caller;
  });
}

/**
 * A trader's acts that count against the budget, or give away and take back nothing of this node's
 * own: what a budget bounds is bought, and whoever has one decides nothing about what is sold.
 */
const actsWithinBudget: ReadonlySet<string> = new Set([
  "agreement.agree",
  "agreement.revoke",
  "peer.add",
]);

/** The caller of a route that is not open. */
export function callerOf(request: FastifyRequest): Principal {
  if (!request.caller) throw new Error("an open route has no caller");
  return request.caller;
}

/** Runs an administrative act and puts it on the audit trail, whatever becomes of it. */
export function audited<T>(
  deps: ApiDeps,
  request: FastifyRequest,
  what: string,
  run: () => Promise<T>,
): Promise<T> {
  const { act } = request.routeOptions.config;
  if (act === undefined) throw new Error(`${request.url} names no act`);
  return deps.audit.around(nameOfPrincipal(callerOf(request)), act, what, run);
}

/** A JWT, where this node's owner names an issuer. */
async function jwtIn(
  header: string | undefined,
  { jwts }: ApiDeps,
): Promise<JwtVerdict | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1] ?? "";
  return jwts !== undefined && isJwt(token) ? jwts.verify(token) : undefined;
}

function claimantOf(request: FastifyRequest, { onboarding }: ApiDeps): Entrance | undefined {
  if (request.routeOptions.config.claims !== true) return undefined;
  return claimantOfBearer(request.headers.authorization, onboarding);
}

function anonymous(request: FastifyRequest, deps: ApiDeps): Principal | undefined {
  if (!deps.node.dev || request.headers.authorization !== undefined) return undefined;
  // the name must be loopback's too: a page whose name was rebound to 127.0.0.1 keeps its own
  const name = request.hostname.replace(/^\[|\]$/g, "");
  const loopback = isLoopback(request.ip) && (name === "localhost" || isLoopback(name));
  return loopback ? { kind: "anonymous" } : undefined;
}

/** Refusals of strangers go on record too, but cannot fill the disk: some a minute, then a sum. */
class StrangerAudit {
  readonly #deps: ApiDeps;
  readonly #perMinuteMax = 10;
  #minute = 0;
  #recorded = 0;
  #unrecorded = 0;

  constructor(deps: ApiDeps) {
    this.#deps = deps;
  }

  async refused(act: string, what: string): Promise<void> {
    const minute = Math.floor(this.#deps.clock.now() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#recorded = 0;
    }
    if (this.#recorded >= this.#perMinuteMax) {
      this.#unrecorded++;
      return;
    }
    this.#recorded++;
    const before = this.#unrecorded;
    this.#unrecorded = 0;
    const text = before === 0 ? what : `${what} (and ${before} more before)`;
    await this.#deps.audit.refused("a stranger", act, text, "UNAUTHENTICATED");
  }
}
