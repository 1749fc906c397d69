import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { canonicalBytes } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { isoTime } from "../kernel/time.ts";
import { jsonIn } from "../kernel/json-object.ts";
import { type Agreement, partnerOf } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import { EndingRecord, endingType } from "../market/ending.ts";
import type { GeneralJws, Signer } from "../ports/signer.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../wire/jws.ts";
import type { AuthenticatePeer } from "./authenticate.ts";
import type { Outbox } from "./outbox.ts";
import type { PeerBook } from "./peers.ts";

/** How far the two sides' clocks may differ. */
const skewMs = 60_000;

const EndingMessage = Type.Object({
  record: Type.Object({
    payload: Type.String(),
    signatures: Type.Array(Type.Object({ protected: Type.String(), signature: Type.String() })),
  }),
});

export interface EndingsOptions {
  readonly signer: Signer;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: Agreements;
  readonly peers: PeerBook;
  readonly outbox: Outbox;
  /** Is this agreement on its way with that participant, and not final here yet? */
  readonly isPending: (agreement: string, did: string) => boolean;
}

/** How an agreement ends before its time, by either side: signed, at once here, told there. */
export class Endings {
  readonly #options: EndingsOptions;

  constructor(options: EndingsOptions) {
    this.#options = options;
    options.outbox.handle("ending", {}); // a refusal changes nothing: it has ended here
  }

  /** Ends it on this side when the promise resolves; the other side is told until it hears. */
  async end(id: string, reason: EndingRecord["reason"]): Promise<Agreement> {
    const { signer, clock, agreements, outbox } = this.#options;
    const agreement = agreements.need(id);
    if (agreement.state === "ended") return agreement;
    const at = new Date(clock.now()).toISOString();
    const said: EndingRecord = { v: 1, agreement: id, reason, by: signer.did, at };
    const bytes = canonicalBytes(said);
    const record = mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, endingType));
    // a partner without a node has no door to bring the record to; its page says it
    const letter =
      agreement.oneSided === undefined
        ? outbox.prepare({
            did: partnerOf(agreement),
            url: `/comity/v1/agreements/${encodeURIComponent(id)}/end`,
            body: { record },
            kind: "ending",
            subject: id,
          })
        : undefined;
    const ending = { reason, by: signer.did, at, record };
    const ended = await agreements.end(id, ending, letter ? [letter.write] : []);
    if (ended.ended === ending) {
      letter?.send();
      this.#tell(ended);
    }
    return ended;
  }

  /** The other side's ending: theirs by signature, theirs to say. */
  async receive(did: string, id: string, record: GeneralJws): Promise<void> {
    const { agreements, isPending } = this.#options;
    const agreement = agreements.get(id);
    // their ending overtook their word that it is final: both are kept and sent again
    if (!agreement && isPending(id, did)) {
      throw new ComityError("AGREEMENT_PENDING", { agreement: id });
    }
    if (!agreement || partnerOf(agreement) !== did) {
      throw new ComityError("NOT_FOUND", { what: "agreement", id });
    }
    if (agreement.ended?.record !== undefined) return;
    const said = await this.#verified(agreement, did, record);
    const ending = { reason: said.reason, by: did, at: said.at, record };
    if (agreement.state === "ended") {
      await agreements.witness(id, ending); // the stream itself told of its end before
      return;
    }
    const ended = await agreements.end(id, ending);
    if (ended.ended === ending) this.#tell(ended);
  }

  async #verified(agreement: Agreement, did: string, record: GeneralJws): Promise<EndingRecord> {
    const what = `the ending of ${agreement.id}`;
    const pinned = agreement.keys[did] ?? (await this.#options.peers.keyOf(did));
    const keyOf = (kid: string) => (didOfKeyId(kid) === did ? pinned : undefined);
    await verifySignature(record, keyOf, { what, type: endingType });
    const said = parseMessage(EndingRecord, jsonIn(signaturePayload(record)));
    const at = isoTime(said.at);
    if (at === undefined || at > this.#options.clock.now() + skewMs) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: `"${said.at}" has not come` });
    }
    if (said.agreement !== agreement.id || said.by !== did) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "it is about another one" });
    }
    // only the provider counts caps and closes at expiry
    if (said.reason !== "revoked" && did !== agreement.provider) {
      throw new ComityError("FORBIDDEN", {
        who: did,
        act: `end ${agreement.id} by ${said.reason}`,
      });
    }
    return said;
  }

  #tell(agreement: Agreement): void {
    const by = agreement.ended?.by ?? "";
    const whose = by === this.#options.signer.did ? "here" : `by ${this.#options.peers.nameOf(by)}`;
    this.#options.journal.record({
      at: this.#options.clock.now(),
      kind: "agreement.ended",
      text: `${agreement.title}: ${agreement.ended?.reason ?? "ended"} ${whose}`,
      agreement: agreement.id,
    });
  }
}

export async function endingRoutes(
  app: FastifyInstance,
  deps: { readonly authenticatePeer: AuthenticatePeer; readonly endings: Endings },
): Promise<void> {
  app.post<{ Params: { id: string } }>("/comity/v1/agreements/:id/end", async (request) => {
    const did = await deps.authenticatePeer(request);
    const { record } = parseMessage(EndingMessage, request.body);
    await deps.endings.receive(did, request.params.id, record);
    return { ended: true };
  });
}
