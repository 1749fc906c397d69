/** The cards of devices that wait, in a real browser on a real node. */
import assert from "node:assert/strict";
import { before, after, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { guardedNode } from "../02-things/guarded-node.ts";
import { findBrowser, openBrowser } from "./browser.ts";

const path = findBrowser();

describe("pending devices", { skip: path === undefined && "no Chromium on this machine" }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser(path ?? "");
  });
  after(async () => browser?.close());

  async function signedIn(url: string, token: string): Promise<Page> {
    const profile = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await profile.newPage();
    await page.goto(url);
    await page.getByRole("textbox", { name: "Token" }).fill(token);
    await page.getByRole("button", { name: "Show the world" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    return page;
  }

  test("the link of a start signs its owner in; signed out, the session is gone", async () => {
    const { running } = await guardedNode();
    const { node, http } = running;
    const link = node.signInLink();
    const page = await (await browser.newContext()).newPage();
    await page.goto(link);
    await page.getByText("admin · owner").waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await page.reload();
    await page.getByText("admin · owner").waitFor();
    const [cookie] = await page.context().cookies();
    assert.ok(cookie?.httpOnly === true && cookie.sameSite === "Strict");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("textbox", { name: "Token" }).waitFor();
    await page.context().addCookies([cookie]);
    await page.reload();
    await page.getByRole("textbox", { name: "Token" }).waitFor();
    await page.goto(link);
    await page.reload();
    assert.equal(await page.getByText("admin · owner").count(), 0);
    assert.deepEqual(await http.things(), []);
  });

  test("an operator accepts one and refuses another; a viewer sees none", async () => {
    const { running } = await guardedNode();
    const { http, node, token } = running;
    const { code } = await http.addClaim({ devicesMax: 20 });
    const send = async (name: string, body: string): Promise<number> => {
      const answer = await fetch(`${node.httpUrl}/api/v1/publish/${name}/t`, {
        ...{ method: "POST", headers: { authorization: `Bearer ${name}:${code}` }, body },
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    await send("pump-3", '{"bar":2.5}');
    const page = await signedIn(node.httpUrl, token);
    const card = (name: string) => page.getByRole("listitem").filter({ hasText: name });
    await card("pump-3").getByText('{"bar":2.5}').waitFor();
    await send("pump-4", "<b>4</b>");
    await card("pump-4").getByText("<b>4</b>").waitFor();

    await card("pump-3").getByRole("button", { name: "Accept" }).click();
    await page.getByText("pump-3 is accepted.").waitFor();
    assert.deepEqual((await http.things())[0]?.publish, ["pump-3/#"]);
    await card("pump-4").getByRole("button", { name: "Refuse" }).click();
    await page.getByText("pump-4 is refused.").waitFor();
    assert.deepEqual([await send("pump-3", "3"), await send("pump-4", "4")], [200, 403]);

    await send("pump-5", "5");
    await card("pump-5").waitFor();
    const viewer = await http.addUser("vera", "viewer");
    const other = await signedIn(node.httpUrl, viewer.token);
    await other.getByText("live", { exact: true }).waitFor();
    assert.equal(await other.getByText("pump-5").count(), 0);
  });
});
