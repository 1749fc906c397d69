/**
 * The door for partners who run nothing of ours: one page a link.
 *
 * In come the link's secret (in the path, never logged), and a form with a name and an e-mail. Out
 * go the terms in plain words, a sample, and once, to who accepts, a token with the lines that use
 * it. The page is made here, whole; script adds the live sample and nothing else. It never shows
 * what another organisation wrote as anything but text, asks no other host for anything but
 * who somebody is (`login-routes.ts`), and decides nothing about the agreement: `market/shares.ts`
 * does.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import { RequestRate } from "../../kernel/request-rate.ts";
import type { OpenIdIdentity } from "../../federate/openid.ts";
import type { LoggedIn } from "../../market/share-agreement.ts";
import type { Share } from "../../market/shares.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseOtherOrigins } from "../same-origin.ts";
import { payloadText } from "../../flow/payload-text.ts";
import { StreamClients } from "../stream-clients.ts";
import { loggedIn, loginRoutes } from "./login-routes.ts";
import { noSharePage, type SharePage, sharePage } from "./page.ts";
import { readyLines } from "./ready-lines.ts";

const formBytesMax = 4_096;
/** Of one address: so many at once, then one a second. */
const requestsPerSecondMax = 1;
const burstSeconds = 60;
const samplesMax = 50;
const sampleMessagesMax = 10;
const sampleMs = 60_000;
/** A page and its table are no place for more of one message. */
const sampleTextMax = 2_000;

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

