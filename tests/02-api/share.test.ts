/** A partner who runs nothing of ours: the link's page as curl sees it, and what its token opens. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { sseEvents } from "../../src/client/event-stream.ts";
import type { NewProduct } from "../../src/client/resources.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { runCli } from "../../src/cli/program.ts";
import { verifySignature } from "../../src/wire/jws.ts";
import { oneNode } from "../01-connect/one-node.ts";
import { freePort } from "../free-port.ts";
import { startTestNode, until } from "../two-nodes.ts";

const { node, http, options, token } = await oneNode();
const free = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
const priced = { price: { amount: "0.5", currency: "EUR", perMessages: 1 } };
const ann = { name: "Ann O'Hara", email: "ann@city.example" };

let products = 0;
async function shared(more: Partial<NewProduct> = {}) {
  const id = `buses-${++products}`;
  const base = { id, title: "Bus positions", topics: [`${id}/#`], terms: free };
  const product = await http.addProduct({ ...base, ...more });
  const { share, url } = await http.share(product.id, "City of Delft");
  return { product, share, url, offer: share.offer };
}

function accept(url: string, offer: string, more: Record<string, string> = {}) {
  const body = new URLSearchParams({ terms: offer, agree: "yes", ...ann, ...more });
  return fetch(url, { method: "POST", body });
}

/** What is between the tags, as a browser would read it. */
function textIn(page: string, pattern: RegExp): string {
  const found = pattern.exec(page)?.[1] ?? assert.fail(`no ${pattern} in ${page}`);
  const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };
  return found.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => entities[name] ?? "");
}

async function accepted(url: string, offer: string) {
  const answered = await accept(url, offer);
  const page = await answered.text();
  assert.equal(answered.status, 201, page);
  const token = textIn(page, /the token\)<\/dt>\s*<dd><code>([^<]+)/);
  const agreement = textIn(page, /the agreement\)<\/dt>\s*<dd><code>([^<]+)/);
  return { page, token, agreement };
}

async function received(agreement: string, token: string, filter: string) {
  const got: string[] = [];
  const client = await connectMqtt({ url: node.mqttUrl, username: agreement, password: token });
  await client.subscribe(filter, { qos: 1 }, ({ payload }) => {
    got.push(Buffer.from(payload).toString());
  });
  return { got, client };
}

test("share - the page tells the terms, a sample comes through the offer's view, and nothing leaks", async () => {
  const terms = { ...free, fields: ["lat"], messagesMax: 1000 };
  const { product, url } = await shared({ terms });
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(
    page.headers.get("content-security-policy") ?? "",
    /^default-src 'none'; script-src 'self'/,
  );
  assert.equal(page.headers.get("cache-control"), "no-store");
  assert.equal(page.headers.get("referrer-policy"), "no-referrer");
  const text = await page.text();
  assert.match(text, /The door shares with City of Delft/);
  assert.match(text, /at most 1,000 messages/);
  assert.match(text, /one-sided/);
  assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);

  const sample = await fetch(`${url}/sample`);
  assert.equal(sample.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { event, data } of sseEvents(sample.body!)) {
      if (event === "message") seen.push((JSON.parse(data) as { payload: string }).payload);
    }
  })();
  for (let n = 0; n < 15; n++) {
    await http.publish(`${product.id}/7`, `{"lat":${n},"driver":"secret"}`);
  }
  await http.publish("elsewhere/7", '{"lat":99}');
  await reading; // it ends by itself
  assert.deepEqual(
    seen,
    Array.from({ length: 10 }, (_, n) => `{"lat":${n}}`),
  );
});

test("share - who accepts gets a token that works; revoking cuts at once", async () => {
  const { product, share, url, offer } = await shared();
  const { page, token, agreement } = await accepted(url, offer);
  const made = await http.agreement(agreement);
  assert.deepEqual([made.oneSided, made.consumer], ["free", `guest:${share.id}`]);
  const [listed] = (await http.agreements()).filter(({ id }) => id === agreement);
  assert.deepEqual([made.evidence, listed?.evidence], ["one-sided", "one-sided"]);
  const { got, client } = await received(agreement, token, `${product.id}/#`);
  await http.publish(`${product.id}/1`, "one");
  await until("it comes", () => got.length === 1);
  const usage = (await http.agreement(agreement)).usage!;
  assert.ok((usage.oneSided?.messages ?? 0) >= 1, "counted on this side alone");
  assert.equal(usage.evidence, "one-sided");

  await http.revokeShare(share.id);
  await http.publish(`${product.id}/1`, "two");
  await client.closed;
  assert.deepEqual(got, ["one"]);
  await assert.rejects(received(agreement, token, "#"), /ended: revoked|not authori/i);
  assert.equal((await http.agreement(agreement)).ended?.reason, "revoked");
  const after = await (await fetch(url)).text();
  assert.match(after, /has been revoked/);
  assert.doesNotMatch(after, /<form/);
  assert.ok(!after.includes(token) && page.includes(token));
});

