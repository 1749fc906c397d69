import type { OfferResource } from "../client/resources.ts";

/** Offers that hold every word somewhere, those that hold them in the title first. */
export function rankOffers(query: string, offers: readonly OfferResource[]): OfferResource[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  return offers
    .map((offer) => ({ offer, score: score(words, offer) }))
    .filter((found) => found.score !== undefined)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0) || compare(a.offer.title, b.offer.title))
    .map((found) => found.offer);
}

/** Undefined where a word is nowhere in the offer. */
function score(words: readonly string[], offer: OfferResource): number | undefined {
  const places: readonly (readonly [number, string])[] = [
    [8, offer.title],
    [4, `${offer.product} ${(offer.keywords ?? []).join(" ")} ${offer.sector ?? ""}`],
    [2, `${offer.providerName} ${offer.place?.name ?? ""}`],
    [1, `${offer.description ?? ""} ${(offer.topics ?? []).join(" ")}`],
  ];
  let sum = 0;
  for (const word of words) {
    const weights = places.filter(([, text]) => fold(text).includes(word)).map(([w]) => w);
    if (weights.length === 0) return undefined;
    sum += Math.max(...weights);
  }
  return sum;
}

/** Without case and accents, so that `sao` finds `São`. */
function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
