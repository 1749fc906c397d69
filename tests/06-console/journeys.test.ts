/**
 * What people do with the console, in a real browser on real nodes, from the printed link on: no
 * console error, no request that leaves the node, no finding of axe.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { twoNodes, type TwoNodes } from "../two-nodes.ts";
import { axeFindings } from "./axe.ts";
import { findBrowser, openBrowser } from "./browser.ts";
import { onSignedInPage } from "./watched-page.ts";

const path = findBrowser();
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
  const signedIn = (
    options: BrowserContextOptions,
    what: (page: Page) => Promise<void>,
  ): Promise<void> => {
    const context = { viewport: { width: 1440, height: 900 }, ...options };
    return onSignedInPage(browser, nodes.provider.node, context, async (page) => {
      await page.locator('.freshness[data-state="live"]').waitFor();
      await what(page);
    });
  };

  const readers = [
    { locale: "en-GB", dir: "ltr", heading: "Live data", agreements: "Agreements", role: "owner" },
    { locale: "zh-CN", dir: "ltr", heading: "实时数据", agreements: "协议", role: "所有者" },
    { locale: "ar-EG", dir: "rtl", heading: "بيانات حية", agreements: "الاتفاقيات", role: "مالك" },
  ];
  for (const { locale, dir, heading, agreements, role } of readers) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`the World page opens signed in, for everybody, ${locale}, ${colorScheme}`, () =>
        signedIn({ locale, colorScheme }, async (page) => {
          await page.getByRole("heading", { level: 1, name: heading }).waitFor();
          const table = page.getByRole("table", { name: agreements });
          await table.getByRole("row").filter({ hasText: "Bus positions" }).waitFor();
          await page.getByText(`admin · ${role}`).waitFor();
          assert.equal(await page.locator("html").getAttribute("dir"), dir);
          assert.equal(await page.locator("html").getAttribute("lang"), locale.slice(0, 2));
          await page.locator(".row-title button").click();
          await page.locator('.card[data-pinned="true"]').waitFor();
          assert.deepEqual(await axeFindings(page), []);
        }));
    }
    test(`a phone shows all of it without scrolling sideways, ${locale}`, () =>
      signedIn({ locale, viewport: { width: 390, height: 844 } }, async (page) => {
        const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(wide <= 390, `${wide} pixels wide`);
      }));
  }

  test("a language that was chosen stays, before those of the browser", () =>
    signedIn({ locale: "fr-FR" }, async (page) => {
      await page.getByLabel("Language").selectOption("zh");
      await page.getByRole("heading", { level: 1, name: "实时数据" }).waitFor();
      await page.reload();
      await page.getByLabel("语言").selectOption("en");
      await page.getByRole("heading", { level: 1, name: "Live data" }).waitFor();
    }));
});