export function shareDoor(scope: FastifyInstance, deps: ApiDeps): void {
  const { openid } = deps.shares;
  const rate = new RequestRate({
    ...{ clock: deps.clock, perSecondMax: requestsPerSecondMax },
    ...{ burstSeconds, caller: "address" },
  });
  const samples = new StreamClients({ sseClientsMax: samplesMax, sseQueueBytesMax: 65_536 });
  scope.addHook("preClose", async () => samples.close());
  scope.addHook("onRequest", async (request, reply) => {
    refuseOtherOrigins(request);
    rate.take(request.ip);
    void reply.headers({ "cache-control": "no-store", "x-robots-tag": "noindex" });
  });
  scope.removeAllContentTypeParsers();
  const form = { parseAs: "string", bodyLimit: formBytesMax } as const;
  scope.addContentTypeParser("application/x-www-form-urlencoded", form, (_request, body, done) => {
    done(null, new URLSearchParams(typeof body === "string" ? body : ""));
  });
  // a wrong secret waits ever longer, as a wrong token does
  const shareOf = async (request: FastifyRequest): Promise<Share | undefined> => {
    const share = deps.shares.book.find(secretOf(request));
    if (!share) await deps.slow.wait(request.ip);
    return share;
  };

  scope.get("/share/:secret", async (request, reply) => {
    const share = await shareOf(request);
    if (!share) return send(reply, 404, noSharePage());
    return send(reply, 200, sharePage(pageOf(deps, share, request)));
  });

  if (openid !== undefined) {
    loginRoutes(scope, {
      openid,
      isSecure: () => (deps.node.publicUrl ?? deps.node.httpUrl()).startsWith("https:"),
      async isOpen(request) {
        const share = await shareOf(request);
        return share !== undefined && deps.shares.book.stateOf(share) === "open";
      },
      sendProblem(reply, secret, error) {
        const share = deps.shares.book.find(secret);
        if (share === undefined) return send(reply, 404, noSharePage());
        const problem = { name: "", email: "", problem: problemText(error) };
        const page = sharePage({ ...pageOfSecret(deps, share, secret), typed: problem });
        return send(reply, error.status, page);
      },
    });
  }

  scope.post("/share/:secret", async (request, reply) => {
    const share = await shareOf(request);
    if (!share) return send(reply, 404, noSharePage());
    const fields = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const secret = secretOf(request);
    const known = fields.get("login") === "yes" ? loggedIn(openid, request, secret) : undefined;
    const typed = known ?? { name: fields.get("name") ?? "", email: fields.get("email") ?? "" };
    try {
      if (fields.get("login") === "yes" && known === undefined) {
        throw new ComityError("BODY_INVALID", { problem: "the login is over; log in again" });
      }
      if (fields.get("agree") !== "yes") {
        throw new ComityError("BODY_INVALID", { problem: "the terms are not accepted" });
      }
      const terms = fields.get("terms") ?? "";
      const { book } = deps.shares;
      const { agreement, token } = await book.accept(secret, terms, typed, request.ip, by(known));
      // so that what the page shows works at once
      await deps.shares.opened(agreement);
      const { id, topics, delivery, oneSided } = agreement;
      const baseUrl = deps.node.publicUrl ?? deps.node.httpUrl();
      const isBilled = oneSided === "billed";
      const isLogged = delivery === "logged";
      const feeds = deps.shares.feedsOf(agreement.product);
      const doors = { mqttUrl: deps.shares.mqttUrl(), baseUrl, isLogged, isBilled, feeds };
      const access = { ...doors, agreement: id, token, topics };
      const page = pageOf(deps, book.need(share.id), request);
      const made: SharePage = { ...page, access: { token, lines: readyLines(access) } };
      return send(reply, 201, sharePage(made));
    } catch (error) {
      if (!(error instanceof ComityError) || error.status >= 500) throw error;
      const now = pageOf(deps, deps.shares.book.need(share.id), request);
      const page = sharePage({ ...now, typed: { ...typed, problem: problemText(error) } });
      return send(reply, error.code === "STATE_INVALID" ? 409 : error.status, page);
    }
  });

  scope.get("/share/:secret/sample", async (request, reply) => {
    const share = await shareOf(request);
    const state = share && deps.shares.book.stateOf(share);
    if (!share || (state !== "open" && state !== "unpaid")) {
      throw new ComityError("NOT_FOUND", { what: "sample", id: "under that link" });
    }
    let left = sampleMessagesMax;
    let stop = (): void => {};
    const client = samples.open(reply, () => stop());
    const end = (): void => client.end();
    const timer = setTimeout(end, sampleMs).unref();
    const unsubscribe = deps.shares.sample(share, ({ topic, payload, retain }) => {
      if (left-- <= 0) return;
      const text = payloadText(payload);
      const shown = "payload" in text ? text.payload : text.payloadBase64;
      const at = new Date(deps.clock.now()).toISOString();
      const message = { topic, payload: shown.slice(0, sampleTextMax), retain, at };
      client.send("message", JSON.stringify(message));
      if (left === 0) client.send("done", "{}");
      if (left === 0) setImmediate(end);
    });
    stop = () => {
      clearTimeout(timer);
      unsubscribe();
    };
    if (reply.raw.destroyed) stop();
  });
}

function pageOf(deps: ApiDeps, share: Share, request: FastifyRequest): SharePage {
  const secret = secretOf(request);
  const as = loggedIn(deps.shares.openid, request, secret);
  return { ...pageOfSecret(deps, share, secret), ...(as && { as }) };
}

/** What the acceptance keeps of who is logged in. */
function by(known: OpenIdIdentity | undefined): LoggedIn | undefined {
  if (known === undefined) return undefined;
  const { issuer, subject, emailVerified } = known;
  return { issuer, subject, emailVerified };
}

function pageOfSecret(deps: ApiDeps, share: Share, secret: string): SharePage {
  const { title, did } = deps.node;
  const { book } = deps.shares;
  const product = book.productOf(share);
  return {
    share,
    state: book.stateOf(share),
    node: { title, did },
    product,
    terms: product ? deps.shares.terms(share, product) : [],
    path: `/share/${secret}`,
    openid: deps.shares.openid?.issuer,
  };
}

function secretOf(request: FastifyRequest): string {
  return (request.params as { secret: string }).secret;
}

function problemText(error: ComityError): string {
  if (error.code === "BODY_INVALID") return String(error.details["problem"] ?? error.message);
  return `${error.message} ${error.remedy}`;
}

function send(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply
    .code(status)
    .header("content-security-policy", pagePolicy)
    .header("cross-origin-opener-policy", "same-origin")
    .type("text/html; charset=utf-8")
    .send(page);
}
