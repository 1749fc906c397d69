import { type ErrorCode, catalogue, ComityError, problemOf } from "../kernel/errors.ts";
import { type SseEvent, sseEvents } from "./event-stream.ts";

export interface ComityHttpOptions {
  /** `http://host:port` of the node. */
  readonly url: string;
  /** Admin or user token, or `<thing>:<token>`. */
  readonly token?: string;
  /** For calls that answer at once; an agreement may take as long as two nodes need. */
  readonly timeoutMs?: number;
  /** How requests travel; a node asks itself without a socket. */
  readonly fetch?: Fetch;
}

export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly json?: unknown;
  readonly bytes?: Uint8Array | string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly accept?: string;
}

const timeoutMsDefault = 30_000;
/** Calls to one node's HTTP API, whose refusals come out as it put them. */
export class HttpCaller {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #fetch: Fetch;

  constructor(options: ComityHttpOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault;
    // a browser's own is called by itself, and not as a method of somebody else
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
  }

  async *events(route: string, signal?: AbortSignal): AsyncGenerator<SseEvent> {
    const call: Call = { timeoutMs: 0, ...(signal && { signal }) };
    const response = await this.call(route, call);
    if (response.body) yield* sseEvents(response.body);
  }

  async json<T>(route: string, call: Call = {}): Promise<T> {
    const response = await this.call(route, call);
    if (response.status === 204) return undefined as T;
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw new ComityError("CONNECT_FAILED", { url: this.url, problem: problemOf(error) });
    }
  }

  async call(route: string, call: Call): Promise<Response> {
    const url = new URL(`${this.url}/api/v1${route}`);
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (call.accept !== undefined) headers["accept"] = call.accept;
    if (call.json !== undefined) headers["content-type"] = "application/json";
    if (call.bytes !== undefined) headers["content-type"] = "application/octet-stream";
    const body = call.json === undefined ? call.bytes : JSON.stringify(call.json);
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    const signals = call.signal ? [call.signal] : [];
    if (timeoutMs > 0) signals.push(AbortSignal.timeout(timeoutMs));
    let response: Response;
    try {
      response = await this.#fetch(url, {
        method: call.method ?? "GET",
        headers,
        redirect: "error",
        ...(body !== undefined && { body: body as NonNullable<RequestInit["body"]> }),
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      });
    } catch (error) {
      throw new ComityError("CONNECT_FAILED", { url: this.url, problem: problemOf(error) });
    }
    if (!response.ok) throw await this.#refusal(response);
    return response;
  }

  async #refusal(response: Response): Promise<ComityError> {
    const body = (await response.json().catch(() => undefined)) as
      | { error?: { code?: string; message?: string; remedy?: string } }
      | undefined;
    const { code, message, remedy } = body?.error ?? {};
    if (code === undefined || message === undefined || !(code in catalogue)) {
      const problem = message ?? `it answered ${response.status}`;
      return new ComityError("CONNECT_FAILED", { url: this.url, problem });
    }
    return new ComityError(code as ErrorCode, {}, { message, remedy: remedy ?? "" });
  }
}

export function part(text: string): string {
  return encodeURIComponent(text);
}

/** Topics and log names keep their slashes. */
export function path(text: string): string {
  return text.split("/").map(encodeURIComponent).join("/");
}
