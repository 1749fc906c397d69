import { type LookupAddress, type LookupAllOptions, lookup as dnsLookup } from "node:dns";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { closedHostProblem, isPublicAddress } from "./public-address.ts";

export interface OutboundCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** An origin that may be private: a peer named in localPeers, and only that peer's own. */
  readonly trustedOrigin?: string | undefined;
  readonly timeoutMs?: number;
  readonly bytesMax?: number;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly body: string;
  /** The body as it came, which need not be text. */
  readonly bytes?: Buffer;
  /** RFC 9110 §8.8.3, as it was sent. */
  readonly etag?: string;
  /** RFC 8288. */
  readonly link?: string;
}

/** How other nodes are called; a simulation puts its own network here. */
export interface Caller {
  /** Throws ADDRESS_FORBIDDEN, or PEER_UNREACHABLE naming what went wrong on the way. */
  call(call: OutboundCall): Promise<OutboundAnswer>;
  close(): void;
}

const timeoutMsDefault = 5_000;
const bytesMaxDefault = 1024 * 1024;

/**
 * The only way out to other nodes. Public HTTPS addresses alone, decided on the address that is
 * really connected to (a name that resolves to a private one is refused, whatever it said
 * before); no redirects; an answer has limits of time and size.
 */
export class Outbound implements Caller {
  readonly #open = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  readonly #trusted = new HttpsAgent({ keepAlive: true, maxSockets: 64 });
  readonly #guarded: HttpsAgent;

  /** `resolve` finds the addresses of a name; absent: as this machine does. */
  constructor(resolve: ResolveName = dnsLookup) {
    const lookup = publicLookup(resolve);
    this.#guarded = new HttpsAgent({ keepAlive: true, maxSockets: 64, lookup });
  }

  async call(call: OutboundCall): Promise<OutboundAnswer> {
    const url = assertCallable(call.url, call.trustedOrigin);
    const trusted = url.origin === call.trustedOrigin;
    const signal = AbortSignal.timeout(call.timeoutMs ?? timeoutMsDefault);
    try {
      return await this.#exchange(url, call, trusted, signal);
    } catch (thrown) {
      if (thrown instanceof ComityError) throw thrown;
      const problem = signal.aborted ? "it took too long" : problemOf(thrown);
      throw new ComityError("PEER_UNREACHABLE", { peer: url.origin, problem });
    }
  }

  close(): void {
    this.#open.destroy();
    this.#trusted.destroy();
    this.#guarded.destroy();
  }

  #exchange(
    url: URL,
    call: OutboundCall,
    trusted: boolean,
    signal: AbortSignal,
  ): Promise<OutboundAnswer> {
    const body = call.body === undefined ? undefined : Buffer.from(call.body, "utf8");
    const options = {
      method: call.method,
      signal,
      headers: {
        accept: "application/json",
        ...(body ? { "content-type": "application/json", "content-length": body.length } : {}),
        ...call.headers,
      },
    };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        readAnswer(response, call.bytesMax ?? bytesMaxDefault).then(resolve, reject);
      };
      const request =
        url.protocol === "http:"
          ? httpRequest(url, { ...options, agent: this.#open }, answered)
          : httpsRequest(
              url,
              { ...options, agent: trusted ? this.#trusted : this.#guarded },
              answered,
            );
      request.on("error", reject);
      request.end(body);
    });
  }
}

/** The parsed URL, or ADDRESS_FORBIDDEN; a name's addresses are checked when it is connected. */
export function assertCallable(text: string, trustedOrigin: string | undefined): URL {
  const url = URL.parse(text);
  if (!url) throw new ComityError("ADDRESS_FORBIDDEN", { url: text, problem: "it is no URL" });
  const forbidden = (problem: string) =>
    new ComityError("ADDRESS_FORBIDDEN", { url: text, problem });
  if (url.username !== "" || url.password !== "") throw forbidden("it carries a password");
  if (url.origin === trustedOrigin) return url;
  if (url.protocol !== "https:") throw forbidden("it is not HTTPS");
  const problem = closedHostProblem(url.hostname);
  if (problem !== undefined) throw forbidden(problem);
  return url;
}

export type ResolveName = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Fails where any address of the name is private: the one that is checked is the one used. */
export function publicLookup(resolve: ResolveName): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) {
        done(error ?? new Error(`${hostname} has no address`), "", 0);
        return;
      }
      const closed = addresses.find(({ address }) => !isPublicAddress(address));
      if (closed) {
        const problem = `it leads to ${closed.address}, a private address`;
        done(new ComityError("ADDRESS_FORBIDDEN", { url: hostname, problem }), "", 0);
      } else if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}

async function readAnswer(response: IncomingMessage, bytesMax: number): Promise<OutboundAnswer> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400 && status !== 304) {
    response.destroy();
    throw new Error(`it redirects (${status}), which is not followed`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`its answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const { etag } = response.headers;
  const link = response.headers["link"];
  const whole = Buffer.concat(chunks);
  return {
    status,
    body: whole.toString("utf8"),
    bytes: whole,
    ...(etag !== undefined && { etag }),
    ...(typeof link === "string" && { link }),
  };
}
