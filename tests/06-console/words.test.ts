/** The languages of the console: none lacks a word, and each keeps the parts a sentence has. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import * as told from "../../console/src/format.ts";
import { languages, preferred, say, speak, type Words } from "../../console/src/words.ts";

const sources = new URL("../../console/src/", import.meta.url).pathname;

function wordsOf(language: string): Words {
  return JSON.parse(readFileSync(join(sources, `words/${language}.json`), "utf8")) as Words;
}

const english = wordsOf("en");
after(() => speak("en", english));

function formsOf(words: Words, key: keyof Words): Readonly<Record<string, string>> {
  const value = words[key];
  return typeof value === "string" ? { "": value } : value;
}

/** `{n}`, `{title}`: what a sentence is filled with. */
function partsOf(forms: Readonly<Record<string, string>>): string[] {
  const all = Object.values(forms).flatMap((text) => text.match(/\{\w+\}/g) ?? []);
  return [...new Set(all)].toSorted();
}

test("words - every file is a language that can be chosen, and the other way round", () => {
  const files = readdirSync(join(sources, "words")).map((name) => name.replace(".json", ""));
  assert.deepEqual(files.toSorted(), languages.toSorted());
});

for (const language of languages) {
  test(`words - ${language} lacks none, has none too many, and fills each with the same`, () => {
    const words = wordsOf(language);
    assert.deepEqual(Object.keys(words).toSorted(), Object.keys(english).toSorted());
    for (const key of Object.keys(english) as (keyof Words)[]) {
      const forms = formsOf(words, key);
      for (const text of Object.values(forms)) assert.notEqual(text.trim(), "", key);
      assert.deepEqual(partsOf(forms), partsOf(formsOf(english, key)), key);
      if (typeof english[key] === "string") continue;
      const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
      assert.deepEqual(Object.keys(forms).toSorted(), pluralCategories.toSorted(), key);
    }
  });
}

test("words - every one is said somewhere", () => {
  const code = readdirSync(sources, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(join(sources, name), "utf8"))
    .join("\n");
  // said by a name that is put together: `sector.${sector}`
  const families = [...code.matchAll(/say\(`(\w+)\.\$\{/g)].map(([, family]) => `${family}.`);
  const unsaid = Object.keys(english).filter(
    (key) => !code.includes(`"${key}"`) && !families.some((family) => key.startsWith(family)),
  );
  assert.deepEqual(unsaid, []);
});

test("words - the reader's first language that there is, whatever its region", () => {
  assert.equal(preferred(["", "de-CH", "zh-Hant-TW", "en"]), "zh");
  assert.equal(preferred(["AR-eg"]), "ar");
  assert.equal(preferred(["tlh"]), "en");
  assert.equal(preferred([]), "en");
});

test("words - numbers, dates, nations and plurals are by the language", () => {
  speak("zh", wordsOf("zh"));
  assert.equal(told.nation("KE"), "肯尼亚");
  assert.equal(told.numbered("count.agreement", 12_345), "12,345 份协议");
  assert.equal(told.age(61_000), "1 分钟前");
  speak("ar", wordsOf("ar"));
  const forms = [0, 1, 2, 3, 11, 100].map((n) => told.numbered("count.message", n));
  assert.equal(new Set(forms.map((text) => text.replace(/[\d٠-٩]+/, ""))).size, 5, forms.join());
  speak("en", english);
  assert.equal(told.numbered("count.agreement", 1), "1 agreement");
  assert.equal(
    say("map.arc", { title: "a", from: "b", to: "c", state: "{title}" }),
    "a: b to c, {title}",
  );
});
