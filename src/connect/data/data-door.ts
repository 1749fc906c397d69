/**
 * The data door: other organisations under their agreements, over plain HTTP. In come requests
 * with a transfer's token; out go the latest values, the history, an event stream or a WebSocket,
 * every message through the agreement's gate and counted on this side alone. Nobody acknowledges
 * what is fetched here, so what costs money is never served (`unbilled`); who may come in is
 * decided in federate/, never here.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { ComityError } from "../../kernel/errors.ts";
import { refuseUpgrade } from "../../kernel/refuse-upgrade.ts";
import { takeUpgrades } from "../../kernel/upgrade-paths.ts";
import { RequestRate } from "../../kernel/request-rate.ts";
import type { Flow } from "../../flow/flow.ts";
import type { EndReason } from "../../flow/gate.ts";
import type { HistoryKeeping } from "../../flow/history/keeping.ts";
import { type HistoryRequest, isByTime } from "../../flow/history/request.ts";
import { EventStreamLine, WebSocketLine } from "../../flow/lines.ts";
import { lastEventIdOf } from "../../flow/stream-id.ts";
import { type AnswerLimits, Answers, type NativeFeed } from "./answers.ts";
import { type Guest, OpenStreams, type StreamLimits } from "./open-streams.ts";
import { sinceEvent, sincePosition, wholeNumber } from "./since.ts";

export interface DataDoorOptions {
  readonly flow: Flow;
  readonly history: HistoryKeeping;
  /** Under which transfer a token lets in now; undefined where it does not. */
  readonly authenticate: (agreement: string, token: string) => string | undefined;
  /** Holds up who sent a wrong token, the longer the more often. */
  readonly slow: { wait(address: string, name: string): Promise<void> };
  /** Why an agreement delivers no more; undefined while it does, or where there is none. */
  readonly endedBecause: (agreement: string) => EndReason | undefined;
  /** A native feed of that name for a product; undefined where its sector has none. */
  readonly feedOf?: (product: string, output: string) => NativeFeed | undefined;
  readonly limits?: Partial<DataLimits>;
}

interface DataLimits extends AnswerLimits, StreamLimits {
  /** Of one participant, a burst of ten seconds' worth aside. */
  readonly requestsPerSecondMax: number;
}

const dataLimits: DataLimits = {
  streamsPerAgreementMax: 16,
  streamsPerConsumerMax: 64,
  streamsMax: 1_000,
  queueBytesMax: 4_194_304,
  answerBytesMax: 8_388_608,
  answerMessagesMax: 10_000,
  historyReadingsMax: 100_000,
  requestsPerSecondMax: 50,
};

/** What a consumer has to say on a WebSocket: nothing. */
const incomingBytesMax = 1024;

interface WithOutput {
  Params: { agreement: string; output: string };
}

interface WithAgreement {
  Params: { agreement: string };
  Querystring: { after?: string; lastEventId?: string; limit?: string } & HistoryRequest;
}

