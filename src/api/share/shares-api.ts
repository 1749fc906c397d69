import type { Agreement } from "../../market/agreement.ts";
import type { MessageSeen } from "../../flow/local-streams.ts";
import { describePrice } from "../../kernel/price-text.ts";
import { grantOf } from "../../market/compile.ts";
import type { Federation } from "../../federate/federation.ts";
import type { OpenIdLogin } from "../../federate/openid.ts";
import type { Flow } from "../../flow/flow.ts";
import { previewMessages } from "../../flow/preview.ts";
import { describePolicy, type PolicyPromise } from "../../market/policy/plain.ts";
import { compileOffer, termsOf } from "../../market/policy.ts";
import type { Product } from "../../market/product.ts";
import { sampleGrant } from "../../market/sample-grant.ts";
import type { Catalogue } from "../../market/catalogue.ts";
import type { Sectors } from "../../sectors/room.ts";
import type { Share, Shares } from "../../market/shares.ts";

export interface SharesApi {
  readonly book: Shares;
  /** Where partners may log in, if anywhere. */
  readonly openid: OpenIdLogin | undefined;
  /** Where partners' MQTT clients connect. */
  mqttUrl(): string;
  /** The terms of what the share is for, line by line, in plain words. */
  terms(share: Share, product: Product): readonly PolicyPromise[];
  /** Names of the native feeds that its sector composes of a product. */
  feedsOf(product: string): readonly string[];
  /** What the agreement would let through; returns what ends it. */
  sample(share: Share, onMessage: (message: MessageSeen) => void): () => void;
  /** Resolves when the doors let in who has the agreement's token. */
  opened(agreement: Agreement): Promise<void>;
  /** The link is good no more, and its agreement ended. */
  revoke(id: string): Promise<Share>;
}

interface ShareRooms {
  readonly shares: Shares;
  readonly federation: Federation;
  readonly flow: Flow;
  readonly announcedMqttUrl: () => string;
  readonly catalogue: Pick<Catalogue, "get">;
  readonly sectors: Pick<Sectors, "outputs">;
  readonly openid: OpenIdLogin | undefined;
}

/** Links to partners as the API and the page see them. */
export function sharesApi(rooms: ShareRooms): SharesApi {
  const { shares, federation, flow } = rooms;
  return {
    book: shares,
    openid: rooms.openid,
    mqttUrl: rooms.announcedMqttUrl,
    terms: termsInWords,
    feedsOf: (id) => rooms.sectors.outputs.namesOf(rooms.catalogue.get(id)?.sector ?? ""),
    sample(share, onMessage) {
      const product = shares.productOf(share);
      if (product === undefined) return () => {};
      const grant = sampleGrant(product, flow.outside.clock.now(), `sample:${share.id}`);
      return previewMessages(flow, grant, onMessage);
    },
    async opened(agreement) {
      const { product: id, topics, delivery } = agreement;
      await flow.serve({ id, topics, delivery });
      await flow.open(grantOf(agreement));
    },
    async revoke(id) {
      const revoked = await shares.revoke(id);
      if (revoked.accepted) await federation.endings.end(revoked.accepted.agreement, "revoked");
      return revoked;
    },
  };
}

function termsInWords(share: Share, product: Product): ReturnType<typeof describePolicy> {
  const { "@id": _id, "@type": _type, ...rules } = compileOffer(product);
  const promises = describePolicy(termsOf(rules));
  if (share.payment === "free") return [{ text: "Free of charge.", kind: "owed" }, ...promises];
  const { currency } = product.terms.price;
  if (share.payment === "billed") {
    const price = describePrice(product.terms.price);
    const text =
      `Billed: ${price} that your MQTT client acknowledges (QoS 1), at most ` +
      `${share.ceiling} ${currency} in a calendar month (UTC); then delivery rests until the next.`;
    return [{ text, kind: "owed" }, ...promises];
  }
  const paid = `${share.paid ?? "0"} ${currency}`;
  const text = `Paid ahead: ${paid} so far; delivery ends when it is used.`;
  return [{ text, kind: "owed" }, ...promises];
}
