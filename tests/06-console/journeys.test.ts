/**
 * What people do with the console, in a real browser on real nodes, from the printed link on: no
 * console error, no request that leaves the node, no finding of axe.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { twoNodes, type TwoNodes } from "../two-nodes.ts";
import { findBrowser, openBrowser } from "./browser.ts";

const path = findBrowser();
const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const free = { price: { amount: "0.002", currency: "EUR", perMessages: 1 } };

describe("journeys", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  let nodes: TwoNodes;
  before(async () => {
    nodes = await twoNodes();
    await nodes.share({ id: "buses", title: "Bus positions", topics: ["bus/#"], terms: free });
    for (const seq of ["1", "2", "3"]) await nodes.provider.http.publish("bus/7", seq);
    browser = await openBrowser(path ?? "");
  });
  after(async () => {
    await browser?.close();
    await nodes?.close();
  });

  /** Opens the provider's console by its link and lets no fault pass. */
  async function signedIn(
    options: BrowserContextOptions,
    what: (page: Page) => Promise<void>,
  ): Promise<void> {
    const { node } = nodes.provider;
    const profile = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      ...options,
    });
    const page = await profile.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(`${node.httpUrl}/`)) faults.push(request.url());
    });
    try {
      await page.goto(node.signInLink());
      await page.locator('.freshness[data-state="live"]').waitFor();
      await page.locator(".account").waitFor();
      await what(page);
      assert.deepEqual(faults, []);
    } finally {
      await profile.close();
    }
  }

  for (const colorScheme of ["light", "dark"] as const) {
    test(`the World page opens signed in, and is for everybody, in the ${colorScheme}`, () =>
      signedIn({ colorScheme }, async (page) => {
        await page.getByRole("row").filter({ hasText: "Bus positions" }).waitFor();
        await page.getByText("admin · owner").waitFor();
        assert.deepEqual(await axeFindings(page), []);
      }));
  }
});

/** WCAG 2.2 A and AA, as far as a program can tell; each with where it is. */
async function axeFindings(page: Page): Promise<string[]> {
  // evaluated, not loaded: the page's policy lets no script in that is not the node's
  await page.evaluate(await readFile(axeSource, "utf8"));
  const rules = JSON.stringify(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]);
  const run = `axe.run(document, { runOnly: ${rules} }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + " " + target.join(" ") + ": " + failureSummary)))`;
  return page.evaluate<string[]>(run);
}
