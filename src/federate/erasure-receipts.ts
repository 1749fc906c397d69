import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Clock } from "../kernel/clock.ts";
import { type Crash, neverCrash } from "../kernel/crash.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { Turns } from "../kernel/turns.ts";
import type { Agreements } from "../market/agreements.ts";
import type { GeneralJws } from "../ports/signer.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "./authenticate.ts";
import type { ErasureBook } from "./erasure-book.ts";
import { verifiedErasure } from "./erasure-record.ts";

const ErasureMessage = Type.Object({
  record: Type.Object({
    payload: Type.String(),
    signatures: Type.Array(Type.Object({ protected: Type.String(), signature: Type.String() })),
  }),
});

/** A record is a kilobyte, and names at most a hundred other agreements. */
const bytesMax = 32 * 1024;

export interface ErasureReceiptsOptions {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: Agreements;
  readonly book: ErasureBook;
  readonly crash?: Crash;
}

/** The provider's half: takes what its consumers signed about what they erased, once each. */
export class ErasureReceipts {
  readonly #options: ErasureReceiptsOptions;
  readonly #turns = new Turns();

  constructor(options: ErasureReceiptsOptions) {
    this.#options = options;
  }

  /** Kept when the promise resolves; the same bytes again change nothing. */
  receive(did: string, id: string, signed: GeneralJws): Promise<void> {
    return this.#turns.take(id, async () => {
      const { agreements, book, clock, journal, crash = neverCrash } = this.#options;
      const agreement = agreements.get(id);
      if (agreement?.role !== "provider" || agreement.consumer !== did) {
        throw new ComityError("NOT_FOUND", { what: "agreement", id });
      }
      const record = await verifiedErasure(agreement, signed);
      if (agreement.state === "active") {
        const act = "to take what was erased after its end";
        throw new ComityError("STATE_INVALID", { what: "Agreement", id, state: "active", act });
      }
      const known = book.get(id) ?? {};
      if (known.signed !== undefined) {
        if (known.signed.payload === signed.payload) return;
        throw new ComityError("STORE_CONFLICT", { kind: "An erasure's record of", id });
      }
      const at = clock.now();
      await book.put(id, { ...known, record, signed, receivedAt: new Date(at).toISOString() });
      crash("erasure.received");
      const { messages } = record.erased;
      const text = `${agreement.title}: its consumer signed that it erased ${messages} messages`;
      journal.record({ at, kind: "agreement.erased", text, agreement: id });
    });
  }
}

export async function erasureRoutes(
  app: FastifyInstance,
  deps: { readonly authenticatePeer: AuthenticatePeer; readonly receipts: ErasureReceipts },
): Promise<void> {
  app.post<{ Params: { id: string } }>(
    "/comity/v1/agreements/:id/erasure",
    { bodyLimit: bytesMax },
    async (request) => {
      const did = await deps.authenticatePeer(request);
      const { record } = parseMessage(ErasureMessage, request.body);
      await deps.receipts.receive(did, request.params.id, record);
      return { taken: true };
    },
  );
}
