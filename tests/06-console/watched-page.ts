import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

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
