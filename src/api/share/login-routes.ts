import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { OpenIdIdentity, OpenIdLogin } from "../../federate/openid.ts";
import { ComityError } from "../../kernel/errors.ts";

const stateCookie = "comity-login-state";
const loginCookie = "comity-login";
const cookieSeconds = 600;

/** What the login's routes need of the page's door. */
export interface LoginDoor {
  readonly openid: OpenIdLogin;
  /** Cookies go over TLS alone where the node's address has it. */
  readonly isSecure: () => boolean;
  /** A link that can be accepted now. */
  readonly isOpen: (request: FastifyRequest) => Promise<boolean>;
  /** The link's page with what went wrong. */
  readonly sendProblem: (reply: FastifyReply, secret: string, error: ComityError) => FastifyReply;
}

/** To the OpenID provider and back; the link's secret never leaves this node. */
export function loginRoutes(scope: FastifyInstance, door: LoginDoor): void {
  const { openid } = door;
  const cookie = (name: string, value: string): string => {
    const secure = door.isSecure() ? "; Secure" : "";
    // Lax: the way back from the provider begins on another site
    return `${name}=${value}; Path=/share; Max-Age=${cookieSeconds}; HttpOnly; SameSite=Lax${secure}`;
  };

  scope.get<{ Params: { secret: string } }>("/share/:secret/login", async (request, reply) => {
    const { secret } = request.params;
    if (!(await door.isOpen(request))) {
      throw new ComityError("NOT_FOUND", { what: "login", id: "under that link" });
    }
    try {
      const { url, state } = await openid.begin(secret);
      return await reply.header("set-cookie", cookie(stateCookie, state)).redirect(url, 303);
    } catch (error) {
      if (!(error instanceof ComityError)) throw error;
      return door.sendProblem(reply, secret, error);
    }
  });

  scope.get("/share/openid", async (request, reply) => {
    const query = new URL(request.url, "http://share").searchParams;
    const state = query.get("state") ?? "";
    const secret = openid.purposeOf(state);
    // the browser that comes back is the one that went: RFC 6749 §10.12
    if (secret === undefined || cookieOf(request, stateCookie) !== state) {
      const problem = "this browser has not begun it, or too long ago";
      throw new ComityError("OPENID_REFUSED", { issuer: openid.issuer, problem });
    }
    try {
      const login = await openid.finish(query);
      const path = `/share/${encodeURIComponent(secret)}`;
      return await reply.header("set-cookie", cookie(loginCookie, login)).redirect(path, 303);
    } catch (error) {
      if (!(error instanceof ComityError)) throw error;
      return door.sendProblem(reply, secret, error);
    }
  });
}

/** Who is logged in to accept this link, if anybody. */
export function loggedIn(
  openid: OpenIdLogin | undefined,
  request: FastifyRequest,
  secret: string,
): OpenIdIdentity | undefined {
  return openid?.identityOf(cookieOf(request, loginCookie), secret);
}

function cookieOf(request: FastifyRequest, name: string): string {
  const all = (request.headers.cookie ?? "").split(";").map((one) => one.trim());
  return all.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
