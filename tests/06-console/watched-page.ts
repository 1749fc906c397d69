import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { RunningNode } from "../../src/node.ts";

/**
 * Does `what` on a page of a fresh profile and lets no fault pass: none that a script throws, none
 * that the console shows, and no request that is not the page's own.
 */
export async function onWatchedPage(
  browser: Browser,
  options: BrowserContextOptions,
  isOwn: (url: URL) => boolean,
  what: (page: Page, faults: string[]) => Promise<void>,
): Promise<void> {
  const profile = await browser.newContext(options);
  const page = await profile.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
  page.on("request", (request) => {
    if (!isOwn(new URL(request.url()))) faults.push(request.url());
  });
  try {
    await what(page, faults);
    assert.deepEqual(faults, []);
  } finally {
    await profile.close();
  }
}

/** The same on a node's console, signed in by its printed link as its owner. */
export async function onSignedInPage(
  browser: Browser,
  node: RunningNode,
  options: BrowserContextOptions,
  what: (page: Page, faults: string[]) => Promise<void>,
): Promise<void> {
  const context = { viewport: { width: 1280, height: 800 }, ...options };
  const isOwn = ({ href }: URL): boolean => href.startsWith(`${node.httpUrl}/`);
  await onWatchedPage(browser, context, isOwn, async (page, faults) => {
    await page.goto(node.signInLink());
    await page.locator(".account b").waitFor();
    await what(page, faults);
  });
}
