/**
 * A product's terms and its free text against the Data Act's lists of unfair terms, and its prices
 * against what Art. 9 lets be asked. What is found
 * is a place to look at, with the article and what to do; what only a person can decide is asked,
 * and what this software itself rules out is said. None of it is legal advice.
 */
import { describeSeconds } from "../../kernel/duration.ts";
import type { Product, Terms } from "../product.ts";
import {
  type CompensationFinding,
  compensationFindings,
  compensationQuestions,
} from "./compensation.ts";
import { type UnfairTerm, unfairTerms } from "./unfair-terms.ts";

interface UnfairFinding extends Pick<UnfairTerm, "article" | "list" | "what" | "advice"> {
  /** `conditions`, `description`, or a term's name. */
  readonly where: string;
  /** The sentence, or the term as it is. */
  readonly text: string;
}

export type LintFinding = UnfairFinding | CompensationFinding;

export interface LintReport {
  readonly findings: readonly LintFinding[];
  /** What a person has to answer. */
  readonly questions: readonly { readonly article: string; readonly question: string }[];
  /** What cannot happen under an agreement of this node, and why. */
  readonly ruledOut: readonly { readonly article: string; readonly because: string }[];
}

const shownMax = 300;
/** Less is an unreasonably short time to take a copy in, of data that are one's own. */
const copySecondsMin = 30 * 86_400;

export function lintProduct(
  product: Pick<Product, "description" | "terms" | "tariffs" | "cost" | "reservedFor">,
  conditions = "",
): LintReport {
  const texts = { conditions, description: product.description };
  return {
    findings: [
      ...Object.entries(texts).flatMap(([where, text]) => textFindings(where, text)),
      ...termFindings(product.terms),
      ...compensationFindings(product),
    ],
    questions: [...questionsOf(product.terms, conditions), ...compensationQuestions(product)],
    ruledOut,
  };
}

function textFindings(where: string, text: string): LintFinding[] {
  return sentencesOf(text).flatMap((sentence) => {
    const words = ` ${sentence.toLowerCase()} `;
    return unfairTerms
      .filter(({ patterns }) =>
        patterns.some((groups) =>
          groups.every((phrases) => phrases.some((phrase) => words.includes(phrase))),
        ),
      )
      .map(({ patterns: _patterns, ...term }) => ({
        ...term,
        where,
        text: sentence.slice(0, shownMax),
      }));
  });
}

/** Cut at full stops, semicolons and empty lines; a clause is judged by itself. */
function sentencesOf(text: string): string[] {
  return text
    .split(/[.;!?](?=\s|$)|\n\s*\n/)
    .map((sentence) => sentence.replaceAll(/\s+/g, " ").trim())
    .filter((sentence) => sentence !== "");
}

function termFindings({ deleteAfterSeconds }: Terms): LintFinding[] {
  const term = unfairTerms.find(({ article }) => article === "Art. 13(5)(e)");
  if (!term || deleteAfterSeconds === undefined || deleteAfterSeconds >= copySecondsMin) return [];
  const { patterns: _patterns, ...listed } = term;
  const text = `deleted within ${describeSeconds(deleteAfterSeconds)}`;
  return [{ ...listed, where: "deleteAfterSeconds", text }];
}

function questionsOf(terms: Terms, conditions: string): { article: string; question: string }[] {
  const limits = (["purposes", "recipients", "jurisdictions", "noResharing"] as const).filter(
    (name) => terms[name] !== undefined,
  );
  const ask = (article: string, question: string) => ({ article, question });
  return [
    ask("Art. 13(1)", "Is the buyer an enterprise? Against consumers other law holds."),
    ask("Art. 13(6)", "Could the buyer influence the terms? Only imposed ones are judged."),
    ask("Art. 13(3)", "Does any other term grossly deviate from good commercial practice?"),
    ...(limits.length === 0
      ? []
      : [
          ask(
            "Art. 13(5)(c)",
            `Did the buyer provide or generate these data? Then ${limits.join(", ")} may not ` +
              "keep it from using them.",
          ),
        ]),
    ...(/\bnotice\b/i.test(conditions)
      ? []
      : [
          ask(
            "Art. 13(5)(f)",
            "A node can end an agreement at once. What notice do you promise? The conditions " +
              "name none.",
          ),
        ]),
    ...(conditions.trim() === ""
      ? [ask("Art. 13(4)", "Are there conditions beside these terms? None were given to read.")]
      : [ask("Art. 13", "Are the conditions in English? Other languages are not read.")]),
  ];
}

const ruledOut = [
  {
    article: "Art. 13(5)(d)",
    because: "either side ends an agreement at any time, by a signed record",
  },
  {
    article: "Art. 13(5)(g)",
    because: "both sides sign the terms and their hash is in every receipt: others are refused",
  },
  {
    article: "Art. 13(8)",
    because: "what is sold and its price are not judged by this article",
  },
];
