/** Logging in to accept a link: a browser's steps, and everything a provider could get wrong. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { JWTPayload } from "jose";
import { upOptions } from "../../src/cli/up-options.ts";
import type { OpenIdSettings } from "../../src/federate/openid.ts";
import { verifySignature } from "../../src/wire/jws.ts";
import { nodeOptions, startTestNode } from "../two-nodes.ts";
import { client, type Faults, openIdProvider } from "./openid-provider.ts";

async function ground(
  t: TestContext,
  more: { algorithm?: "RS256" | "ES256"; settings?: Partial<OpenIdSettings> } = {},
) {
  const provider = await openIdProvider(more.algorithm ?? "RS256");
  const folder = await mkdtemp(join(tmpdir(), "comity-login-"));
  const openid = { issuer: provider.issuer, clientId: client.id, clientSecret: client.secret };
  const side = await startTestNode(
    await nodeOptions(folder, {
      ...{ name: "seller", title: "The seller" },
      openid: { ...openid, isLocal: true, ...more.settings },
    }),
  );
  t.after(async () => {
    await side.node.close();
    await provider.close();
    await rm(folder, { recursive: true, force: true });
  });
  const terms = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
  await side.http.addProduct({ id: "buses", title: "Buses", topics: ["buses/#"], terms });
  const { share, url } = await side.http.share("buses", "City of Delft");
  return { provider, side, share, url };
}

/** A browser as far as it matters: it keeps cookies, and follows redirects by hand. */
class Browser {
  readonly cookies = new Map<string, string>();

  async open(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      assert.match(line, /; Path=\/share; .*HttpOnly; SameSite=Lax/);
      const [name = "", value = ""] = line.split(";")[0]!.split("=");
      this.cookies.set(name, value);
    }
    return answer;
  }

  /** From the link's page to the provider and back to the node, without the last step. */
  async atProvider(url: string): Promise<string> {
    const out = await this.open(`${url}/login`);
    assert.equal(out.status, 303, await out.text());
    const at = await fetch(out.headers.get("location")!, { redirect: "manual" });
    return at.headers.get("location")!;
  }

  async login(url: string): Promise<Response> {
    return this.open(await this.atProvider(url));
  }

  accept(url: string, terms: string, more: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({ terms, agree: "yes", ...more });
    return this.open(url, { method: "POST", body });
  }
}