test("share - the token follows the stream over HTTP, and revoking ends what is open", async () => {
  const { product, share, url, offer } = await shared();
  const { token, agreement } = await accepted(url, offer);
  const headers = { authorization: `Bearer ${token}` };
  const data = `${node.httpUrl}/data/${encodeURIComponent(agreement)}`;
  const stream = await fetch(`${data}/stream`, { headers });
  assert.equal(stream.status, 200);
  const seen: string[] = [];
  const ended = (async () => {
    for await (const { data: text } of sseEvents(stream.body!)) seen.push(text);
  })();
  await http.publish(`${product.id}/1`, "before");
  await until("it comes", () => seen.some((text) => text.includes("before")));
  await http.revokeShare(share.id);
  await http.publish(`${product.id}/1`, "after");
  await ended.catch(() => undefined);
  assert.ok(!seen.some((text) => text.includes("after")));
  assert.equal((await fetch(`${data}/latest`, { headers })).status, 409);
  const wrong = { authorization: `Bearer ${token}x` };
  assert.equal((await fetch(`${data}/latest`, { headers: wrong })).status, 409, "it has ended");
});

test("share - the provider's signatures stand under the agreement and what was accepted", async () => {
  const { url, offer } = await shared();
  const { agreement } = await accepted(url, offer);
  const made = (await http.agreement(agreement)) as any;
  assert.equal(made.jws.signatures.length, 1);
  const key = Object.values(made.keys)[0] as any;
  const pinned = (): any => key;
  await verifySignature(made.jws, pinned, { what: "it", type: "comity-agreement+jws" });
  const { openEmbeddedStore } = await import("../../src/engines/embedded/store.ts");
  await assert.rejects(openEmbeddedStore({ path: join(options.data, "comity.db") }), {
    code: "DATA_LOCKED",
  });
  const { acceptance, signed } = (await http.acceptance(agreement)) as any;
  await verifySignature(signed, pinned, { what: "it", type: "comity-acceptance+jws" });
  assert.deepEqual(JSON.parse(Buffer.from(signed.payload, "base64url").toString()), acceptance);
  assert.deepEqual(
    [acceptance.name, acceptance.email, acceptance.policyHash],
    [ann.name, ann.email, made.policyHash],
  );
  assert.match(acceptance.addressHash, /^sha256:/);
  const forged = { ...signed, payload: Buffer.from('{"v":1}').toString("base64url") };
  await assert.rejects(
    verifySignature(forged, pinned, { what: "it", type: "comity-acceptance+jws" }),
    { code: "SIGNATURE_INVALID" },
  );
});

test("share - what is paid ahead is the cap, met exactly; unpaid nobody accepts", async () => {
  const { product, share, url, offer } = await shared({ terms: priced });
  assert.match(await (await fetch(url)).text(), /no payment is recorded yet/);
  assert.equal((await accept(url, offer)).status, 409);
  await assert.rejects(http.sharePaid(share.id, "2", "KES"), { code: "BODY_INVALID" });
  await assert.rejects(http.sharePaid(share.id, "0.4", "EUR"), /buy no message/);
  await http.sharePaid(share.id, "1", "EUR");
  await http.sharePaid(share.id, "0.9", "EUR"); // 1.9 EUR buy three messages
  const { token, agreement } = await accepted(url, offer);
  await assert.rejects(http.sharePaid(share.id, "1", "EUR"), { code: "STATE_INVALID" });
  const { got, client } = await received(agreement, token, `${product.id}/#`);
  for (let n = 1; n <= 5; n++) await http.publish(`${product.id}/1`, String(n));
  await client.closed;
  assert.deepEqual(got, ["1", "2", "3"]);
  await until("it is over", async () => (await http.agreement(agreement)).state === "ended");
  assert.equal((await http.agreement(agreement)).ended?.reason, "cap");
  assert.match(await (await fetch(url)).text(), /agreement has ended/);
});

test("share - two who accept at once: one agreement", async () => {
  const { url, offer, share } = await shared();
  const answers = await Promise.all([accept(url, offer), accept(url, offer), accept(url, offer)]);
  const codes = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  assert.deepEqual(codes, [201, 409, 409]);
  const made = (await http.agreements()).filter((one) => one.consumer === `guest:${share.id}`);
  assert.equal(made.length, 1);
});

