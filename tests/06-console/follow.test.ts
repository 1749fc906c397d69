/** A browser's own EventSource and WebSocket, on a page of the node, over a line that breaks. */
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { after, before, describe, test, type TestContext } from "node:test";
import type { Browser, Page } from "playwright-core";
import { oneNode } from "../01-connect/one-node.ts";
import { until } from "../two-nodes.ts";
import { findBrowser, openBrowser } from "./browser.ts";

const { node, http } = await oneNode();
const price = { amount: "0", currency: "EUR", perMessages: 1 };

async function logged(id: string): Promise<void> {
  const more = { delivery: "logged", terms: { price } } as const;
  await http.addProduct({ id, title: id, topics: [`${id}/#`], ...more });
}

/** A line to the node that can be cut. */
async function cutLine(t: TestContext): Promise<{ readonly url: string; cut(): void }> {
  const { hostname, port } = new URL(node.httpUrl);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {}); // cut
      socket.on("close", () => open.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { url: `http://127.0.0.1:${address.port}`, cut };
}

interface Seen {
  readonly messages: string[];
  begun: number;
}

declare const seen: Seen;
declare const location: { readonly host: string };

const path = findBrowser();

describe("following, in a page", { skip: path === undefined && "no Chromium here" }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser(path ?? "");
  });
  after(async () => browser?.close());

  /** A page of the node, in which what comes is kept. */
  async function pageOf(url: string): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(url);
    await page.evaluate("globalThis.seen = { messages: [], begun: 0 }");
    return page;
  }

  const read = (page: Page): Promise<Seen> => page.evaluate(() => seen);

  test("EventSource - cut again and again, it goes on by itself and has each message once", async (t) => {
    await logged("es");
    const line = await cutLine(t);
    const page = await pageOf(line.url);
    await page.evaluate(() => {
      const source = new EventSource("/api/v1/streams?filter=es/%23");
      source.addEventListener("message", ({ data }) => {
        seen.messages.push((JSON.parse(String(data)) as { payload: string }).payload);
      });
      source.addEventListener("begin", () => void seen.begun++);
    });
    await until("it has begun", async () => (await read(page)).begun === 1);
    let sent = 0;
    const publish = async (many: number): Promise<void> => {
      for (let i = 0; i < many; i++) await http.publish("es/t", String(sent++));
    };
    for (const breaks of [1, 2]) {
      await publish(20);
      await until("some came", async () => (await read(page)).messages.length > sent - 15);
      line.cut();
      await publish(50);
      await until("it has come back", async () => (await read(page)).begun === breaks + 1);
    }
    await until("the last came", async () => (await read(page)).messages.at(-1) === `${sent - 1}`);
    assert.deepEqual(
      (await read(page)).messages,
      Array.from({ length: sent }, (_, i) => String(i)),
    );
  });

  test("WebSocket - a page comes in with its token as a subprotocol", async () => {
    await logged("ws");
    const { token } = await http.keys.add({ id: "page", subscribe: ["ws/#"] });
    const page = await pageOf(node.httpUrl);
    const open = (secret: string): Promise<string> =>
      page.evaluate(async (login) => {
        const bearer = btoa(login).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        const address = `ws://${location.host}/api/v1/streams?filter=ws/%23`;
        const socket = new WebSocket(address, ["comity.json", `bearer.${bearer}`]);
        socket.addEventListener("message", ({ data }) => {
          const { event, payload } = JSON.parse(String(data)) as {
            event?: string;
            payload: string;
          };
          if (event === undefined) seen.messages.push(payload);
          else seen.begun++;
        });
        return new Promise<string>((resolve) => {
          socket.addEventListener("open", () => resolve(socket.protocol));
          socket.addEventListener("error", () => resolve("refused"));
        });
      }, `page:${secret}`);
    assert.equal(await open("wrong"), "refused");
    assert.equal(await open(token), "comity.json");
    await until("it has begun", async () => (await read(page)).begun === 1);
    await http.publish("ws/t", "x");
    await until("it came", async () => (await read(page)).messages.length === 1);
    assert.deepEqual((await read(page)).messages, ["x"]);
  });
});