export class DataDoor {
  readonly #options: DataDoorOptions;
  readonly #limits: DataLimits;
  readonly #answers: Answers;
  readonly #rate: RequestRate;
  readonly #streams: OpenStreams;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: incomingBytesMax,
    perMessageDeflate: false,
  });

  constructor(options: DataDoorOptions) {
    this.#options = options;
    this.#limits = { ...dataLimits, ...options.limits };
    this.#answers = new Answers(options.flow, options.history, this.#limits);
    this.#streams = new OpenStreams(options.flow, this.#limits);
    this.#rate = new RequestRate({
      clock: options.flow.outside.clock,
      perSecondMax: this.#limits.requestsPerSecondMax,
      burstSeconds: 10,
      caller: "participant",
    });
  }

  /** The routes and the WebSocket's door of the node's one HTTP server. */
  async register(app: FastifyInstance): Promise<void> {
    const { flow } = this.#options;
    app.addHook("preClose", async () => this.close());
    takeUpgrades(app.server, "data", (request, socket, head) => {
      void this.#upgrade(request, socket, head);
    });
    await app.register(
      async (scope) => {
        // what an agreement gives is no part of this node's own API
        scope.addHook("onRoute", (route) => {
          route.schema = { ...route.schema, hide: true };
        });
        const latest = async (request: FastifyRequest<WithAgreement>, reply: FastifyReply) => {
          const { gate } = await this.#guest(request.params.agreement, request.raw);
          return this.#answers.latest(gate, request.headers["if-none-match"], reply);
        };
        scope.get<WithAgreement>("/:agreement", latest);
        scope.get<WithAgreement>("/:agreement/latest", latest);
        scope.get<WithOutput>("/:agreement/feed/:output", async (request, reply) => {
          const { params, headers } = request;
          const { gate } = await this.#guest(params.agreement, request.raw);
          const feed = this.#options.feedOf?.(gate.grant.product, params.output);
          if (feed === undefined) {
            const id = `${params.output} of ${gate.grant.product}`;
            throw new ComityError("NOT_FOUND", { what: "feed", id });
          }
          return this.#answers.feed(gate, feed, headers["if-none-match"], reply);
        });
        scope.get<WithAgreement>("/:agreement/history", async (request, reply) => {
          const { params, query, headers } = request;
          const { gate } = await this.#guest(params.agreement, request.raw);
          const log = flow.logUnder(gate.grant);
          if (log === undefined) {
            const id = `of ${gate.grant.product}, a live stream`;
            throw new ComityError("NOT_FOUND", { what: "history", id });
          }
          const from = await sincePosition(flow, gate, log, query.after ?? "-1");
          if (isByTime(query)) {
            const { accept } = headers;
            const { start } = from;
            return this.#answers.byTime(gate, { log, start, query, accept }, reply);
          }
          const limit = wholeNumber("limit", query.limit ?? "1000");
          return this.#answers.history(gate, { log, ...from, limit }, reply);
        });
        scope.get<WithAgreement>("/:agreement/stream", async (request, reply) => {
          const { params, query, headers } = request;
          const guest = await this.#guest(params.agreement, request.raw);
          const lastId = lastEventIdOf(headers, query.lastEventId);
          const from = await sinceEvent(flow, guest.gate, lastId, query.after);
          this.#streams.requireRoom(guest.gate);
          reply.hijack();
          const { raw } = reply;
          const line = (onReady: () => void) => new EventStreamLine(raw, onReady);
          raw.once("close", this.#streams.open(guest, from, line));
        });
      },
      { prefix: "/data" },
    );
  }

  /** A transfer has started: from now on its agreement's last messages are kept. */
  expect(agreement: string): void {
    const gate = this.#options.flow.grants.get(agreement);
    if (gate !== undefined && gate.ended === undefined) this.#answers.keepLatest(gate);
  }

  forget(agreement: string): void {
    const gate = this.#options.flow.grants.get(agreement);
    if (gate !== undefined) this.#answers.forgetLatest(gate);
  }

  /** The transfer is over or suspended: what was opened by it ends. */
  cut(transfer: string, why: string): void {
    this.#streams.cut(transfer, why);
  }

  close(): void {
    this.#streams.close();
    this.#answers.close();
    this.#sockets.close();
  }

  /** RFC 6455 §4.2: the same checks as for an event stream, answered in HTTP where they fail. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    try {
      const { id, searchParams } = streamAsked(request.url ?? "");
      const guest = await this.#guest(id, request);
      const asked = (name: string): string | undefined => searchParams.get(name) ?? undefined;
      const from = await sinceEvent(
        this.#options.flow,
        guest.gate,
        asked("lastEventId"),
        asked("after"),
      );
      this.#streams.requireRoom(guest.gate);
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const line = (onReady: () => void) => new WebSocketLine(webSocket, onReady);
        webSocket.on("error", () => webSocket.terminate());
        webSocket.once("close", this.#streams.open(guest, from, line));
      });
    } catch (error) {
      const known = error instanceof ComityError ? error : undefined;
      const { code = "INTERNAL", message = "The node failed.", remedy = "" } = known ?? {};
      const body = JSON.stringify({ error: { code, message, remedy } });
      refuseUpgrade(socket, known?.status ?? 500, {
        headers: ["content-type: application/json; charset=utf-8"],
        body,
      });
    }
  }

  /** Whose request this is; TOKEN_REFUSED, AGREEMENT_ENDED or UNBILLED where it is not served. */
  async #guest(agreement: string, { headers, socket }: IncomingMessage): Promise<Guest> {
    const { flow, authenticate, endedBecause, slow } = this.#options;
    const { usage } = flow.outside;
    // other connectors send the token alone, as the address's `authorization` has it
    const token = headers.authorization?.replace(/^bearer +/i, "") ?? "";
    const transfer = token === "" ? undefined : authenticate(agreement, token);
    if (transfer === undefined) {
      // An agreement's id is known to its two parties alone: who names it may hear how it stands.
      const reason = endedBecause(agreement);
      usage.refused(agreement, reason ?? "no-agreement", 1);
      if (reason !== undefined) throw new ComityError("AGREEMENT_ENDED", { agreement, reason });
      if (token !== "") await slow.wait(socket.remoteAddress ?? "", agreement);
      const problem = token === "" ? "no token was sent" : "the token is wrong or has expired";
      throw new ComityError("TOKEN_REFUSED", { agreement, problem });
    }
    const gate = flow.grants.get(agreement);
    if (gate === undefined || gate.ended !== undefined) {
      const reason = gate?.ended ?? "not open";
      throw new ComityError("AGREEMENT_ENDED", { agreement, reason });
    }
    this.#rate.take(gate.grant.consumer);
    if (!gate.grant.billed) return { gate, transfer };
    gate.refuse("unbilled", 1);
    throw new ComityError("UNBILLED", { agreement });
  }
}

/** Whose stream a WebSocket's address names. */
function streamAsked(address: string): { id: string; searchParams: URLSearchParams } {
  const { pathname, searchParams } = new URL(address, "http://data");
  const [, agreement] = /^\/data\/([^/]+)\/stream$/.exec(pathname) ?? [];
  if (agreement === undefined) throw new ComityError("NOT_FOUND", { what: "route", id: pathname });
  try {
    return { id: decodeURIComponent(agreement), searchParams };
  } catch {
    const problem = `"${pathname}" is no address: after % come two hexadecimal digits`;
    throw new ComityError("BODY_INVALID", { problem });
  }
}
