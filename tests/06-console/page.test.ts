import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { buildConsole } from "../../console/build.mjs";
import { findBrowser, openBrowser } from "./browser.ts";
import { type PageServer, servePage } from "./page-server.ts";
import { ScriptedWorld } from "./scripted-world.ts";
import { onWatchedPage } from "./watched-page.ts";

const path = findBrowser();
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

interface Open {
  readonly page: Page;
  readonly world: ScriptedWorld;
  readonly server: PageServer;
  /** Console errors and requests that left this machine. */
  readonly faults: string[];
}

describe("world page", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "comity-page-"));
    await buildConsole({ outDir: folder });
    browser = await openBrowser(path ?? "");
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page in a fresh profile, does `what` there, and lets no fault pass. */
  async function visit(
    options: BrowserContextOptions & { token?: string; world?: ScriptedWorld },
    what: (open: Open) => Promise<void>,
  ): Promise<void> {
    const { token, world = new ScriptedWorld(), ...context } = options;
    const server = await servePage({ folder, world, ...(token === undefined ? {} : { token }) });
    const isOwn = ({ hostname, protocol }: URL): boolean =>
      protocol === "data:" || hostname === "127.0.0.1";
    try {
      await onWatchedPage(browser, { viewport: WIDE, ...context }, isOwn, async (page, faults) => {
        await page.goto(server.url);
        await what({ page, world, server, faults });
      });
    } finally {
      await server.close();
    }
  }

  test("shows the nations, their nodes and an arc for every agreement", () =>
    visit({}, async ({ page, world }) => {
      await page.locator(".node").nth(4).waitFor();
      for (const nation of ["Netherlands", "Kenya", "Chile", "Japan", "China"]) {
        await page.locator(".node-nation", { hasText: nation }).waitFor();
      }
      await page.locator(".land--home").nth(4).waitFor({ state: "attached" });
      assert.equal(await page.locator(".land--home").count(), 5, "the nations stand out");
      assert.equal(await page.locator(".arc-touch").count(), world.agreementIds.length);
      await page.getByText("5 organisations").waitFor();
      await page.getByText("live", { exact: true }).waitFor();
      const sides = page.locator(".side");
      await sides.getByText("EUR", { exact: true }).waitFor();
    }));

  test("draws a busier stream wider, in its sector's colour", () =>
    visit({}, async ({ page }) => {
      const width = async (id: string): Promise<number> => {
        const touch = page.locator(`.arc-touch[data-agreement="${id}"]`);
        await touch.waitFor({ state: "attached" });
        return Number(
          await touch.evaluate((path) => path.previousElementSibling?.getAttribute("stroke-width")),
        );
      };
      assert.ok((await width("urn:uuid:a3")) > (await width("urn:uuid:a6")) + 1);
      assert.equal(await page.locator('.arc-track[data-sector="transport"]').count(), 2);
      assert.equal(await page.locator('.arc-track[data-sector="other"]').count(), 0);
    }));

  test("tells a happening within two seconds", () =>
    visit({}, async ({ page, world }) => {
      await page.getByText("live", { exact: true }).waitFor();
      const told = page.locator(".ticker").getByText("A receipt was signed by both sides");
      world.tell("receipt.signed", "A receipt was signed by both sides", "urn:uuid:a1");
      await told.waitFor({ timeout: 2000 });
      await page.waitForTimeout(1500);
      assert.equal(await told.count(), 1, "once, though the world repeats it");
    }));

  test("opens a card for the keyboard, keeps it on Enter, closes it on Escape", () =>
    visit({}, async ({ page }) => {
      const arc = page.locator('.arc-touch[data-agreement="urn:uuid:a3"]');
      await arc.waitFor({ state: "attached" });
      await page.keyboard.press("Tab");
      while (!(await arc.evaluate((path) => path.matches(":focus")))) {
        await page.keyboard.press("Tab");
      }
      const card = page.locator(".card");
      await card.getByRole("heading", { name: "Bus speeds by road segment" }).waitFor();
      for (const text of ["37.5 minutes", "EUR 0.0004 per message", "until 1 Jan 2027"]) {
        await card.getByText(text).waitFor();
      }
      await page.keyboard.press("Enter");
      await page.locator('.card[data-pinned="true"]').waitFor();
      await page.keyboard.press("Escape");
      await card.waitFor({ state: "detached" });
      assert.ok(await arc.evaluate((path) => path.matches(":focus")), "the focus comes back");
    }));

  test("opens a card for the pointer and lets it go", () =>
    visit({}, async ({ page }) => {
      const node = page.locator(".node").filter({ hasText: "Nakuru Farm" });
      await node.hover();
      const card = page.locator(".card");
      await card.getByText("Kenya · KES · node").waitFor();
      await card.hover();
      await page.waitForTimeout(400);
      assert.equal(await card.count(), 1, "it stays while the pointer is on it");
      await page.mouse.move(700, 5);
      await card.waitFor({ state: "detached" });
    }));

  test("looks closer at a node: its Things stand at their own places", () =>
    visit({}, async ({ page }) => {
      await page.locator(".node").filter({ hasText: "Rotterdam" }).click();
      assert.equal(await page.locator(".thing--apart").count(), 0);
      await page.getByRole("button", { name: "Look closer" }).click();
      await page.locator(".thing--apart").nth(4).waitFor();
      await page.getByRole("button", { name: "Show all nodes" }).click();
      await page.locator(".thing--apart").first().waitFor({ state: "detached" });
    }));

  test("says why an agreement ended, and that a link is down", () =>
    visit({}, async ({ page, world }) => {
      const row = page.getByRole("row").filter({ hasText: "Solar output" });
      await row.waitFor();
      world.revoke("urn:uuid:a1");
      world.cut("urn:uuid:a5");
      await row.getByText("revoked").waitFor();
      await page.getByRole("row").filter({ hasText: "Pump wear" }).getByText("link down").waitFor();
      const track = page.locator(".arc-track.arc--ended");
      await track.waitFor({ state: "attached" });
      assert.equal(await page.locator(".arc-track.arc--down").count(), 1);
      await page.getByText("7 agreements").waitFor();
    }));

  test("takes a broken line up again by itself", () =>
    visit({}, async ({ page, server, faults }) => {
      await page.getByText("live", { exact: true }).waitFor();
      const said = page.locator(".freshness");
      server.dropStreams();
      await said.getByText("reconnecting…").waitFor();
      await said.getByText("live", { exact: true }).waitFor();
      forgive(faults, "ERR_INCOMPLETE_CHUNKED_ENCODING");
    }));

  test("asks for a token where one is needed, and keeps it nowhere", () =>
    visit({ token: "right" }, async ({ page, faults }) => {
      await page.getByRole("textbox", { name: "Token" }).fill("wrong");
      await page.getByRole("button", { name: "Show the world" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByRole("textbox", { name: "Token" }).fill("right");
      await page.keyboard.press("Enter");
      await page.locator(".node").nth(4).waitFor();
      await page.reload();
      await page.locator(".node").nth(4).waitFor();
      await page.getByText("vera · viewer").waitFor();
      assert.equal(await page.evaluate("localStorage.length + sessionStorage.length"), 0);
      assert.doesNotMatch(page.url(), /right/);
      forgive(faults, "401");
    }));

  test("says what to do while there are no agreements", () => {
    const world = new ScriptedWorld();
    world.empty = true;
    return visit({ world }, async ({ page }) => {
      await page.getByText("No agreements yet.").waitFor();
      assert.equal(await page.locator(".arc-touch").count(), 0);
    });
  });

  test("shows another organisation's text as text", () =>
    visit({}, async ({ page, world }) => {
      const text = '<img src="x" onerror="document.title=1">';
      await page.getByText("live", { exact: true }).waitFor();
      world.tell("refused", text);
      await page.locator(".ticker").getByText(text).waitFor();
      assert.equal(await page.locator(".ticker img").count(), 0);
    }));

  test("has the map's content as a table", () =>
    visit({}, async ({ page, world }) => {
      const table = page.getByRole("table", { name: "Agreements" });
      await table.getByRole("rowheader").nth(7).waitFor();
      assert.equal(await table.getByRole("row").count(), world.agreementIds.length + 1);
      const heads = await table.getByRole("columnheader").allTextContents();
      assert.deepEqual(heads.slice(0, 3), ["Stream", "From and to", "Effect"]);
    }));

  test("does not shift while its numbers run", () =>
    visit({}, async ({ page }) => {
      await page.locator(".node").nth(4).waitFor();
      await page.waitForTimeout(500);
      const shift = await page.evaluate(`new Promise((done) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const { value } of list.getEntries()) sum += value;
        }).observe({ type: "layout-shift" });
        setTimeout(() => done(sum), 3000);
      })`);
      assert.ok(Number(shift) < 0.005, `shifted by ${String(shift)}`);
    }));

  test("stands still for those who ask for it", () =>
    visit({ reducedMotion: "reduce" }, async ({ page }) => {
      await page.locator(".arc-head").nth(4).waitFor();
      assert.equal(await page.evaluate("document.getAnimations().length"), 0);
    }));

  test("fits a phone: nothing sticks out, a card is a sheet from below", () =>
    visit({ viewport: PHONE, hasTouch: true }, async ({ page }) => {
      await page.locator(".node").nth(4).waitFor();
      const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
      assert.ok(wide <= PHONE.width, `${wide} pixels wide`);
      await page.getByRole("button", { name: "Ambulance positions", exact: true }).tap();
      const box = await page.locator(".card").boundingBox();
      assert.ok(box && Math.abs(box.y + box.height - PHONE.height) < 2 && box.width === 390);
    }));

  for (const colorScheme of ["light", "dark"] as const) {
    test(`has readable contrast in the ${colorScheme}`, () =>
      visit({ colorScheme }, async ({ page }) => {
        const colours = await coloursOf(page);
        const least = (names: string[], grounds: string[], ratio: number): void => {
          for (const name of names) {
            for (const ground of grounds) {
              const found = contrast(colours(name), colours(ground));
              assert.ok(found >= ratio, `${name} on ${ground}: ${found.toFixed(2)} < ${ratio}`);
            }
          }
        };
        // WCAG 2.2, 1.4.3 and 1.4.11.
        least(["ink", "ink-soft", "bad"], ["sheet", "row-hover", "sea", "beyond"], 4.5);
        const sectors = ["transport", "agriculture", "energy", "health", "industry"];
        least(sectors, ["sheet", "sea", "land", "land-home"], 3);
      }));
  }
});

/** The browser reports by itself what the test did on purpose. */
function forgive(faults: string[], expected: string): void {
  const others = faults.filter((fault) => !fault.includes(expected));
  assert.ok(others.length < faults.length, `the browser reported no ${expected}`);
  faults.splice(0, faults.length, ...others);
}

async function coloursOf(page: Page): Promise<(name: string) => string> {
  const names = ["ink", "ink-soft", "bad", "sheet", "row-hover", "sea", "beyond", "land"];
  names.push("land-home", "transport", "agriculture", "energy", "health", "industry");
  const values = await page.evaluate<string[]>(
    `${JSON.stringify(names)}.map((name) => {
      document.body.style.color = "var(--" + name + ")";
      return getComputedStyle(document.body).color;
    })`,
  );
  return (name) => values[names.indexOf(name)] ?? "";
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance of `rgb(r, g, b)` (WCAG 2.2). */
function luminance(colour: string): number {
  assert.match(colour, /^rgb\(\d+, \d+, \d+\)$/);
  const [r = 0, g = 0, b = 0] = [...colour.matchAll(/\d+/g)].map(([text]) => {
    const part = Number(text) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
