import { canonicalBytes } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Peers } from "../../ports/peers.ts";
import type { GeneralJws, PublicJwk, Signer } from "../../ports/signer.ts";
import type { Store } from "../../ports/store.ts";
import {
  didOfKeyId,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
} from "../../wire/jws.ts";
import {
  type InvoiceSettings,
  offeredParty,
  type Party,
  partyCard,
  type PartyCard,
  partyType,
  requireSettings,
} from "./settings.ts";

/** `/comity/v1/party` on every node. */
export const partyPath = "/comity/v1/party";

export interface PartiesOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "get">;
  readonly agreements: () => Iterable<Agreement>;
}

/** Kind `party`, id = its DID: who somebody says to be, under its signature. */
interface StoredParty {
  readonly card: PartyCard;
  readonly signed: GeneralJws;
}

const kind = "party";
const settingsKind = "invoicing";
const own = "own";

/** Who this node's organisation is by law, and who its partners say that they are. */
export class Parties {
  readonly #options: PartiesOptions;

  constructor(options: PartiesOptions) {
    this.#options = options;
  }

  /** Undefined: none were given yet. */
  given(): Promise<InvoiceSettings | undefined> {
    return this.#options.store.get<InvoiceSettings>(settingsKind, own);
  }

  /** INVOICE_INVALID where none were given. */
  async settings(): Promise<InvoiceSettings> {
    const settings = await this.given();
    if (settings !== undefined) return settings;
    const problem = "who the seller is by law is not known here; give its name and address";
    throw new ComityError("INVOICE_INVALID", { rule: "BR-06", problem });
  }

  /** CONFIG_INVALID names what is wrong. What was issued before keeps what it says. */
  async set(settings: InvoiceSettings): Promise<InvoiceSettings> {
    requireSettings(settings);
    const { store, signer, clock } = this.#options;
    const at = new Date(clock.now()).toISOString();
    const card: PartyCard = {
      ...{ v: 1, type: "party", did: signer.did, at },
      party: settings.party,
    };
    const bytes = canonicalBytes(card);
    const signed = mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, partyType));
    const doc: StoredParty = { card, signed };
    await store.commit([
      { op: "put", kind: settingsKind, id: own, doc: settings },
      { op: "put", kind, id: signer.did, doc },
    ]);
    return settings;
  }

  /** For a partner's node; NOT_FOUND to who has no agreement with this one, or where none is set. */
  async tell(to: string): Promise<GeneralJws> {
    const { did } = this.#options.signer;
    const known = this.#keysOf(to).length > 0;
    const stored = known ? await this.#options.store.get<StoredParty>(kind, did) : undefined;
    if (stored !== undefined) return stored.signed;
    throw new ComityError("NOT_FOUND", { what: "party of", id: did });
  }

  /**
   * A buyer as the seller's settings have it, else as its own node tells now or told last;
   * INVOICE_INVALID where nobody does.
   */
  async of(did: string): Promise<Party> {
    const entered = (await this.given())?.buyers?.find((one) => one.did === did);
    if (entered !== undefined) return entered.party;
    const told = (await this.#ask(did)) ?? (await this.#options.store.get<StoredParty>(kind, did));
    if (told !== undefined) return told.card.party;
    const problem =
      `who ${did} is by law is not known: its node tells no name and address; ` +
      "ask its owner to set them, or give them under buyers";
    throw new ComityError("INVOICE_INVALID", { rule: "BR-10", problem });
  }

  async #ask(did: string): Promise<StoredParty | undefined> {
    if (this.#keysOf(did).length === 0) return undefined; // no stranger's node is called
    let signed: unknown;
    try {
      signed = await this.#options.peers.get(did, partyPath);
    } catch {
      return undefined; // away, or it has not told anybody: what it told last counts
    }
    if (!offeredParty.Check(signed)) return undefined;
    const what = `who ${did} is by law`;
    await verifyByPinned(signed, this.#keysOf(did), did, { what, type: partyType });
    const card: unknown = JSON.parse(Buffer.from(signaturePayload(signed)).toString());
    if (!partyCard.Check(card) || card.did !== did) {
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "it signed something else" });
    }
    const { store } = this.#options;
    const before = await store.get<StoredParty>(kind, did);
    // an older one that is sent again does not bring back who it was
    if (before !== undefined && before.card.at > card.at) return before;
    const doc: StoredParty = { card, signed };
    await store.commit([{ op: "put", kind, id: did, doc }]);
    return doc;
  }

  #keysOf(did: string): PublicJwk[] {
    return pinnedKeys(this.#options.agreements(), did);
  }
}

/** The keys of a partner's that agreements with it pin. */
export function pinnedKeys(agreements: Iterable<Agreement>, did: string): PublicJwk[] {
  return [...agreements]
    .filter(({ provider, consumer }) => provider === did || consumer === did)
    .flatMap(({ keys }) => keys[did] ?? []);
}

/** SIGNATURE_INVALID unless one of its pinned keys signed it, as that. */
export async function verifyByPinned(
  signed: GeneralJws,
  keys: readonly PublicJwk[],
  did: string,
  expected: { readonly what: string; readonly type: string },
): Promise<void> {
  const distinct = [...new Map(keys.map((key) => [key.x, key])).values()];
  let refused: unknown = new ComityError("SIGNATURE_INVALID", {
    what: expected.what,
    problem: "no agreement pins a key of it",
  });
  for (const key of distinct) {
    const keyOf = (kid: string) => (didOfKeyId(kid) === did ? key : undefined);
    try {
      await verifySignature(signed, keyOf, expected);
      return;
    } catch (thrown) {
      refused = thrown;
    }
  }
  throw refused;
}
