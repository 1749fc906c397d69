import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** WCAG 2.2 A and AA, as far as a program can tell; each with where it is. */
export async function axeFindings(page: Page): Promise<string[]> {
  // evaluated, not loaded: the page's policy lets no script in that is not the node's
  await page.evaluate(await readFile(axeSource, "utf8"));
  const rules = JSON.stringify(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]);
  const run = `axe.run(document, { runOnly: ${rules} }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + " " + target.join(" ") + ": " + failureSummary)))`;
  return page.evaluate<string[]>(run);
}
