import { locale, preferred, speak, type Words } from "./words.ts";

const CHOSEN = "comity-language";
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(["ar"]);

/** Before anything is drawn; English, which is in the bundle, where a file cannot be had. */
export async function loadWords(): Promise<void> {
  const next = preferred([localStorage.getItem(CHOSEN) ?? "", ...navigator.languages]);
  const answer = next === "en" ? undefined : await fetch(`/words-${next}.json`);
  if (answer?.ok === true) speak(next, (await answer.json()) as Words);
  const page = document.documentElement;
  page.lang = locale();
  page.dir = RIGHT_TO_LEFT.has(locale()) ? "rtl" : "ltr";
}

/** Everything is drawn anew: a page in two languages would be read wrongly. */
export function chooseLanguage(next: string): void {
  localStorage.setItem(CHOSEN, next);
  location.reload();
}