for (const algorithm of ["RS256", "ES256"] as const) {
  test(`share login - who the provider (${algorithm}) names accepts, and the record says so`, async (t) => {
    const { provider, side, share, url } = await ground(t, { algorithm });
    const browser = new Browser();
    assert.match(await (await browser.open(url)).text(), /Log in with http:\/\/127/);
    const back = await browser.login(url);
    assert.equal(back.status, 303);
    assert.equal(new URL(back.headers.get("location")!, url).href, url);
    const page = await (await browser.open(url)).text();
    assert.match(page, /You accept as Ann O&#39;Hara \(ann@city\.example\)/);
    assert.doesNotMatch(page, /id="email"/);
    // what is typed beside it does not count
    const typed = { login: "yes", name: "Mallory", email: "m@evil.example" };
    const done = await browser.accept(url, share.offer, typed);
    assert.equal(done.status, 201, await done.text());
    const [made] = await side.http.agreements();
    const { acceptance, signed } = (await side.http.acceptance(made!.id)) as any;
    const { issuer } = provider;
    assert.deepEqual(acceptance.openid, { issuer, subject: "248289", emailVerified: true });
    assert.deepEqual([acceptance.name, acceptance.email], ["Ann O'Hara", "ann@city.example"]);
    const keys = ((await side.http.agreement(made!.id)) as any).keys;
    const pinned = (): any => Object.values(keys)[0];
    await verifySignature(signed, pinned, { what: "it", type: "comity-acceptance+jws" });
    assert.deepEqual(JSON.parse(Buffer.from(signed.payload, "base64url").toString()), acceptance);
    assert.ok(!provider.asked.some((path) => path.includes(url.split("/").at(-1)!)));
  });
}

const past = (claims: JWTPayload): JWTPayload => ({ ...claims, iat: 1_000_000, exp: 1_000_300 });
const without = (name: string) => (claims: JWTPayload) => {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
};
const wrong: Readonly<Record<string, Faults>> = {
  "signed by a stranger": { signedBy: "stranger" },
  "signed with the client's own secret": { signedBy: "client-secret" },
  "not signed": { signedBy: "nobody" },
  "of another issuer": { claims: (claims) => ({ ...claims, iss: "https://evil.example" }) },
  "for another client": { claims: (claims) => ({ ...claims, aud: "other" }) },
  "for others too, and asked for by one": {
    claims: (claims) => ({ ...claims, aud: [client.id, "other"], azp: "other" }),
  },
  "for others too, and nobody says who asked": {
    claims: (claims) => ({ ...claims, aud: [client.id, "other"] }),
  },
  "for another login": { claims: (claims) => ({ ...claims, nonce: "other" }) },
  "for no login": { claims: without("nonce") },
  "without an end": { claims: without("exp") },
  "without a subject": { claims: without("sub") },
  "without an e-mail": { claims: without("email") },
  "long over": { claims: past },
  "said to come from another": { iss: "https://evil.example" },
};

test("share login - an ID token that is wrong logs nobody in", async (t) => {
  const { provider, share, url } = await ground(t);
  for (const [what, faults] of Object.entries(wrong)) {
    provider.faults = faults;
    const browser = new Browser();
    const back = await browser.login(url);
    assert.equal(back.status, 403, what);
    assert.match(await back.text(), /does not count/, what);
    assert.equal(browser.cookies.has("comity-login"), false, what);
    assert.equal((await browser.accept(url, share.offer, { login: "yes" })).status, 400, what);
  }
  provider.faults = {};
  assert.equal((await new Browser().login(url)).status, 303);
});

test("share login - it is for the browser that began it, once, and for its own link", async (t) => {
  const { provider, side, share, url } = await ground(t);
  const [ann, eve] = [new Browser(), new Browser()];
  const callback = await ann.atProvider(url);
  assert.equal((await eve.open(callback)).status, 403, "a stranger's browser");
  await eve.atProvider(url);
  assert.equal((await eve.open(callback)).status, 403, "with a login of its own under way");
  assert.equal((await ann.open(callback)).status, 303);
  const asked = provider.asked.length;
  assert.equal((await ann.open(callback)).status, 403, "again");
  assert.equal(provider.asked.length, asked, "and the provider is not asked");
  const other = await side.http.share("buses", "Somebody else");
  assert.match(await (await ann.open(other.url)).text(), /id="email"/, "another link");
  const body = { login: "yes" };
  assert.equal((await ann.accept(other.url, other.share.offer, body)).status, 400);
  assert.equal((await eve.accept(url, share.offer, body)).status, 400);
  assert.equal((await ann.accept(url, share.offer, body)).status, 201);
  assert.equal((await ann.open(`${url}/login`)).status, 404, "it is accepted already");
});

test("share login - the provider is called at its own address alone", async (t) => {
  const { provider, url } = await ground(t);
  for (const name of ["authorization_endpoint", "token_endpoint", "jwks_uri"]) {
    provider.faults = { configuration: { [name]: "http://127.0.0.1:9/x" } };
    const answer = await new Browser().open(`${url}/login`);
    assert.equal(answer.status, 400, name);
    assert.match(await answer.text(), /not one this node calls/, name);
  }
  provider.faults = { configuration: { issuer: "https://evil.example" } };
  assert.equal((await new Browser().open(`${url}/login`)).status, 403);
  const closed = await ground(t, { settings: { isLocal: false } });
  assert.equal((await new Browser().open(`${closed.url}/login`)).status, 400);
  assert.deepEqual(closed.provider.asked, []);
});

test("share login - a wrong secret gets nobody in", async (t) => {
  const { url } = await ground(t, { settings: { clientSecret: "other" } });
  const back = await new Browser().login(url);
  assert.equal(back.status, 403);
  assert.match(await back.text(), /token answers 400/);
});

test("share login - options: an issuer with its client, the secret from a file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-login-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const openidSecret = join(folder, "secret");
  await writeFile(openidSecret, "s3cret\n");
  const issuer = "https://login.example";
  const flags = { openid: issuer, openidClient: "node", openidSecret };
  const expected = { issuer, clientId: "node", isLocal: false, clientSecret: "s3cret" };
  assert.deepEqual(upOptions(flags, {}).openid, expected);
  assert.equal(upOptions({}, {}).openid, undefined);
  const invalid = { code: "CONFIG_INVALID" };
  assert.throws(() => upOptions({ openid: issuer }, {}), invalid);
  assert.throws(() => upOptions({ openidClient: "node" }, {}), invalid);
  const open = { openid: "http://127.0.0.1:1", openidClient: "node" };
  assert.throws(() => upOptions(open, {}), invalid);
  const config = join(folder, "config.json");
  const local = { issuer: open.openid, client: "node", local: true };
  await writeFile(config, JSON.stringify({ openid: local }));
  const read = upOptions({ config }, {}).openid;
  assert.deepEqual(read, { issuer: open.openid, clientId: "node", isLocal: true });
});
