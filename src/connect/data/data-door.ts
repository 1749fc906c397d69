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
import { frameOf } from "../../flow/frame.ts";
import { FollowedStream, type MessageLine } from "../../flow/followed-stream.ts";
import type { EndReason, Gate } from "../../flow/gate.ts";
import type { HistoryKeeping } from "../../flow/history.ts";
import { type HistoryRequest, isByTime } from "../../flow/history-request.ts";
import { EventStreamLine, type Line, WebSocketLine } from "../../flow/lines.ts";
import { startIn } from "../../flow/start-position.ts";
import { gone, lastEventIdOf, readPlaces, requirePlace } from "../../flow/stream-id.ts";
import type { StreamLog } from "../../flow/stream-log.ts";
import { Answers, type NativeFeed } from "./answers.ts";

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

export interface DataLimits {
  /** Event streams and WebSockets of one agreement, of one participant, and of all. */
  readonly streamsPerAgreementMax: number;
  readonly streamsPerConsumerMax: number;
  readonly streamsMax: number;
  /** What may wait for one of them. */
  readonly queueBytesMax: number;
  /** What one answer holds. */
  readonly answerBytesMax: number;
  readonly answerMessagesMax: number;
  /** What windows of one answer are made from. */
  readonly historyReadingsMax: number;
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

const beatMs = 15_000;
/** What a consumer has to say on a WebSocket: nothing. */
const incomingBytesMax = 1024;

/** Somebody let in: under which agreement, and by which transfer. */
interface Guest {
  readonly gate: Gate;
  readonly transfer: string;
}

/** An event stream or a WebSocket that is open. */
interface OpenStream {
  readonly stream: FollowedStream;
  readonly agreement: string;
  /** A participant's id. */
  readonly consumer: string;
  readonly transfer: string;
}

/** Positions in the product's log. */
interface Since {
  readonly position: number;
  /** Of the agreement. */
  readonly start: number;
}

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
  readonly #streams = new Set<OpenStream>();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: incomingBytesMax,
    perMessageDeflate: false,
  });
  readonly #beat: NodeJS.Timeout;

  constructor(options: DataDoorOptions) {
    this.#options = options;
    this.#limits = { ...dataLimits, ...options.limits };
    this.#answers = new Answers(options.flow, options.history, this.#limits);
    this.#rate = new RequestRate({
      clock: options.flow.outside.clock,
      perSecondMax: this.#limits.requestsPerSecondMax,
      burstSeconds: 10,
      caller: "participant",
    });
    this.#beat = setInterval(() => {
      for (const { stream } of this.#streams) stream.line.beat();
    }, beatMs).unref();
  }

  /** The routes and the WebSocket's door of the node's one HTTP server. */
  async register(app: FastifyInstance): Promise<void> {
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
          const log = this.#options.flow.logUnder(gate.grant);
          if (log === undefined) {
            const id = `of ${gate.grant.product}, a live stream`;
            throw new ComityError("NOT_FOUND", { what: "history", id });
          }
          if (isByTime(query)) {
            const { start } = await this.#from(gate, log, "-1");
            const { accept } = headers;
            return this.#answers.byTime(gate, { log, start, query, accept }, reply);
          }
          const from = await this.#from(gate, log, query.after ?? "-1");
          const limit = wholeNumber("limit", query.limit ?? "1000");
          return this.#answers.history(gate, { log, ...from, limit }, reply);
        });
        scope.get<WithAgreement>("/:agreement/stream", async (request, reply) => {
          const { params, query, headers } = request;
          const guest = await this.#guest(params.agreement, request.raw);
          const lastId = lastEventIdOf(headers, query.lastEventId);
          const from = await this.#since(guest.gate, lastId, query.after);
          this.#makeRoom(guest.gate);
          reply.hijack();
          const { raw } = reply;
          const line = (onReady: () => void) => framed(new EventStreamLine(raw, onReady));
          const opened = this.#open(guest, from, line);
          raw.once("close", () => this.#forget(opened));
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
    for (const opened of this.#streams) {
      if (opened.transfer === transfer) opened.stream.end(why);
    }
  }

  close(): void {
    clearInterval(this.#beat);
    for (const { stream } of this.#streams) stream.end("the node is shutting down");
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
      const from = await this.#since(guest.gate, asked("lastEventId"), asked("after"));
      this.#makeRoom(guest.gate);
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const line = (onReady: () => void) => framed(new WebSocketLine(webSocket, onReady));
        const opened = this.#open(guest, from, line);
        webSocket.on("error", () => webSocket.terminate());
        webSocket.once("close", () => this.#forget(opened));
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

  #open(guest: Guest, from: Since, line: (onReady: () => void) => MessageLine): OpenStream {
    const { flow } = this.#options;
    const { gate, transfer } = guest;
    const { queueBytesMax } = this.#limits;
    const stream = new FollowedStream({ flow, gate, line, from, queueBytesMax });
    const { agreement, consumer } = gate.grant;
    const opened = { stream, agreement, consumer, transfer };
    this.#streams.add(opened);
    return opened;
  }

  #forget(opened: OpenStream): void {
    this.#streams.delete(opened);
    opened.stream.gone();
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

  #makeRoom({ grant: { agreement, consumer } }: Gate): void {
    const { streamsMax, streamsPerAgreementMax, streamsPerConsumerMax } = this.#limits;
    const all = [...this.#streams];
    const limits = [
      [streamsPerAgreementMax, all.filter((one) => one.agreement === agreement).length],
      [streamsPerConsumerMax, all.filter((one) => one.consumer === consumer).length],
      [streamsMax, all.length],
    ] as const;
    const full = limits.find(([limit, open]) => open >= limit);
    if (full === undefined) return;
    throw new ComityError("LIMIT_REACHED", { limit: full[0], what: "streams at a time" });
  }

  /**
   * Where a stream is followed from: after the event or the position that the consumer has, else
   * from now on. POSITION_GONE where that is not what stands there any more.
   */
  async #since(gate: Gate, lastId: string | undefined, after: string | undefined): Promise<Since> {
    const log = this.#options.flow.logUnder(gate.grant);
    const place = lastId === undefined ? undefined : readPlaces(lastId)[0]!;
    if (log === undefined) {
      if (place === undefined) return { position: 0, start: 0 };
      throw gone(place.text, "the stream is live, and nothing of it is kept");
    }
    if (place !== undefined) {
      // who had nothing of an empty log has missed nothing, whatever its epoch is now
      const isOther = place.epoch !== log.epoch && place.position !== -1;
      if (isOther) throw gone(place.text, "the log has another epoch");
      requirePlace(log, place);
      return this.#from(gate, log, String(place.position));
    }
    if (after === undefined) return { ...(await this.#from(gate, log, "-1")), position: log.end };
    const from = await this.#from(gate, log, after);
    if (from.position > log.end) throw gone(after, `the log ends before it, at ${log.end - 1}`);
    return from;
  }

  /** The position after that one, but never before the agreement's start. */
  async #from(gate: Gate, log: StreamLog, after: string): Promise<Since> {
    const { store } = this.#options.flow.outside;
    const start = await startIn(log, store, gate.grant.agreement);
    if (after === "-1") return { position: start, start };
    return { position: Math.max(start, wholeNumber("after", after) + 1), start };
  }
}

/** Messages as events of JSON. */
function framed(line: Line): MessageLine {
  return {
    send: (message, id) => line.send({ id, data: frameOf(message, id) }),
    tell: (event) => void line.send(event),
    beat: () => line.beat(),
    end: (why) => line.end(why),
    destroy: () => line.destroy(),
  };
}

function wholeNumber(name: string, text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new ComityError("BODY_INVALID", { problem: `${name} "${text}" is no whole number` });
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
