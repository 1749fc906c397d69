/** The palette and the choice of theme in a real browser. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { guardedNode } from "../02-things/guarded-node.ts";
import { axeFindings } from "./axe.ts";
import { findBrowser, openBrowser } from "./browser.ts";
import { onSignedInPage } from "./watched-page.ts";

const path = findBrowser();
const { running } = await guardedNode();

describe("palette", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser(path ?? "");
    await running.http.addThing({ name: "pump-3", title: "Pump <b>3</b>", kind: "pump" });
    await running.http.addThing({ name: "meter-1", kind: "meter" });
  });
  after(async () => browser?.close());

  const signedIn = (
    options: BrowserContextOptions,
    what: (page: Page) => Promise<void>,
  ): Promise<void> => onSignedInPage(browser, running.node, options, what);

  test("leads to a page and to a Thing by the keyboard alone, and gives the focus back", () =>
    signedIn({}, async (page) => {
      await page.keyboard.press("Control+k");
      const words = page.getByRole("combobox", { name: "A page, a Thing, an agreement" });
      await words.waitFor();
      assert.deepEqual(await axeFindings(page), []);
      await page.keyboard.press("ArrowDown");
      const chosen = page.locator(".palette [aria-selected=true]");
      assert.match(await chosen.innerText(), /^Things\s+page$/);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Things" }).waitFor();
      assert.equal(new URL(page.url()).pathname, "/console/things");
      await page.keyboard.press("Control+k");
      await words.fill("pump thing");
      await page.getByRole("option", { name: "Pump <b>3</b>" }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByText("1 Thing", { exact: true }).waitFor();
      assert.equal(new URL(page.url()).searchParams.get("q"), "pump-3");
      const button = page.getByRole("button", { name: "Go to…" });
      await button.click();
      await words.fill("nothing such");
      await page.getByText("Nothing has all these words.").waitFor();
      await page.keyboard.press("Escape");
      await words.waitFor({ state: "detached" });
      assert.ok(await button.evaluate((one) => one === one.ownerDocument.activeElement));
      await page.goBack();
      await page.getByText("2 Things", { exact: true }).waitFor();
    }));

  for (const locale of ["zh", "ar"]) {
    test(`speaks ${locale}, in the dark, on a phone`, () =>
      signedIn(
        { locale, colorScheme: "dark", viewport: { width: 390, height: 844 } },
        async (page) => {
          await page.keyboard.press("Control+k");
          await page.locator(".palette [role=option]").nth(3).waitFor();
          assert.deepEqual(await axeFindings(page), []);
          const wide = await page.evaluate<number>("document.body.scrollWidth - innerWidth");
          assert.ok(wide <= 0, `${wide} px too wide`);
        },
      ));
  }

  test("a theme that was chosen stays, against the system's, and paper is light", () =>
    signedIn({ colorScheme: "light" }, async (page) => {
      const ground = (): Promise<string> =>
        page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      const light = await ground();
      await page.getByLabel("Theme").selectOption("dark");
      const dark = await ground();
      assert.notEqual(dark, light);
      await page.reload();
      await page.locator(".account b").waitFor();
      assert.equal(await ground(), dark);
      assert.deepEqual(await axeFindings(page), []);
      await page.emulateMedia({ media: "print" });
      assert.equal(await ground(), light);
      await page.emulateMedia({ media: "screen", colorScheme: "dark" });
      await page.getByLabel("Theme").selectOption("light");
      assert.equal(await ground(), light);
      await page.getByLabel("Theme").selectOption("system");
      assert.equal(await ground(), dark);
    }));
});
