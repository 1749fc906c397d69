import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
import type { Overview, World } from "../../src/client/world.ts";
import { agreement, other, self, smallNode } from "./small-node.ts";

test("world - an open world is shown to everybody, a closed one to nobody without a token", async () => {
  const open = await smallNode({ publicWorld: true });
  const closed = await smallNode();
  try {
    const world = await new ComityHttp({ url: open.url }).world();
    assert.equal(world.self, self);
    assert.equal((await fetch(`${open.url}/comity/v1/overview`)).status, 200);
    assert.equal((await fetch(`${closed.url}/api/v1/world`)).status, 401);
    assert.equal((await fetch(`${closed.url}/api/v1/world/live`)).status, 401);
    assert.equal((await fetch(`${closed.url}/comity/v1/overview`)).status, 404);
  } finally {
    await open.close();
    await closed.close();
  }
});

test("world - live tells the world once a second, and each happening once", async () => {
  const node = await smallNode({ publicWorld: true });
  node.state.agreements.set("urn:uuid:a", agreement("urn:uuid:a", "consumer"));
  node.deps.journal.record({ at: 1, kind: "node.up", text: "before" });
  const worlds: World[] = [];
  const happenings: string[] = [];
  try {
    for await (const { event, data } of new ComityHttp({ url: node.url }).worldLive()) {
      if (event === "happening") happenings.push(data.text);
      else worlds.push(data);
      if (worlds.length === 1) {
        node.deps.journal.record({ at: Date.now(), kind: "link.up", text: "linked" });
        node.state.overviews.set(other, peerOverview());
      }
      if (worlds.length === 4) break;
    }
  } finally {
    await node.close();
  }
  assert.deepEqual(happenings, ["linked"]);
  assert.deepEqual(
    worlds[0]?.happenings.map((one) => one.text),
    ["before"],
  );
  assert.equal(worlds[0]?.agreements[0]?.link, "down", "its provider was not heard of yet");
  const last = worlds.at(-1);
  assert.deepEqual(
    last?.nodes.map((one) => [one.name, one.online]),
    [
      ["rotterdam", true],
      ["nairobi", true],
    ],
  );
  assert.equal(last?.agreements[0]?.link, "up");
  assert.equal(last?.agreements[0]?.amount, "2");
});

test("world - peers are asked while somebody watches, and not afterwards", async () => {
  const node = await smallNode({ publicWorld: true });
  let asked = 0;
  const { peers } = node.deps;
  const answer = peers.overview.bind(peers);
  Object.assign(peers, {
    overview: (did: string, timeoutMs: number) => {
      asked++;
      return answer(did, timeoutMs);
    },
  });
  try {
    await sleep(1200);
    assert.equal(asked, 0);
    for await (const event of new ComityHttp({ url: node.url }).worldLive()) {
      if (event.event === "world" && asked >= 2) break;
    }
    await sleep(300);
    const before = asked;
    await sleep(1500);
    assert.equal(asked, before);
  } finally {
    await node.close();
  }
});

test("console - the built files are served with their types, and nothing else of the disk is", async () => {
  const folder = await mkdtemp(join(tmpdir(), "comity-console-"));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>World</title>");
  await writeFile(join(folder, "assets", "app.js"), "let a;".repeat(100));
  const node = await smallNode({ consoleDir: folder });
  await writeFile(join(folder, "later.js"), "written after the start");
  try {
    const page = await fetch(node.url);
    assert.match(await page.text(), /<title>World/);
    const etag = page.headers.get("etag") ?? "";
    const again = await fetch(node.url, { headers: { "if-none-match": etag } });
    assert.equal(again.status, 304);
    const script = await fetch(`${node.url}/assets/app.js`);
    assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
    assert.equal(script.headers.get("content-encoding"), "gzip");
    assert.match(await script.text(), /^(let a;){100}$/);
    for (const path of ["/later.js", "/assets/../../etc/passwd", "/%2e%2e/x", "/assets/"]) {
      assert.equal((await fetch(`${node.url}${path}`)).status, 404);
    }
  } finally {
    await node.close();
    await rm(folder, { recursive: true });
  }
});

test("API - --dev lets anonymous clients of this machine in as operators, under its own name", async () => {
  const node = await smallNode({ dev: true });
  try {
    const anonymous = new ComityHttp({ url: node.url });
    assert.ok(await anonymous.addThing({ name: "x" }));
    const terms = { price: { amount: "1", currency: "EUR", perMessages: 1 } };
    await assert.rejects(anonymous.addProduct({ title: "x", topics: ["x/#"], terms }), {
      code: "FORBIDDEN",
    });
    await assert.rejects(new ComityHttp({ url: node.url, token: "wrong" }).things(), {
      code: "UNAUTHENTICATED",
    });
    // a name that was rebound to 127.0.0.1 is another site's page
    const { port } = new URL(node.url);
    assert.equal(await statusAs(Number(port), `evil.example:${port}`), 401);
    assert.equal(await statusAs(Number(port), `localhost:${port}`), 200);
  } finally {
    await node.close();
  }
});

async function statusAs(port: number, host: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const options = { host: "127.0.0.1", port, path: "/api/v1/status", headers: { host } };
  request(options, (response) => {
    response.resume();
    resolve(response.statusCode);
  })
    .on("error", reject)
    .end();
  return promise;
}

function peerOverview(): Overview {
  const node = {
    did: other,
    name: "nairobi",
    title: "Farmers",
    country: "KE",
    currency: "KES",
    place: { lat: -1.3, lon: 36.8 },
    url: "http://127.0.0.1:1",
    online: true,
    messagesPerSecond: 1,
    things: [],
  };
  return { at: Date.now(), node, agreements: [], happenings: [] };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
