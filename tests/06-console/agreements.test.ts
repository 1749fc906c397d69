/** The Agreements page in a real browser, on two nodes that trade. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { bothSigned, twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import { axeFindings } from "./axe.ts";
import { findBrowser, openBrowser } from "./browser.ts";
import { onSignedInPage } from "./watched-page.ts";

const path = findBrowser();
const price = { amount: "0.5", currency: "EUR", perMessages: 1 };

type Side = "provider" | "consumer";

describe("agreements page", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  let nodes: TwoNodes;
  before(async () => {
    browser = await openBrowser(path ?? "");
    nodes = await twoNodes();
  });
  after(async () => {
    await browser?.close();
    await nodes?.close();
  });

  const signedIn = (
    side: Side,
    what: (page: Page, faults: string[]) => Promise<void>,
    options: BrowserContextOptions = {},
  ): Promise<void> => onSignedInPage(browser, nodes[side].node, options, what);

  const opened = async (page: Page, side: Side, title: string): Promise<void> => {
    await page.goto(`${nodes[side].node.httpUrl}/console/agreements`);
    await page.getByRole("link", { name: title }).click();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  };

  test("says how to get the first", () =>
    signedIn("consumer", async (page) => {
      await page.getByRole("link", { name: "Agreements", exact: true }).click();
      assert.equal(new URL(page.url()).pathname, "/console/agreements");
      await page.getByText("No agreements yet").waitFor();
      assert.deepEqual(await axeFindings(page), []);
    }));

  test("shows both directions, what is used and what both have signed", async () => {
    const { id } = await nodes.share({
      ...{ id: "rain", title: "Rain <i>now</i>", topics: ["rain/#"], delivery: "logged" },
      terms: { price, messagesMax: 100 },
    });
    const device = await nodes.mqtt("provider");
    for (let i = 0; i < 4; i++) await device.publish("rain/1", "x", { qos: 1 });
    await bothSigned(nodes, id, 4);
    for (const [side, words] of [
      ["provider", "sold to The consumer"],
      ["consumer", "bought from The provider"],
    ] as const) {
      await signedIn(side, async (page) => {
        await page.goto(`${nodes[side].node.httpUrl}/console/agreements`);
        const row = page.getByRole("row").filter({ hasText: "Rain <i>now</i>" });
        await row.waitFor();
        await row.getByText(words).waitFor();
        await row.getByText("EUR 2.0000").waitFor();
        assert.deepEqual(await axeFindings(page), []);
        await opened(page, side, "Rain <i>now</i>");
        await page.getByText("both sides").first().waitFor();
        await page.getByText("None was withheld.").waitFor();
        await page.getByText("4 of 100 messages").waitFor();
        assert.deepEqual(await axeFindings(page), []);
        await page.goBack();
        await page.getByRole("heading", { level: 1, name: "Agreements" }).waitFor();
      });
    }
  });

  test("a seller suspends and resumes, revokes after it was told what that does, and the stream ends", async () => {
    await nodes.share({
      ...{ id: "wind", title: "Wind", topics: ["wind/#"] },
      terms: { price },
    });
    const device = await nodes.mqtt("provider");
    const reader = await nodes.mqtt("consumer");
    const came: string[] = [];
    await reader.subscribe("from/provider/wind/#", {}, ({ payload }) => {
      came.push(Buffer.from(payload).toString());
    });
    let sent = 0;
    const arrives = (): Promise<void> =>
      until("a message comes", async () => {
        const text = `w${sent++}`;
        await device.publish("wind/1", text);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return came.includes(text);
      });
    await arrives();
    await signedIn("provider", async (page) => {
      await opened(page, "provider", "Wind");
      await page.getByRole("button", { name: "Suspend" }).click();
      await page.getByText("rests, held back by its provider").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("running").waitFor();
      await arrives();
      await page.getByRole("button", { name: "Revoke" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("Delivery stops at once, on both sides.").waitFor();
      assert.deepEqual(await axeFindings(page), []);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Revoke" }).click();
      await dialog.getByRole("button", { name: "Leave it" }).click();
      await dialog.waitFor({ state: "detached" });
      await arrives();
      await page.getByRole("button", { name: "Revoke" }).click();
      await dialog.getByRole("button", { name: "Revoke" }).click();
      await page.getByText(/^ended: revoked/).waitFor();
      assert.equal(await page.getByRole("button", { name: "Revoke" }).count(), 0);
    });
    await signedIn("consumer", async (page) => {
      await opened(page, "consumer", "Wind");
      await page.getByText(/^ended: revoked/).waitFor();
    });
    const before = came.length;
    for (let i = 0; i < 5; i++) await device.publish("wind/1", "late");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(came.length, before, "nothing comes any more");
  });

  test("speaks every language, in both themes, on a phone too", async () => {
    for (const [locale, colorScheme, width] of [
      ["zh", "dark", 1280],
      ["ar", "light", 390],
    ] as const) {
      const more = { locale, colorScheme, viewport: { width, height: 800 } } as const;
      await signedIn(
        "provider",
        async (page) => {
          await page.goto(`${nodes.provider.node.httpUrl}/console/agreements`);
          await page.getByRole("link", { name: "Rain" }).waitFor();
          assert.deepEqual(await axeFindings(page), []);
          await page.getByRole("link", { name: "Rain" }).click();
          await page.locator(".facts").first().waitFor();
          assert.deepEqual(await axeFindings(page), []);
          const wide = await page.evaluate<number>("document.body.scrollWidth - innerWidth");
          assert.ok(wide <= 0, `${wide} px too wide`);
        },
        more,
      );
    }
  });
});
