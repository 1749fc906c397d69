/** The Things page in a real browser, on a node with none, one and many. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { filtered, windowOf } from "../../console/src/shown.ts";
import { guardedNode } from "../02-things/guarded-node.ts";
import { axeFindings } from "./axe.ts";
import { findBrowser, openBrowser } from "./browser.ts";
import { onSignedInPage } from "./watched-page.ts";

const path = findBrowser();
const MANY = 1_000;
const guarded = await guardedNode();

describe("things page", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser(path ?? "");
  });
  after(async () => browser?.close());

  const signedIn = (
    what: (page: Page, faults: string[]) => Promise<void>,
    options: BrowserContextOptions = {},
  ): Promise<void> => onSignedInPage(browser, guarded.running.node, options, what);

  test("says how to connect the first, and shows it with what it says", () =>
    signedIn(async (page) => {
      const { http } = guarded.running;
      await page.getByRole("link", { name: "Things" }).click();
      assert.equal(new URL(page.url()).pathname, "/console/things");
      await page.getByText("No Things yet").waitFor();
      assert.deepEqual(await axeFindings(page), []);
      await http.addThing({ name: "pump-3", title: "Pump <b>3</b>", kind: "pump" });
      await http.publish("pump-3/t", '{"bar":2.5}');
      await page.getByRole("row").filter({ hasText: "Pump <b>3</b>" }).waitFor({ timeout: 15_000 });
      await page.getByText("1 Thing", { exact: true }).waitFor();
      await page.goBack();
      await page.locator(".map").waitFor();
      await page.goForward();
      await page.getByRole("heading", { level: 1, name: "Things" }).waitFor();
    }));

  test("says that its file cannot be had, and shows it once it can", () =>
    signedIn(async (page, faults) => {
      await page.route("**/things-*.js", (route) => route.abort());
      await page.getByRole("link", { name: "Things" }).click();
      await page.getByRole("alert").getByText("This page cannot be loaded").waitFor();
      assert.deepEqual(await axeFindings(page), []);
      await page.unroute("**/things-*.js");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByRole("heading", { level: 1, name: "Things" }).waitFor();
      assert.ok(
        faults.every((fault) => /things-\w+\.js|ERR_FAILED/.test(fault)),
        faults.join(),
      );
      faults.length = 0;
    }));

  test("holds many in few rows, and narrows them by words that the address keeps", async () => {
    const { http } = guarded.running;
    const ids = Array.from({ length: MANY }, (_, i) => `meter-${String(i).padStart(4, "0")}`);
    for (let i = 0; i < MANY; i += 50) {
      await Promise.all(ids.slice(i, i + 50).map((name) => http.addThing({ name, kind: "meter" })));
    }
    for (const [locale, colorScheme] of [
      ["en", "light"],
      ["zh", "dark"],
      ["ar", "light"],
    ] as const) {
      const more = { locale, colorScheme };
      await signedIn(async (page) => {
        const { node } = guarded.running;
        await page.goto(`${node.httpUrl}/console/things`);
        const rows = page.locator(".rows-body [role=row]");
        await rows.first().waitFor();
        assert.ok((await rows.count()) < 100, "what is out of sight is not drawn");
        assert.equal(await page.locator(".rows").getAttribute("aria-rowcount"), `${MANY + 2}`);
        await page.locator(".rows-body").focus();
        await page.keyboard.press("End");
        await page.getByRole("row").filter({ hasText: "pump-3" }).waitFor();
        assert.deepEqual(await axeFindings(page), []);
        await page.getByRole("searchbox").fill("meter 07 9");
        await page.reload();
        await page.getByText("meter-0709").waitFor();
        assert.equal(new URL(page.url()).searchParams.get("q"), "meter 07 9");
        await page.getByRole("searchbox").fill("nothing such");
        await rows.first().waitFor({ state: "detached" });
      }, more);
    }
  });

  test("says what is wrong: signed out, or no answer", async () => {
    const page = await browser.newPage();
    await page.goto(`${guarded.running.node.httpUrl}/console/things`);
    await page.getByText("Sign in to see this").waitFor();
    await page.close();
    await signedIn(async (open, faults) => {
      await open.getByRole("link", { name: "Things" }).click();
      await open.locator(".rows").waitFor();
      await open.route("**/api/v1/things", (route) => route.abort());
      await open.getByText("The node does not answer.").waitFor({ timeout: 15_000 });
      await open.unroute("**/api/v1/things");
      await open.locator(".rows").waitFor({ timeout: 15_000 });
      faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("ERR_FAILED")));
    });
  });
});

test("things page - a window of rows holds those in sight wherever one has scrolled", () => {
  for (const [rows, top] of [
    [0, 0],
    [3, 0],
    [10_000, 0],
    [10_000, 240_000],
    [10_000, 479_000],
    [5, 479_000],
  ] as const) {
    const { from, to } = windowOf(rows, { top, height: 700, row: 48 });
    assert.ok(0 <= from && from <= to && to <= rows && to - from < 60);
    const last = Math.min(rows, Math.ceil((top + 700) / 48));
    if (top / 48 < rows) assert.ok(from <= Math.floor(top / 48) && to >= last, `${rows} ${top}`);
  }
});

test("things page - all the words must be there, whatever their case", () => {
  const thing = { title: "Pump 3", kind: "pump", publish: [], subscribe: [], createdAt: "" };
  const things = [
    { ...thing, id: "p3" },
    { ...thing, id: "m", title: "Meter" },
  ];
  const ids = (text: string): string[] =>
    filtered(things, text, ({ id, title, kind }) => `${id} ${title} ${kind}`).map(({ id }) => id);
  assert.deepEqual([ids("PUMP p3"), ids(" "), ids("pump 4")], [["p3"], ["p3", "m"], []]);
});