test("share - changed terms close the link, on the page and behind it", async () => {
  const { product, url, offer } = await shared();
  await http.removeProduct(product.id);
  const { id, title, topics } = product;
  await http.addProduct({ id, title, topics, terms: { ...free, messagesMax: 5 } });
  assert.match(await (await fetch(url)).text(), /terms have changed/);
  assert.equal((await accept(url, offer)).status, 400);
  const now = (await http.share(product.id, "again")).share.offer;
  assert.equal((await accept(url, now)).status, 400, "nor under the new terms");
  await http.removeProduct(product.id);
  assert.equal((await accept(url, offer)).status, 400);
});

test("share - what is typed is checked, said back as text alone, and nothing is made", async () => {
  const evil = `<img src=x onerror=alert(1)>"'`;
  const { url, offer, share } = await shared({ title: evil, description: evil });
  const page = await (await fetch(url)).text();
  assert.ok(!page.includes("<img"));
  assert.match(page, /<h1>&lt;img src=x onerror=alert\(1\)&gt;&quot;&#39;<\/h1>/);
  const wrong: Record<string, string>[] = [
    { email: "ann" },
    { email: "ann@city.example\r\nBcc: all@city.example" },
    { email: "ann@city.example, bob@city.example" },
    { email: `"><script>alert(1)</script>@city.example` },
    { email: `${"a".repeat(250)}@city.example` },
    { name: "" },
    { name: "Ann\nAdmin" },
    { name: "Ann\u202Enna" },
    { name: "x".repeat(101) },
    { agree: "no" },
    { terms: "other" },
  ];
  for (const more of wrong) {
    const answered = await accept(url, offer, more);
    const text = await answered.text();
    assert.equal(answered.status, 400, JSON.stringify(more));
    assert.ok(!text.includes("<script>alert"), text);
    assert.match(text, /role="alert"/);
  }
  assert.equal((await fetch(url, { method: "POST", body: "x" })).status, 400);
  const form = new URLSearchParams({ name: "x".repeat(5000) });
  assert.equal((await fetch(url, { method: "POST", body: form })).status, 413);
  const made = (await http.agreements()).filter((one) => one.consumer === `guest:${share.id}`);
  assert.equal(made.length, 0);
});

test("share - a guessed link is nothing, and costs ever more time", async () => {
  const { url } = await shared();
  const guess = url.slice(0, -1) + (url.endsWith("A") ? "B" : "A");
  const started = performance.now();
  for (let n = 0; n < 4; n++) {
    const answered = await fetch(guess);
    assert.equal(answered.status, 404);
    assert.doesNotMatch(await answered.text(), /Bus positions|Delft/);
  }
  assert.ok(performance.now() - started > 50 + 100 + 200);
  assert.equal((await accept(guess, "x")).status, 404);
  assert.equal((await fetch(`${guess}/sample`)).status, 404);
  const evil = { origin: "http://evil.example" };
  assert.equal(
    (await fetch(url, { method: "POST", headers: evil, body: new URLSearchParams() })).status,
    403,
  );
});

test("share - the command makes, lists, is paid for and ends; one-sided stands beside the state", async () => {
  const { product, url, offer } = await shared();
  await accepted(url, offer);
  const comity = async (...args: string[]): Promise<string> => {
    let out = "";
    const write = (text: string) => (out += text);
    const env = { COMITY_URL: node.httpUrl, COMITY_TOKEN: token };
    assert.equal(await runCli(args, { stdout: { write }, stderr: { write }, env }), 0, out);
    return out;
  };
  assert.match(await comity("agreement", "list"), /guest:[0-9a-f]{12} .*active; one-sided, free/);
  assert.match(await comity("share", product.id, "--to", "Ann"), /http:.*\/share\/[\w-]{43}\n/);
  const priced1 = await shared({ terms: priced });
  const { id } = priced1.share;
  assert.match(await comity("share", "list"), new RegExp(`^${id} .*unpaid`, "m"));
  assert.match(await comity("share", "paid", id, "3 EUR"), /has paid 3 EUR ahead/);
  assert.match(await comity("share", "revoke", id), /is revoked/);
  assert.match(await comity("share", "list"), new RegExp(`^${id} .*revoked`, "m"));
});

test("share - only traders make links, and the secret is kept nowhere", async () => {
  const { url, share } = await shared();
  const { token } = await http.addUser("reader", "viewer");
  const reader = new ComityHttp({ url: node.httpUrl, token });
  await assert.rejects(reader.shares(), { code: "FORBIDDEN" });
  await assert.rejects(reader.share("buses-1", "x"), { code: "FORBIDDEN" });
  await assert.rejects(http.share("nothing", "x"), { code: "NOT_FOUND" });
  const secret = url.split("/").at(-1) ?? "";
  assert.ok(!JSON.stringify(await http.shares()).includes(secret));
  const trail = JSON.stringify(await http.audit({ limit: 10_000 }));
  assert.ok(trail.includes("share.create") && !trail.includes(secret));
  const files = await Promise.all(
    ["comity.db", "comity.db-wal"].map((name) => readFile(join(options.data, name))),
  );
  assert.ok(files.every((file) => !file.includes(secret)));
  assert.ok(
    files.some((file) => file.includes(share.id)),
    "or the search above proves nothing",
  );
});

test("share - a link expires; what was accepted outlives a restart; an address asks so often", async () => {
  let shiftMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + shiftMs };
  const data = join(options.data, "other");
  const more = { ...options, data, clock, http: { ...options.http, port: await freePort() } };
  let side = await startTestNode(more);
  const product = { id: "ships", title: "Ships", topics: ["ships/#"], terms: free };
  await side.http.addProduct(product);
  const [first, second] = [
    await side.http.share("ships", "a"),
    await side.http.share("ships", "b"),
  ];
  const { token, agreement } = await accepted(first.url, first.share.offer);
  await side.node.close();
  side = await startTestNode(more);
  shiftMs = 15 * 86_400_000;
  try {
    const url = side.node.mqttUrl;
    await (await connectMqtt({ url, username: agreement, password: token })).end();
    await assert.rejects(connectMqtt({ url, username: agreement, password: `${token}x` }));
    assert.match(await (await fetch(second.url)).text(), /has expired/);
    assert.equal((await accept(second.url, second.share.offer)).status, 409);
    const states = (await side.http.shares()).map(({ to, state }) => [to, state]);
    assert.deepEqual(Object.fromEntries(states), { a: "accepted", b: "expired" });
    let last = 200;
    for (let n = 0; n < 80 && last === 200; n++) last = (await fetch(second.url)).status;
    assert.equal(last, 429);
  } finally {
    await side.node.close();
  }
});

