/**
 * W3C WoT Discovery (Recommendation of 5 December 2023), line by line: its assertions that bind a
 * directory over HTTP and that the files beside this one do not show already, and last, that none
 * was left out. What is not observed here is listed with the reason.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { directoryNode, lamp, problem, type Td } from "./directory-node.ts";

const directory = await directoryNode();
const { node, ask, put, patch, get } = directory;

const typeOf = (answer: Response): string => answer.headers.get("content-type") ?? "";

test("[introduction-well-known-uri] [introduction-well-known-path] [introduction-well-known-thing-description] [introduction-direct-url] [introduction-direct-thing-description] [introduction-direct-directory-description] one address leads to the directory's own TD", async () => {
  const answer = await fetch(`${node.node.httpUrl}/.well-known/wot`);
  // [exploration-server-http-method], [exploration-server-http-resp]
  assert.equal(answer.status, 200);
  const td = (await answer.json()) as Td & {
    actions: Record<string, { forms: { href: string }[] }>;
  };
  // [exploration-directory-description-type]
  assert.equal(td["@type"], "ThingDirectory");
  assert.ok(JSON.stringify(td["@context"]).includes("https://www.w3.org/2022/wot/discovery"));
  // [exploration-server-http-resp-json] JSON-LD 1.1: JSON with a context
  assert.ok(Array.isArray(td["@context"]));
  // [sec-tdd-intro-no-observe] the introduction is open, and answers once
  const length = Number(answer.headers.get("content-length"));
  assert.ok(length > 0, "an answer of a known length, no stream");
});

test("[security-bootstrapping-endpoints] [exploration-secboot-401] [exploration-secboot-auth] [priv-loc-priv-dir-access] every address that serves TDs asks a stranger for credentials", async () => {
  for (const path of ["/things", "/things/urn:x", "/events", "/search/jsonpath?query=$"]) {
    const stranger = await fetch(`${directory.url}${path}`);
    assert.equal(stranger.status, 401, path);
    assert.match(stranger.headers.get("www-authenticate") ?? "", /^Bearer /, path);
    // [tdd-http-error-response-utf-8] JSON is UTF-8 (RFC 8259 §8.1), whatever a charset said
    const bytes = new Uint8Array(await stranger.arrayBuffer());
    assert.doesNotThrow(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  }
});

test("[tdd-things-crud] [tdd-things-crudl] [tdd-things-default-representation] a TD is made, read, changed, listed and removed, as JSON", async () => {
  const id = "urn:example:crudl";
  // [tdd-things-create-known-td], [tdd-things-create-known-contenttype]
  const made = await ask(`/things/${id}`, {
    ...{ method: "PUT", type: "application/td+json", body: lamp({ id }) },
  });
  assert.equal(made.status, 201);
  // [tdd-things-retrieve], [tdd-things-retrieve-resp]
  const read = await ask(`/things/${id}`);
  assert.equal(read.status, 200);
  const td = (await read.json()) as Td;
  assert.equal(td.id, id);
  // [tdd-registrationinfo-vocab-created] and [tdd-registrationinfo-vocab-modified] are the
  // directory's; [tdd-registrationinfo-vocab-retrieved] is when it was asked
  const { created, modified, retrieved } = td.registration;
  assert.equal(created, modified);
  assert.ok(Math.abs(Date.parse(String(retrieved)) - Date.now()) < 60_000);
  // [tdd-things-update], [tdd-things-update-contenttype]
  assert.equal((await put(id, lamp({ id, title: "Another" }))).status, 204);
  assert.equal((await get(id))["title"], "Another");
  // [tdd-things-update-partial], [tdd-things-update-partial-resp]
  assert.equal((await patch(id, { title: "A third" })).status, 204);
  assert.equal((await get(id))["title"], "A third");
  // [tdd-things-list-only], [tdd-things-list-method], [tdd-things-list-resp]
  const list = await ask("/things");
  assert.equal(list.status, 200);
  assert.ok(((await list.json()) as Td[]).some((one) => one.id === id));
  // [tdd-things-delete]
  assert.equal((await ask(`/things/${id}`, { method: "DELETE" })).status, 204);
  assert.equal((await ask(`/things/${id}`)).status, 404);
});

test("[tdd-things-create-anonymous-td] [tdd-things-create-anonymous-contenttype] [tdd-things-create-anonymous-id] an anonymous TD is posted, and managed by the id it got", async () => {
  const posted = await ask("/things", {
    ...{ method: "POST", type: "application/td+json", body: lamp() },
  });
  const location = posted.headers.get("location") ?? "";
  const { id } = (await (await ask(location)).json()) as Td;
  assert.equal((await patch(id, { title: "Known by now" })).status, 204);
  assert.equal((await ask(location, { method: "DELETE" })).status, 204);
});

test("[tdd-things-representation-alternate-input] [tdd-http-representation-alternate-output] [exploration-server-http-alternate-content] JSON's other names are taken; what is no JSON is refused, whatever is accepted back", async () => {
  const id = "urn:example:typed";
  for (const type of ["application/ld+json", "application/json; charset=utf-8"]) {
    const answer = await ask(`/things/${id}`, { method: "PUT", type, body: lamp({ id }) });
    assert.ok(answer.status === 201 || answer.status === 204, type);
  }
  const turtle = await ask(`/things/${id}`, {
    method: "PUT",
    type: "text/turtle",
    body: "<a> a <b>",
  });
  assert.equal(turtle.status, 415);
  await problem(turtle);
  const asked = await fetch(`${directory.url}/things/${id}`, {
    headers: { authorization: `Bearer ${directory.token}`, accept: "text/turtle" },
  });
  assert.match(typeOf(asked), /^application\/td\+json/, "JSON alone is spoken");
  await ask(`/things/${id}`, { method: "DELETE" });
});

test("[tdd-things-list-pagination] [tdd-things-list-pagination-limit] [tdd-things-list-pagination-header-nextlink] [tdd-things-list-pagination-header-nextlink-base] a page has at most its limit, and a relative link while there is more", async () => {
  const ids = ["urn:p:1", "urn:p:2", "urn:p:3"];
  for (const id of ids) assert.equal((await put(id, lamp({ id }))).status, 201);
  const first = await ask("/things?limit=2");
  assert.equal(((await first.json()) as Td[]).length, 2);
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  assert.ok(next.startsWith("/things?"), next);
  const last = await ask("/things?limit=2&offset=2");
  assert.equal((last.headers.get("link") ?? "").includes('rel="next"'), false);
  // [tdd-things-list-pagination-order-utf-8] by code points, not by any language's alphabet
  const odd = ["urn:p:a", "urn:p:Z", "urn:p:_", "urn:p:~"];
  for (const id of odd) assert.equal((await put(id, lamp({ id }))).status, 201, id);
  const listed = ((await (await ask("/things")).json()) as Td[]).map(({ id }) => id);
  assert.deepEqual(
    listed.filter((id) => odd.includes(id)),
    ["urn:p:Z", "urn:p:_", "urn:p:a", "urn:p:~"],
  );
  for (const id of [...ids, ...odd]) {
    await ask(`/things/${encodeURIComponent(id)}`, { method: "DELETE" });
  }
});

test("[tdd-validation-syntactic] [tdd-validation-jsonschema] [tdd-validation-result] [tdd-validation-response-utf-8] a TD is validated before it is kept, and the errors are told in UTF-8", async () => {
  const id = "urn:example:naïve";
  const answer = await put(id, { ...lamp({ id }), properties: { größe: { type: "größe" } } });
  assert.equal(answer.status, 400);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(await answer.arrayBuffer());
  const { validationErrors } = JSON.parse(text) as { validationErrors: { field: string }[] };
  assert.ok(validationErrors.some(({ field }) => field.includes("größe")));
  assert.equal((await ask(`/things/${encodeURIComponent(id)}`)).status, 404);
});

test("[tdd-notification] [tdd-notification-data] what happens is told as JSON, one object an event", async () => {
  const id = "urn:example:heard";
  const stop = new AbortController();
  const answer = await fetch(`${directory.url}/events/thing_created`, {
    ...{ signal: stop.signal, headers: { authorization: `Bearer ${directory.token}` } },
  });
  await put(id, lamp({ id }));
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (/^data: .*\n/m.test(text)) break;
  }
  stop.abort();
  assert.deepEqual(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? ""), { id });
  await ask(`/things/${id}`, { method: "DELETE" });
});

test("[tdd-search-large-tdds] [tdd-search-sparql] a search API is there, JSONPath; SPARQL, which is optional, is told to be absent", async () => {
  const found = await ask(`/search/jsonpath?query=${encodeURIComponent("$[?@.title=='none'].id")}`);
  assert.deepEqual([found.status, await found.json()], [200, []]);
  const sparql = await ask("/search/sparql?query=ASK%7B%7D");
  assert.equal(sparql.status, 404);
  await problem(sparql);
});

/** Assertions of the Recommendation that bind this directory or its introduction, by their ids. */
const assertions = `
  exploration-directory-description-type exploration-secboot-401 exploration-secboot-auth
  exploration-secboot-oauth2-flows exploration-server-http-alternate-content
  exploration-server-http-alternate-language exploration-server-http-head
  exploration-server-http-method exploration-server-http-resp
  exploration-server-http-resp-content-type exploration-server-http-resp-json
  introduction-direct-directory-description introduction-direct-thing-description
  introduction-direct-url introduction-well-known-path introduction-well-known-thing-description
  introduction-well-known-uri priv-loc-explicit-care priv-loc-priv-dir-access
  sec-tdd-intro-no-ext sec-tdd-intro-no-observe security-bootstrapping-endpoints
  tdd-absolute-time tdd-anonymous-td-identifier tdd-anonymous-td-local-uuid tdd-context-injection
  tdd-http-error-response tdd-http-error-response-lang tdd-http-error-response-utf-8 tdd-http-head
  tdd-http-representation-alternate-output tdd-http-unsupported-feature tdd-notification
  tdd-notification-data tdd-notification-data-create-full tdd-notification-data-delete-diff
  tdd-notification-data-td-id tdd-notification-data-update-diff tdd-notification-data-update-id
  tdd-notification-event-id tdd-notification-event-types tdd-notification-filter-type
  tdd-notification-sse tdd-registrationinfo-expiry-purge tdd-registrationinfo-vocab-created
  tdd-registrationinfo-vocab-expires tdd-registrationinfo-vocab-modified
  tdd-registrationinfo-vocab-retrieved tdd-registrationinfo-vocab-ttl tdd-search-large-tdds
  tdd-search-sparql tdd-search-sparql-error tdd-search-sparql-federation
  tdd-search-sparql-federation-version tdd-search-sparql-method-get tdd-search-sparql-method-post
  tdd-search-sparql-resp-describe-construct tdd-search-sparql-resp-select-ask
  tdd-search-sparql-version tdd-things-create-anonymous-contenttype tdd-things-create-anonymous-id
  tdd-things-create-anonymous-td tdd-things-create-anonymous-td-resp
  tdd-things-create-known-contenttype tdd-things-create-known-td tdd-things-create-known-td-resp
  tdd-things-create-known-vs-anonymous tdd-things-crud tdd-things-crudl
  tdd-things-default-representation tdd-things-delete tdd-things-delete-resp
  tdd-things-list-method tdd-things-list-only tdd-things-list-pagination
  tdd-things-list-pagination-collection tdd-things-list-pagination-header-canonicallink
  tdd-things-list-pagination-header-nextlink tdd-things-list-pagination-header-nextlink-attr
  tdd-things-list-pagination-header-nextlink-base tdd-things-list-pagination-limit
  tdd-things-list-pagination-order tdd-things-list-pagination-order-default
  tdd-things-list-pagination-order-nextlink tdd-things-list-pagination-order-unsupported
  tdd-things-list-pagination-order-utf-8 tdd-things-list-pagination-orderable tdd-things-list-resp
  tdd-things-list-resp-content-type tdd-things-read-only-auth
  tdd-things-representation-alternate-input tdd-things-retrieve tdd-things-retrieve-resp
  tdd-things-retrieve-resp-content-type tdd-things-update tdd-things-update-contenttype
  tdd-things-update-partial tdd-things-update-partial-contenttype
  tdd-things-update-partial-mergepatch tdd-things-update-partial-partialtd
  tdd-things-update-partial-resp tdd-things-update-resp tdd-validation-jsonschema
  tdd-validation-response tdd-validation-response-utf-8 tdd-validation-result
  tdd-validation-syntactic
`;

/** Why a line is not observed: by the beginning of its id. */
const unobserved: Readonly<Record<string, string>> = {
  "exploration-secboot-oauth2": "credentials are a user's or a Thing's token; no OAuth 2.0 flow",
  "exploration-server-http-alternate-language": "a MAY; a TD has its titles in all its languages",
  "tdd-http-error-response-lang": "a MAY; errors are told in English",
  "tdd-things-list-pagination-order": "a MAY; sorting is refused, as -order-unsupported shows",
  "tdd-search-sparql-": "binds who implements SPARQL; it is not spoken",
  "sec-tdd-intro-no-ext": "binds who answers on a LAN; the node listens on loopback unless told",
  "priv-loc-explicit-care": "binds people: whom they give a token",
};

test("every assertion that binds a directory over HTTP is shown, or why it is not", () => {
  const folder = new URL(".", import.meta.url);
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"));
  const missing = assertions
    .trim()
    .split(/\s+/)
    .filter((id) => !texts.some((text) => text.includes(`[${id}]`)))
    .filter((id) => !Object.keys(unobserved).some((prefix) => id.startsWith(prefix)));
  assert.deepEqual(missing, []);
});
