import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";

/** One event of a followed stream, as an event stream or a WebSocket brings it. */
export interface SeenEvent {
  /** Absent: a message. */
  readonly event?: string;
  readonly id?: string;
  readonly topic?: string;
  readonly at?: number;
  readonly payload?: string;
  readonly retain?: boolean;
  readonly messages?: number;
  readonly from?: number;
  readonly to?: number;
  readonly filters?: readonly { readonly filter: string; readonly delivery: string }[];
  readonly why?: string;
}

/** What came so far. */
export class EventReader {
  readonly events: SeenEvent[] = [];
  /** What an EventSource would send when it connects again. */
  lastId: string | undefined;
  isEnded = false;
  readonly close: () => void;
  readonly pause: () => void;
  readonly resume: () => void;

  constructor(acts: Pick<EventReader, "close" | "pause" | "resume">) {
    this.close = acts.close;
    this.pause = acts.pause;
    this.resume = acts.resume;
  }

  get messages(): readonly SeenEvent[] {
    return this.events.filter(({ event }) => event === undefined);
  }

  get payloads(): readonly (string | undefined)[] {
    return this.messages.map(({ payload }) => payload);
  }

  told(name: string): readonly SeenEvent[] {
    return this.events.filter(({ event }) => event === name);
  }
}

export class Refused extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.code = (JSON.parse(body || "{}") as { error?: { code?: string } }).error?.code;
  }
}

type Headers = Readonly<Record<string, string>>;

/** Follows as an EventSource does; read by hand, so that it can be slow. */
export async function followEvents(
  t: TestContext,
  url: string,
  headers: Headers = {},
): Promise<EventReader> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest(url, { headers }, resolve).on("error", reject).end();
  t.after(() => request.destroy());
  const response = await promise;
  response.setEncoding("utf8");
  if (response.statusCode !== 200) {
    throw new Refused(response.statusCode ?? 0, (await response.toArray()).join(""));
  }
  assert.equal(response.headers["content-type"], "text/event-stream; charset=utf-8");
  const reader = new EventReader({
    close: () => void request.destroy(),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
  });
  let text = "";
  response.on("data", (piece: string) => {
    const blocks = (text + piece).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) take(reader, block);
  });
  response.on("close", () => (reader.isEnded = true));
  response.on("error", () => {}); // left
  return reader;
}

function take(reader: EventReader, block: string): void {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const [event, id, data] = [field("event"), field("id"), field("data")];
  reader.lastId = id ?? reader.lastId;
  if (data === undefined) return; // a comment, or an id alone
  const seen = JSON.parse(data) as SeenEvent;
  assert.equal(seen.id, id, "the id is in the data as well");
  reader.events.push({ ...(event !== undefined && { event }), ...seen });
}

export async function followFrames(
  t: TestContext,
  url: string,
  headers: Headers = {},
  protocols: string[] = [],
): Promise<EventReader & { readonly protocol: string }> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocols, { headers });
  t.after(() => socket.terminate());
  const reader = new EventReader({
    close: () => socket.close(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  });
  socket.on("message", (data: Buffer, isBinary) => {
    assert.equal(isBinary, false);
    const seen = JSON.parse(data.toString()) as SeenEvent;
    reader.lastId = seen.id ?? reader.lastId;
    reader.events.push(seen);
  });
  socket.on("close", (code, reason) => {
    reader.isEnded = true;
    reader.events.push({ event: "end", why: `${code} ${reason.toString()}` });
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      response.setEncoding("utf8");
      const refuse = (body: string[]): void =>
        reject(new Refused(response.statusCode ?? 0, body.join("")));
      void response.toArray().then(refuse, reject);
    });
  });
  return Object.assign(reader, { protocol: socket.protocol });
}
