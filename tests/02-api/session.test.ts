/** Signing in with a browser, over the node's own HTTP. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ComityHttp } from "../../src/client/http.ts";
import type { SessionResource } from "../../src/client/sessions.ts";
import { type SmallNode, smallNode } from "./small-node.ts";

let node: SmallNode;
before(async () => {
  node = await smallNode();
});
after(() => node.close());

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
}

/** As a page of the node asks, unless other headers are given. */
function ask(path: string, { method = "GET", headers = {}, json }: Asked = {}): Promise<Response> {
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const type: Record<string, string> =
    json === undefined ? {} : { "content-type": "application/json" };
  return fetch(`${node.url}/api/v1${path}`, { method, headers: { ...type, ...headers }, ...body });
}

const samePage = { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" };

async function codeOf(http: ComityHttp): Promise<string> {
  const { path, until } = await http.signInLink();
  assert.ok(Date.parse(until) > Date.now());
  const code = /^\/#sign-in=([A-Za-z0-9_-]{43})$/.exec(path)?.[1];
  assert.ok(code, path);
  return code;
}

/** `name=value`, as the browser sends it back. */
async function cookieFor(json: object): Promise<string> {
  const answer = await ask("/session", { method: "POST", headers: samePage, json });
  assert.equal(answer.status, 200);
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function callerOf(cookie: string): Promise<SessionResource["caller"]> {
  const answer = await ask("/session", { headers: { ...samePage, cookie } });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as SessionResource).caller;
}

test("session - a link signs in once, with a cookie that no script and no other site gets", async () => {
  const json = { code: await codeOf(node.admin) };
  const answer = await ask("/session", { method: "POST", headers: samePage, json });
  assert.deepEqual(await answer.json(), { caller: { name: "admin", role: "owner" } });
  const set = answer.headers.get("set-cookie") ?? "";
  assert.match(
    set,
    /^comity-[0-9a-f]{16}=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  );
  const cookie = set.split(";")[0] ?? "";
  assert.deepEqual(await callerOf(cookie), { name: "admin", role: "owner" });
  const again = await ask("/session", { method: "POST", headers: samePage, json });
  const { error } = (await again.json()) as { error: { code: string } };
  assert.deepEqual([again.status, error.code], [401, "SIGN_IN_REFUSED"]);
  assert.equal(again.headers.get("set-cookie"), null);
  const trail = await node.admin.audit({ limit: 1000 });
  const acts = trail.filter(({ who }) => who === "owner admin").map(({ act }) => act);
  assert.deepEqual(acts.slice(-2), ["session.link", "session.open"]);
});

test("session - is its user's role, and nothing more", async () => {
  const { token } = await node.admin.addUser("vic", "viewer");
  const vic = new ComityHttp({ url: node.url, token });
  for (const proof of [{ code: await codeOf(vic) }, { token }]) {
    const headers = { ...samePage, cookie: await cookieFor(proof) };
    assert.equal((await ask("/status", { headers })).status, 200);
    assert.equal((await ask("/users", { headers })).status, 403);
    const added = await ask("/things", { method: "POST", headers, json: { name: "x" } });
    assert.equal(added.status, 403);
  }
  const [wrong, thing] = ["wrong", "bus-1:token"].map((text) => ({ token: text }));
  for (const json of [wrong, thing, { code: "wrong" }]) {
    assert.equal((await ask("/session", { method: "POST", headers: samePage, json })).status, 401);
  }
});

test("session - changes nothing unless a page of this node says it asks", async () => {
  const cookie = await cookieFor({ code: await codeOf(node.admin) });
  const add = async (name: string, headers: Record<string, string>): Promise<number> =>
    (await ask("/things", { method: "POST", headers: { cookie, ...headers }, json: { name } }))
      .status;
  const { host } = new URL(node.url);
  // another port of the same host is the same site: SameSite lets the cookie go along
  const others = [
    {},
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
    { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" },
    { origin: "http://localhost:1" },
    { origin: "null" },
  ];
  for (const headers of others) {
    assert.equal(await add("forged", headers), 403, JSON.stringify(headers));
  }
  assert.deepEqual(await node.admin.things(), []);
  assert.equal(await add("bus-1", samePage), 201);
  assert.equal(await add("bus-2", { origin: `http://${host}` }), 201);
});

test("session - ends when it is signed out, and with its user", async () => {
  const cookie = await cookieFor({ code: await codeOf(node.admin) });
  const forged = await ask("/session", { method: "DELETE", headers: { cookie } });
  assert.equal(forged.status, 403);
  assert.ok(await callerOf(cookie));
  const out = await ask("/session", { method: "DELETE", headers: { ...samePage, cookie } });
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie") ?? "", /=; Path=\/; Max-Age=0;/);
  assert.equal(await callerOf(cookie), undefined);
  assert.equal((await ask("/status", { headers: { ...samePage, cookie } })).status, 401);

  const { token } = await node.admin.addUser("una", "operator");
  const una = await cookieFor({ token });
  const unused = await codeOf(new ComityHttp({ url: node.url, token }));
  await node.admin.removeUser("una");
  await node.admin.addUser("una", "owner");
  assert.equal(await callerOf(una), undefined, "another user of that name");
  const late = { method: "POST", headers: samePage, json: { code: unused } };
  assert.equal((await ask("/session", late)).status, 401);
});

test("session - what it opened ends with it", async () => {
  const { sessions, users } = node.deps;
  const admin = users.get("admin");
  assert.ok(admin);
  const secret = sessions.open(admin);
  const principal = sessions.principalOf(secret);
  assert.ok(principal?.kind === "user" && principal.session !== undefined);
  assert.equal(sessions.isOpen(principal.session), true);
  assert.equal(sessions.principalOf(principal.session), undefined, "its name is not its secret");
  sessions.close(secret);
  assert.equal(sessions.isOpen(principal.session), false);
});

test("session - a public address has its cookie over TLS and for this host alone", async () => {
  const { sessionCookie } = await import("../../src/api/session-cookie.ts");
  const told = sessionCookie("s", {
    node: { ...node.deps.node, publicUrl: "https://quay.example" },
  });
  assert.match(told, /^__Host-comity-[0-9a-f]{16}=s; Path=\/; .*; Secure$/);
});
