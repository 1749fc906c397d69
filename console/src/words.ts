import en from "./words/en.json" with { type: "json" };

/**
 * Every word the page says by itself, in the reader's language: one file of `words/` a language.
 * What other organisations wrote (titles, happenings, effects) stands as they wrote it. Pure: what
 * a browser has is in `language.ts`.
 */
export type Words = { readonly [key in keyof typeof en]: (typeof en)[key] };
type Plain = { [key in keyof Words]: Words[key] extends string ? key : never }[keyof Words];
type Counted = Exclude<keyof Words, Plain>;
type Parts<T> = Readonly<Record<string, T>>;

/** A further language is a file, and its tag here. */
export const languages = ["en", "zh", "ar"] as const;
export type Language = (typeof languages)[number];

let words: Words = en;
let language: Language = "en";
let plurals = new Intl.PluralRules("en");

/** For `Intl`; figures and dates are by the language too. */
export const locale = (): Language => language;

/** The first of the reader's languages that there is. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = languages.find((one) => one === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}

export function speak(next: Language, spoken: Words): void {
  [language, words] = [next, spoken];
  plurals = new Intl.PluralRules(next);
}

export function say(key: Plain, parts: Parts<string | number> = {}): string {
  return filled(words[key], parts).join("");
}

/** With elements among the words, wherever a language wants them. */
export function rich<T>(key: Plain, parts: Parts<T>): (T | string)[] {
  return filled(words[key], parts);
}

/** `{n}` of something: `shown` as the reader's figures, its form by the language's rules. */
export function many(key: Counted, n: number, shown: string): string {
  const forms: Readonly<Record<string, string>> = words[key];
  return filled(forms[plurals.select(n)] ?? forms["other"] ?? "", { n: shown }).join("");
}

function filled<T>(text: string, parts: Parts<T>): (T | string)[] {
  return text.split(/\{(\w+)\}/).map((piece, i) => (i % 2 === 0 ? piece : (parts[piece] ?? "")));
}
