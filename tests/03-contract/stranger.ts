import fastify from "fastify";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { didDocumentOf } from "../../src/federate/identity.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { dspPath } from "../../src/wire/dsp/messages.ts";
import type { Seat } from "./side.ts";

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface Received {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** A participant that writes its DSP messages by hand: a plain connector, or a dishonest one. */
export interface Stranger {
  readonly did: string;
  readonly signer: Signer;
  readonly callbackAddress: string;
  /** Everything the other side posted here, in order. */
  readonly received: readonly Received[];
  /** Waits for the first message whose path ends so, or the `nth` of them. */
  heard(ending: string, nth?: number): Promise<Record<string, unknown>>;
  /** Waits for the first message that is so. */
  waitFor(what: string, isIt: (message: Received) => boolean): Promise<Received>;
  call(
    to: { did: string; url: string },
    path: string,
    body?: unknown,
    token?: string,
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** `answer` decides what a posted message is answered with; 200 and nothing where it says nothing. */
export async function openStranger(
  seat: Seat,
  answer: (path: string, body: Record<string, unknown>) => Promise<Answer | undefined> = async () =>
    undefined,
): Promise<Stranger> {
  const signer = await openEmbeddedSigner({ dir: seat.dir, did: seat.did, clock: systemClock });
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const app = fastify({ forceCloseConnections: true });
  const profile = { name: seat.name, title: seat.name, country: "DE", currency: "EUR" };
  app.get("/.well-known/did.json", async () => didDocumentOf(signer, profile, seat.url));
  app.all("/*", async (request, reply) => {
    const body = (request.body ?? {}) as Record<string, unknown>;
    received.push({ path: request.url, body });
    const said = await answer(request.url, body);
    for (const wake of waiting) wake();
    return reply.status(said?.status ?? 200).send(said?.body ?? {});
  });
  const waitFor = async (what: string, find: () => Received | undefined): Promise<Received> => {
    const deadline = performance.now() + 5_000;
    for (;;) {
      const found = find();
      if (found) return found;
      if (performance.now() > deadline) throw new Error(`nothing came: ${what}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        setTimeout(wake, 50);
      });
    }
  };
  await app.listen({ host: "127.0.0.1", port: seat.port });
  return {
    did: signer.did,
    signer,
    callbackAddress: `${seat.url}${dspPath}`,
    received,
    async heard(ending, nth = 1) {
      const isIt = ({ path }: Received) => path.endsWith(ending);
      const found = await waitFor(`…${ending}`, () => received.filter(isIt)[nth - 1]);
      return found.body;
    },
    waitFor: (what, isIt) => waitFor(what, () => received.find(isIt)),
    async call(to, path, body, token) {
      const response = await fetch(`${to.url}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          authorization: `Bearer ${token ?? (await signer.token(to.did, 60))}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
    },
    stop: () => app.close(),
  };
}
