import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import type { SessionResource, SignInLink } from "../client/sessions.ts";
import { ComityError } from "../kernel/errors.ts";
import { nameOfPrincipal } from "../things/access.ts";
import type { User } from "../things/users.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited, callerOf } from "./guard.ts";
import { answer } from "./schemas.ts";
import { principalOfSession, sessionCookie, sessionSecret } from "./session-cookie.ts";

const Secret = Type.String({ minLength: 1, maxLength: 200 });
const strict = { additionalProperties: false };
const Proof = Type.Union([
  Type.Object({ code: Secret }, strict),
  Type.Object({ token: Secret }, strict),
]);
const Session = Type.Object({ caller: Type.Optional(answers.Caller) });
const Link = Type.Object({ path: Type.String(), until: Type.String() });

/** Signing in with a browser: a link or a token once, then a cookie that no script can read. */
export function sessionRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { sessions, users } = deps;
  app.post(
    "/sign-in-links",
    {
      config: allow("viewer", "session.link"),
      schema: {
        summary: "A link that opens the console once, signed in as who asks",
        response: { 201: answer<SignInLink>("The link's path on this node.", Link) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const user = caller.kind === "user" ? users.get(caller.id) : undefined;
      const made = await audited(deps, request, "the console", async () => {
        if (user) return sessions.invite(user);
        throw new ComityError("FORBIDDEN", { who: nameOfPrincipal(caller), act: "sign in" });
      });
      return reply.code(201).send({ path: signInPath(made.code), until: made.until });
    },
  );

  app.get(
    "/session",
    {
      config: allow("open"),
      schema: {
        summary: "Who this browser is signed in as; no caller: nobody",
        response: { 200: answer<SessionResource>("The session.", Session) },
      },
    },
    async (request, reply) => {
      const principal = principalOfSession(request, deps);
      const user = principal?.kind === "user" ? users.get(principal.id) : undefined;
      void reply.header("cache-control", "no-store");
      return user ? told(user) : {};
    },
  );

  app.post(
    "/session",
    {
      config: allow("open"),
      schema: {
        summary: "Sign in a browser, with a link's code or a user's token; sets the cookie",
        body: Proof,
        response: { 200: answer<SessionResource>("The session.", Session) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const user = "code" in body ? sessions.redeem(body.code) : userOfToken(body.token, deps);
      if (!user) {
        await deps.slow.wait(request.ip);
        const what = "code" in body ? "link was used, is too old, or is another node's" : undefined;
        throw new ComityError("SIGN_IN_REFUSED", { problem: what ?? "token is no user's here" });
      }
      const who = nameOfPrincipal({ kind: "user", ...user });
      const open = async (): Promise<string> => sessions.open(user);
      const secret = await deps.audit.around(who, "session.open", request.ip, open);
      return withCookie(reply, secret).send(told(user));
    },
  );

  app.delete(
    "/session",
    {
      config: allow("open"),
      schema: { summary: "Sign this browser out", response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      if (principalOfSession(request, deps)) sessions.close(sessionSecret(request, deps));
      return withCookie(reply, "").code(204).send(null);
    },
  );

  const withCookie = (reply: FastifyReply, secret: string): FastifyReply =>
    reply.headers({ "set-cookie": sessionCookie(secret, deps), "cache-control": "no-store" });
}

/** After the `#`: no server, proxy or log along the way ever sees it. */
export function signInPath(code: string): string {
  return `/#sign-in=${code}`;
}

function userOfToken(token: string, { users }: ApiDeps): User | undefined {
  const principal = users.authenticate(token);
  return principal?.kind === "user" ? users.get(principal.id) : undefined;
}

function told({ id, role }: User): SessionResource {
  return { caller: { name: id, role } };
}
