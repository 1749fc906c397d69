/** The page of a share link in a real browser, with scripts and without. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { nodeOptions, startTestNode, type TestNode, until } from "../two-nodes.ts";
import { findBrowser, openBrowser } from "./browser.ts";
import { onWatchedPage } from "./watched-page.ts";

const path = findBrowser();
const free = { price: { amount: "0", currency: "EUR", perMessages: 1 } };

describe("share page", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  let folder: string;
  let side: TestNode;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "comity-share-"));
    const about = { name: "buses", title: "Delft Buses" };
    side = await startTestNode(await nodeOptions(folder, about));
    browser = await openBrowser(path ?? "");
  });
  after(async () => {
    await browser?.close();
    await side.node.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function visit(
    product: string,
    options: BrowserContextOptions,
    what: (page: Page) => Promise<void>,
  ): Promise<void> {
    const title = `<b onmouseover="alert(1)">Buses`;
    await side.http.addProduct({ id: product, title, topics: [`${product}/#`], terms: free });
    const { url } = await side.http.share(product, "City of Delft");
    const isOwn = ({ hostname }: URL): boolean => hostname === "127.0.0.1";
    await onWatchedPage(browser, options, isOwn, async (page) => {
      await page.goto(url);
      await what(page);
    });
  }

  /** What everybody does: reads, accepts, and gets what opens the door. */
  async function acceptOn(page: Page): Promise<{ agreement: string; token: string }> {
    await page.getByRole("heading", { level: 1, name: /<b onmouseover/ }).waitFor();
    await page.getByText("Delft Buses shares with City of Delft").waitFor();
    await page.getByLabel("Your name").fill("Ann");
    await page.getByLabel("Your e-mail").fill("ann@city.example");
    await page.getByLabel(/I accept these terms/).check();
    await page.getByRole("button", { name: "Accept" }).click();
    await page.getByRole("heading", { name: "You have access" }).waitFor();
    const [agreement = "", token = ""] = await page.locator("dd code").allTextContents();
    return { agreement, token };
  }

  test("shows a live sample, and gives access that works", () =>
    visit("with-scripts", { viewport: { width: 390, height: 844 } }, async (page) => {
      const lines = page.locator("#sample li");
      await until("a sample is shown", async () => {
        await side.http.publish("with-scripts/7", "<i>here</i>");
        return (await lines.count()) > 0;
      });
      assert.match(
        await lines.first().innerText(),
        /^with-scripts\/7 <i>here<\/i> \d\d:\d\d:\d\d$/,
      );
      const background = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      assert.equal(background, "rgb(219, 230, 231)", "the console's own colours");
      const overflow = await page.evaluate<number>("document.body.scrollWidth - innerWidth");
      assert.ok(overflow <= 0, `${overflow} px too wide for a phone`);
      const { agreement, token } = await acceptOn(page);
      const url = side.node.mqttUrl;
      const client = await connectMqtt({ url, username: agreement, password: token });
      await client.end();
    }));

  test("without scripts everything but the live sample is there, by keyboard alone", () =>
    visit("without-scripts", { javaScriptEnabled: false }, async (page) => {
      await page.getByRole("link", { name: "plain event stream" }).waitFor();
      await page.getByLabel("Your name").focus();
      await page.keyboard.type("Ann");
      await page.keyboard.press("Tab");
      await page.keyboard.type("ann@city.example");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "You have access" }).waitFor();
    }));

  test("says what is wrong with what was typed, and keeps it", () =>
    visit("typed", {}, async (page) => {
      await page.getByLabel("Your name").fill(`Ann "><script>`);
      await page.getByLabel("Your e-mail").fill("ann@localhost");
      await page.getByLabel(/I accept these terms/).check();
      // a refused form is an answer with a status that browsers log
      page.removeAllListeners("console");
      await page.getByRole("button", { name: "Accept" }).click();
      await page
        .getByRole("alert")
        .getByText(/e-mail is not one such as/)
        .waitFor();
      assert.equal(await page.getByLabel("Your name").inputValue(), `Ann "><script>`);
    }));
});
