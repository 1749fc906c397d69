import { monthPattern } from "../kernel/clock.ts";
import { Type } from "typebox";

/** What a text has to look like, as a pattern for machines and in words for who gets it wrong. */
const forms = {
  name: { pattern: "^[a-z0-9-]{1,64}$", words: "1 to 64 of a-z, 0-9 and -" },
  product: {
    pattern: "^(?!\\.)[A-Za-z0-9._-]{1,64}$",
    words: "1 to 64 of A-Z, a-z, 0-9, -, _ and, not at its beginning, a dot",
  },
  month: { pattern: monthPattern, words: "a month such as 2026-11" },
  currency: { pattern: "^[A-Z]{3}$", words: "an ISO 4217 code such as EUR" },
} as const;

const wordsOf = new Map<unknown, string>(
  Object.values(forms).map(({ pattern, words }) => [pattern, words]),
);

export function textForm(form: keyof typeof forms) {
  const { pattern, words } = forms[form];
  return Type.String({ pattern, description: words });
}

/** `is not 1 to 64 of …`; undefined where no words are known for the pattern. */
export function notOfForm(pattern: unknown): string | undefined {
  const words = wordsOf.get(pattern);
  return words === undefined ? undefined : `is not ${words}`;
}
