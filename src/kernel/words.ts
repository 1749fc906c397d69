/** Marks that stand apart after decomposition: accents, cedillas, umlauts. */
const marks = /\p{M}/gu;
const word = /[\p{L}\p{N}]+/gu;

/** The words of a text without case and accents, so that `sao` finds `São`; in their order. */
export function wordsOf(text: string): string[] {
  return text.normalize("NFKD").replaceAll(marks, "").toLowerCase().match(word) ?? [];
}
