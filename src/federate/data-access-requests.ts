import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { ComityError } from "../kernel/errors.ts";
import type { Refusals } from "../market/refusals.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "./authenticate.ts";
import type { AccessGranted } from "../client/data-access.ts";
import type { DataAccess } from "./data-access.ts";
import type { PeerBook } from "./peers.ts";

const names = (maxLength: number, maxItems: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems });

const Named = Type.Object({
  /** The third party; absent in a request: the asker. */
  for: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  /** By which the asker keeps trade secrets. */
  measures: Type.Optional(names(64, 20)),
});

const Withdrawal = Type.Object({ for: Type.String({ minLength: 1, maxLength: 512 }) });

const SignedRefusal = Type.Object({
  payload: Type.String({ maxLength: 16_384 }),
  signatures: Type.Array(
    Type.Object({
      protected: Type.String({ maxLength: 4_096 }),
      signature: Type.String({ maxLength: 1_024 }),
    }),
    { minItems: 1, maxItems: 1 },
  ),
});

const Answer = Type.Object({
  offer: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  tradeSecrets: Type.Optional(
    Type.Object({ fields: names(256, 1_000), measures: names(64, 1_000) }),
  ),
  refusal: Type.Optional(SignedRefusal),
});

const Given = Type.Object({ refusals: Type.Array(SignedRefusal, { maxItems: 1_000 }) });
const givenPath = "/comity/v1/refusals";

/** Where a Thing's user asks for its data, and lets a third party in or out. */
export async function dataAccessRoutes(
  app: FastifyInstance,
  deps: {
    readonly authenticatePeer: AuthenticatePeer;
    readonly dataAccess: DataAccess;
    readonly refusals: Refusals;
  },
): Promise<void> {
  const { authenticatePeer, dataAccess, refusals } = deps;
  const hidden = { schema: { hide: true } };
  app.post<{ Params: { id: string } }>(
    "/comity/v1/things/:id/access-requests",
    hidden,
    async (request) => {
      const did = await authenticatePeer(request);
      const { for: thirdParty, measures } = parseMessage(Named, request.body);
      const thing = thingOf(request.params.id);
      const answer = await dataAccess.request(did, thing, thirdParty, measures);
      return "granted" in answer ? answer.granted : { refusal: answer.refused.signed };
    },
  );
  app.post<{ Params: { id: string } }>(
    "/comity/v1/things/:id/access-withdrawals",
    hidden,
    async (request) => {
      const did = await authenticatePeer(request);
      const { for: thirdParty } = parseMessage(Withdrawal, request.body);
      await dataAccess.withdraw(did, thingOf(request.params.id), thirdParty);
      return { withdrawn: true };
    },
  );
  app.get(givenPath, hidden, async (request) => {
    const did = await authenticatePeer(request);
    return { refusals: refusals.givenTo(did).map(({ signed }) => signed) };
  });
}

export interface DataAccessAsked {
  /** The data holder's DID, and its name of the Thing. */
  readonly provider: string;
  readonly thing: string;
  readonly for?: string | undefined;
  readonly measures?: readonly string[] | undefined;
}

type Granted = Pick<AccessGranted, "offer" | "tradeSecrets">;

/** The user's side: asks the data holder, and keeps a refusal as it was signed. */
export class DataAccessRequests {
  readonly #peers: PeerBook;
  readonly #refusals: Refusals;

  constructor(peers: PeerBook, refusals: Refusals) {
    this.#peers = peers;
    this.#refusals = refusals;
  }

  /** The offer that may be agreed to now; ACCESS_REFUSED with the reason. */
  async ask(asked: DataAccessAsked): Promise<Granted> {
    const { provider, thing, for: thirdParty, measures } = asked;
    const body = {
      ...(thirdParty === undefined ? {} : { for: thirdParty }),
      ...(measures === undefined ? {} : { measures }),
    };
    const path = `/comity/v1/things/${encodeURIComponent(thing)}/access-requests`;
    const answer = parseMessage(Answer, await this.#peers.post(provider, path, body));
    const { offer, refusal, tradeSecrets } = answer;
    if (offer !== undefined) return { offer, ...(tradeSecrets && { tradeSecrets }) };
    if (refusal === undefined) {
      throw new ComityError("PEER_REFUSED", { peer: provider, problem: "it names no offer" });
    }
    const key = await this.#peers.keyOf(provider);
    const { record } = await this.#refusals.receive(provider, key, refusal);
    const { article, reason } = record;
    throw new ComityError("ACCESS_REFUSED", { provider, thing, article, reason });
  }

  /** Keeps what another participant has refused this one so far, as it was signed. */
  async collect(provider: string): Promise<void> {
    const { refusals } = parseMessage(Given, await this.#peers.get(provider, givenPath));
    const key = await this.#peers.keyOf(provider);
    for (const refusal of refusals) await this.#refusals.receive(provider, key, refusal);
  }

  async withdraw(asked: Required<Pick<DataAccessAsked, "provider" | "thing" | "for">>) {
    const { provider, thing, for: thirdParty } = asked;
    const path = `/comity/v1/things/${encodeURIComponent(thing)}/access-withdrawals`;
    await this.#peers.post(provider, path, { for: thirdParty });
  }
}

function thingOf(id: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(id)) return id;
  throw new ComityError("BODY_INVALID", { problem: "a Thing's name is 1 to 64 of a-z, 0-9 and -" });
}