const mosquitto = spawnSync("mosquitto_sub", ["--help"]).error === undefined;
const curl = spawnSync("curl", ["--version"]).error === undefined;
const python = spawnSync("python3", ["--version"]).error === undefined;

test("share - the lines on the page run as they stand", async (t) => {
  const { product, url, offer } = await shared();
  const { page } = await accepted(url, offer);
  const line = (title: string): string =>
    textIn(page, new RegExp(`<h3>${title}[^<]*</h3>\\s*<pre[^>]*><code>([^<]*)`));
  const run = async (command: string, args: string[]): Promise<string> => {
    const child = spawn(command, args, { timeout: 15_000 });
    let out = "";
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    child.stderr.on("data", (chunk) => (out += String(chunk)));
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until("it printed a message", async () => {
      await http.publish(`${product.id}/1`, "hello");
      return /hello/.test(out);
    }).finally(() => child.kill());
    await ended;
    return out;
  };
  await t.test("event stream", { skip: !curl && "no curl here" }, async () => {
    assert.match(await run("sh", ["-c", `exec ${line("Event stream")}`]), /"payload":"hello"/);
  });
  await t.test("history", { skip: !curl && "no curl here" }, async () => {
    const [first = ""] = (await run("sh", ["-c", `exec ${line("History")}`])).split("\n");
    assert.equal((JSON.parse(first) as { payload: string }).payload, "hello");
  });
  await t.test("TypeScript", async () => {
    const library = new URL("../../src/client/index.ts", import.meta.url).href;
    const code = line("TypeScript").replace('"comity"', JSON.stringify(library));
    const file = join(options.data, "partner.ts");
    await writeFile(file, code);
    assert.match(await run(process.execPath, [file]), /hello/);
  });
  await t.test("MQTT", { skip: !mosquitto && "no mosquitto_sub here" }, async () => {
    assert.match(await run("sh", ["-c", `exec ${line("MQTT")}`]), /hello/);
  });
  await t.test("Python is read", { skip: !python && "no python3 here" }, () => {
    const check = "import ast, sys; ast.parse(sys.stdin.read())";
    const { status, stderr } = spawnSync("python3", ["-c", check], { input: line("Python") });
    assert.equal(status, 0, String(stderr));
  });
});
