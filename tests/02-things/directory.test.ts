/** The directory at its real door, by the assertions of W3C WoT Discovery (their names in brackets). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../two-nodes.ts";
import { context, directoryNode, lamp, problem, type Td } from "./directory-node.ts";

const { node, ask, put, patch, get } = await directoryNode();

test("introduction - the well-known address tells the directory as a valid Thing", async () => {
  const answer = await fetch(`${node.node.httpUrl}/.well-known/wot`);
  assert.equal(answer.status, 200);
  // [exploration-server-http-resp-content-type]
  assert.match(answer.headers.get("content-type") ?? "", /^application\/td\+json/);
  const td = (await answer.json()) as Record<string, unknown>;
  assert.equal(td["@type"], "ThingDirectory");
  const { id, ...anonymous } = td;
  assert.match(String(id), /^did:web:/);
  assert.equal((await ask("/things", { method: "POST", body: anonymous })).status, 201);
  const head = await fetch(`${node.node.httpUrl}/.well-known/wot`, { method: "HEAD" });
  // [exploration-server-http-head]
  assert.equal(head.headers.get("content-length"), answer.headers.get("content-length"));
});

test("rights - strangers are told which credentials open it; viewers read and operators write", async () => {
  const stranger = await fetch(`${node.node.httpUrl}/things`);
  assert.equal(stranger.status, 401);
  // [exploration-secboot] the challenge names the scheme
  assert.match(stranger.headers.get("www-authenticate") ?? "", /^Bearer/);
  await problem(stranger);
  const { token } = await node.http.addUser("vera", "viewer");
  assert.equal((await ask("/things", { token })).status, 200);
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    // [tdd-things-read-only-auth]
    const answer = await ask("/things/urn:x", { method, token, body: {} });
    assert.equal(answer.status, 403, method);
    await problem(answer);
  }
});

test("creation - a TD with an id is put, an anonymous one posted and given one", async () => {
  const id = "urn:example:lamp%20(a)/1";
  // [tdd-things-create-known-td-resp]
  assert.equal((await put(id, lamp({ id }))).status, 201);
  const kept = await get(id);
  assert.equal(kept["title"], "Lamp");
  // [tdd-context-injection] and the registration of an Enriched TD
  assert.deepEqual(kept["@context"], [context, "https://www.w3.org/2022/wot/discovery"]);
  // [tdd-absolute-time] RFC 3339 with an offset
  for (const time of ["created", "modified", "retrieved"]) {
    assert.match(String(kept.registration[time]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, time);
  }
  const posted = await ask("/things", { method: "POST", body: lamp() });
  // [tdd-things-create-anonymous-td-resp], [tdd-anonymous-td-local-uuid]
  assert.equal(posted.status, 201);
  const location = posted.headers.get("location") ?? "";
  assert.match(decodeURIComponent(location), /^\/things\/urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4/);
  const anonymous = (await (await ask(location)).json()) as Td;
  // [tdd-anonymous-td-identifier]
  assert.equal(`/things/${encodeURIComponent(anonymous.id)}`, location);

  // [tdd-things-create-known-vs-anonymous]
  const withId = await ask("/things", { method: "POST", body: lamp({ id: "urn:b" }) });
  assert.equal(withId.status, 400);
  const other = await put("urn:a", lamp({ id: "urn:b" }));
  assert.equal(other.status, 400);
  await ask(`/things/${encodeURIComponent(id)}`, { method: "DELETE" });
});

test("retrieval - its type is application/td+json, HEAD has its length, and what is not there is 404", async () => {
  const id = "urn:example:read";
  await put(id, lamp({ id }));
  const answer = await ask(`/things/${id}`);
  // [tdd-things-retrieve-resp-content-type]
  assert.match(answer.headers.get("content-type") ?? "", /^application\/td\+json/);
  const bytes = (await answer.arrayBuffer()).byteLength;
  // [tdd-http-head]
  const head = await ask(`/things/${id}`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(Number(head.headers.get("content-length")), bytes);
  const missing = await ask("/things/urn:none");
  assert.equal(missing.status, 404);
  assert.match(String((await problem(missing))["detail"]), /urn:none/);
  await ask(`/things/${id}`, { method: "DELETE" });
});

test("update - a put replaces, a merge patch changes members, and what was made stays made", async () => {
  const id = "urn:example:changed";
  await put(id, lamp({ id, description: "first", links: [{ href: "https://a.example" }] }));
  const { registration: first } = await get(id);
  // [tdd-things-update-resp]
  assert.equal((await put(id, lamp({ id, title: "Second" }))).status, 204);
  const second = await get(id);
  assert.deepEqual([second["title"], second["description"]], ["Second", undefined]);
  assert.equal(second.registration["created"], first["created"]);
  // [tdd-things-update-partial-mergepatch]: objects merge, null removes, lists are replaced
  const change = {
    description: "patched",
    links: [{ href: "https://b.example" }],
    securityDefinitions: { basic: { scheme: "basic" } },
  };
  assert.equal((await patch(id, change)).status, 204);
  const third = await get(id);
  assert.deepEqual(Object.keys(third["securityDefinitions"] as object), ["none", "basic"]);
  assert.deepEqual(third["links"], change.links);
  assert.equal((await patch(id, { description: null })).status, 204);
  assert.equal("description" in (await get(id)), false);
  // [tdd-things-update-partial-contenttype]
  assert.equal((await patch(id, {}, "application/json")).status, 415);
  // [tdd-things-update-partial-partialtd] what comes of it is validated
  const broken = await patch(id, { title: null });
  assert.equal(broken.status, 400);
  assert.equal((await get(id))["title"], "Second");
  assert.equal((await patch(id, { id: "urn:other" })).status, 400);
  assert.equal((await patch("urn:none", {})).status, 404);
  // [tdd-things-delete-resp]
  const remove = () => ask(`/things/${id}`, { method: "DELETE" });
  assert.deepEqual([(await remove()).status, (await remove()).status], [204, 404]);
});

test("validation - every error has its field and description, also what only the text shows", async () => {
  const { title: _title, ...untitled } = lamp({ id: "urn:bad" });
  const answer = await put("urn:bad", { ...untitled, properties: { on: { type: "boolean" } } });
  assert.equal(answer.status, 400);
  // [tdd-validation-response]
  const { validationErrors } = await problem(answer);
  assert.deepEqual(validationErrors, [
    { field: "(root)", description: "must have required property 'title'" },
    { field: "properties.on", description: "must have required property 'forms'" },
  ]);
  const text = JSON.stringify(lamp({ id: "urn:bad" })).replace('"title"', '"title":"x","title"');
  const twice = await problem(await put("urn:bad", text));
  assert.deepEqual(twice["validationErrors"], [{ field: "title", description: "is said twice" }]);
  assert.match(String((await problem(await put("urn:bad", "{")))["detail"]), /is no JSON/);
  const five = lamp({ id: "urn:bad", description: "x".repeat(5_000_000) });
  const long = await put("urn:bad", five);
  assert.equal(long.status, 413);
  assert.equal((await problem(long))["code"], "PAYLOAD_TOO_LARGE");
  const odd = await ask("/things/urn:bad", { method: "PUT", body: "<td/>", type: "text/xml" });
  assert.ok(odd.status >= 400 && odd.status < 500);
  await problem(odd);
});

test("listing - in order of code points, in pages that tell the next, with the state of the whole", async () => {
  const before = (await (await ask("/things")).json()) as Td[];
  for (const { id } of before) {
    await ask(`/things/${encodeURIComponent(id)}`, { method: "DELETE" });
  }
  const ids = ["urn:l:b", "urn:l:a", "urn:l:_", "urn:l:~", "urn:l:B"];
  for (const id of ids) assert.equal((await put(id, lamp({ id }))).status, 201);
  // [tdd-things-list-pagination-order-default]
  const order = ["urn:l:B", "urn:l:_", "urn:l:a", "urn:l:b", "urn:l:~"];
  const all = await ask("/things");
  // [tdd-things-list-resp-content-type]
  assert.match(all.headers.get("content-type") ?? "", /^application\/ld\+json/);
  assert.deepEqual(
    ((await all.json()) as Td[]).map(({ id }) => id),
    order,
  );
  const seen: string[] = [];
  const etags = new Set<string>();
  let next: string | undefined = "/things?limit=2";
  while (next !== undefined) {
    const page: Response = await ask(next);
    seen.push(...((await page.json()) as Td[]).map(({ id }) => id));
    const link: string = page.headers.get("link") ?? "";
    // [tdd-things-list-pagination-header-canonicallink]
    etags.add(/<\/things>; rel="canonical"; etag="([^"]+)"/.exec(link)?.[1] ?? "none");
    // [tdd-things-list-pagination-header-nextlink-attr]: the same limit, and where it begins
    next = /<([^>]+)>; rel="next"/.exec(link)?.[1];
  }
  assert.deepEqual(seen, order);
  assert.equal(etags.size, 1);
  // [tdd-things-list-pagination-collection]
  const answer = await ask("/things?offset=1&limit=2&format=collection");
  const { members, ...collection } = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(collection, {
    "@context": "https://www.w3.org/2022/wot/discovery",
    "@type": "ThingCollection",
    "@id": "/things?offset=1&limit=2&format=collection",
    total: 5,
    next: "/things?offset=3&limit=2&format=collection",
  });
  assert.deepEqual(
    (members as Td[]).map(({ id }) => id),
    order.slice(1, 3),
  );
  await put("urn:l:c", lamp({ id: "urn:l:c" }));
  const link = (await ask("/things?limit=1")).headers.get("link") ?? "";
  assert.equal(etags.has(/etag="([^"]+)"/.exec(link)?.[1] ?? ""), false, "a new one, a new state");
  // [tdd-things-list-pagination-order-unsupported]
  for (const query of ["sort_by=title", "limit=0", "limit=x", "offset=-1", "format=xml"]) {
    const refused = await ask(`/things?${query}`);
    assert.equal(refused.status, 400, query);
    await problem(refused);
  }
});

test("methods - one that an address does not know is 405 with those it knows", async () => {
  for (const [path, method] of [
    ["/things", "PATCH"],
    ["/things/urn:x", "POST"],
    ["/search/jsonpath", "DELETE"],
  ] as const) {
    const answer = await ask(path, { method, body: {} });
    // [tdd-http-unsupported-feature]
    assert.equal(answer.status, 405, path);
    assert.match(answer.headers.get("allow") ?? "", /GET/);
    await problem(answer);
  }
  assert.equal((await ask("/search/sparql?query=x")).status, 404);
});

test("expiry - a ttl sets the end anew with each change, whatever the client says; past it, it is gone", async () => {
  const id = "urn:example:short";
  const registration = { ttl: 3600, expires: "2020-01-01T00:00:00Z" };
  await put(id, lamp({ id, registration }));
  const { registration: first } = await get(id);
  // [tdd-registrationinfo-vocab-ttl], [tdd-registrationinfo-vocab-expires]
  const lifeMs = Date.parse(String(first["expires"])) - Date.parse(String(first["modified"]));
  assert.deepEqual([first["ttl"], lifeMs], [3600, 3_600_000]);
  await until("the clock moves on", () => Date.now() > Date.parse(String(first["modified"])));
  assert.equal((await patch(id, {})).status, 204);
  const { registration: second } = await get(id);
  assert.ok(String(second["expires"]) > String(first["expires"]), "an empty patch extends it");
  assert.equal((await patch(id, { registration: { ttl: 0.2 } })).status, 204);
  // [tdd-registrationinfo-expiry-purge]
  await until("it is gone", async () => (await ask(`/things/${id}`)).status === 404);
  const list = (await (await ask("/things")).json()) as Td[];
  assert.equal(
    list.some((td) => td.id === id),
    false,
  );
  for (const wrong of [
    { ttl: -1 },
    { ttl: "1" },
    { expires: "tomorrow" },
    { expires: "2030-01-01" },
  ]) {
    const answer = await put(id, lamp({ id, registration: wrong }));
    assert.equal(answer.status, 400, JSON.stringify(wrong));
  }
});
