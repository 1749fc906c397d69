import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { decodeProtectedHeader, flattenedVerify, type JWK } from "jose";
import type { GeneralJws } from "../../src/ports/signer.ts";
import { sectors } from "../../src/sectors/list.ts";
import { type TwoNodes, twoNodes } from "../two-nodes.ts";

const bus = {
  title: "A bus",
  source: "https://example.org/bus",
  required: ["id", "type"],
  members: {
    id: { type: "string" },
    type: { type: "string" },
    speed: { type: "number", unit: "km/h", minimum: 0, maximum: 120 },
  },
};
const buses = { sector: "transport", title: "Buses of the region", messages: { Bus: bus } };

interface Index {
  readonly issuer: string;
  readonly vocabularies: readonly { sector: string; path: string; hash: string }[];
}

interface DidDocument {
  readonly verificationMethod: readonly { publicKeyJwk: JWK }[];
}

async function read<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

async function nodes(t: TestContext): Promise<TwoNodes> {
  const both = await twoNodes();
  t.after(() => both.close());
  return both;
}

/** With another greatest speed. */
function limitedTo(maximum: number): object {
  const members = { ...bus.members, speed: { ...bus.members.speed, maximum } };
  return { ...buses, messages: { Bus: { ...bus, members } } };
}

test("commissions - each sector's pack is published, and anybody can read and verify it", async (t) => {
  const { http, node } = (await nodes(t)).provider;
  for (const { name } of sectors) await http.commissions.publish({ pack: name });
  const index = await read<Index>(`${node.httpUrl}/commissions`);
  assert.equal(index.issuer, node.did);
  const names = sectors.map(({ name }) => name).toSorted();
  assert.deepEqual(
    index.vocabularies.map(({ sector }) => sector),
    names,
  );

  const who = await read<DidDocument>(`${node.httpUrl}/.well-known/did.json`);
  const { publicKeyJwk } = who.verificationMethod[0]!;
  for (const { path, hash, sector } of index.vocabularies) {
    const answer = await fetch(`${node.httpUrl}${path}`);
    assert.equal(answer.headers.get("content-type"), "application/jose+json");
    assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
    const etag = answer.headers.get("etag") ?? "";
    assert.equal(etag, `"${hash}"`);
    // an oracle of its own: jose alone, and the hash over the very bytes
    const { payload, signatures } = (await answer.json()) as GeneralJws;
    const signature = signatures[0]!;
    await flattenedVerify({ payload, ...signature }, publicKeyJwk);
    assert.equal(decodeProtectedHeader(signature).typ, "comity-commission+jws");
    const bytes = Buffer.from(payload, "base64url");
    assert.equal(`sha256:${createHash("sha256").update(bytes).digest("base64url")}`, hash);
    const pack = sectors.find(({ name }) => name === sector)!;
    const document = JSON.parse(bytes.toString("utf8"));
    assert.deepEqual(document.messages, pack.vocabulary.messages);
    const indicators = Object.keys(pack.indicators).toSorted();
    assert.deepEqual(Object.keys(document.indicators), indicators);
    const again = await fetch(`${node.httpUrl}${path}`, { headers: { "if-none-match": etag } });
    assert.equal(again.status, 304);
  }
});

test("commissions - a version says what it breaks, and is refused below what that asks for", async (t) => {
  const both = await nodes(t);
  const { http } = both.provider;
  const first = await http.commissions.publish(buses);
  assert.equal(first.commission.version, "1.0.0");
  await assert.rejects(http.commissions.publish(buses), { code: "STATE_INVALID" });
  await assert.rejects(http.commissions.publish({ ...limitedTo(90), version: "1.1.0" }), {
    code: "COMMISSION_BREAKS",
    message:
      "transport 1.1.0, after 1.0.0, is a major change: Bus.speed: maximum 90 instead of 120.",
    remedy: "Publish it as 2.0.0 or later, or leave these as they were.",
  });
  await assert.rejects(http.commissions.publish({ ...limitedTo(130), version: "0.9.0" }), {
    message: "transport 0.9.0, after 1.0.0, is not after 1.0.0.",
  });
  const wider = await http.commissions.publish(limitedTo(130));
  assert.equal(wider.commission.version, "1.1.0");
  const narrower = await http.commissions.publish(limitedTo(90));
  assert.equal(narrower.commission.version, "2.0.0");
  assert.deepEqual(narrower.changes, [
    { level: "major", text: "Bus.speed: maximum 90 instead of 130" },
  ]);
  // every version stays, after a restart too, and names the one before
  await both.restart("provider");
  const kept = await http.commissions.list();
  assert.deepEqual(
    kept.map(({ version }) => version),
    ["1.0.0", "1.1.0", "2.0.0"],
  );
  const { document } = await http.commissions.get("transport@2.0.0");
  assert.equal(document.previous, wider.commission.hash);
  assert.equal((await http.commissions.get("transport")).version, "2.0.0");
  const since = await http.commissions.changes("transport@2.0.0", "transport@1.0.0");
  assert.deepEqual(since, [{ level: "major", text: "Bus.speed: maximum 90 instead of 120" }]);
});

test("commissions - a vocabulary that cannot be meant is refused by name", async (t) => {
  const { http } = (await nodes(t)).provider;
  const withMembers = (members: object, required = ["id"]) => {
    const all = { id: { type: "string" }, ...members };
    return { ...buses, messages: { Bus: { ...bus, members: all, required } } };
  };
  const cases: readonly [object, RegExp][] = [
    [
      withMembers({ speed: { type: "number", unit: "knots" } }),
      /speed: the unit "knots" is not UCUM/,
    ],
    [withMembers({}, ["line"]), /it requires line, which is no member/],
    [
      withMembers({ a: { type: "number", minimum: 2, maximum: 1 } }),
      /a has no value within bounds/,
    ],
    [withMembers({ a: { type: "string", minimum: 2 } }), /a is a string, and has unit or bounds/],
    [{ ...buses, messages: {} }, /it has no messages/],
    [
      withMembers(
        Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`m${n}`, { type: "string" }])),
      ),
      /members are more than 200/,
    ],
    [
      { ...buses, template: { product: { a: [[[[[[[[1]]]]]]]] }, terms: {} } },
      /the template is nested deeper than 8/,
    ],
    [
      { ...buses, template: { product: { text: "x".repeat(300_000) }, terms: {} } },
      /bytes, at most 262144 are taken/,
    ],
  ];
  for (const [vocabulary, message] of cases) {
    await assert.rejects(http.commissions.publish(vocabulary), {
      code: "COMMISSION_INVALID",
      message,
    });
  }
  assert.deepEqual(await http.commissions.list(), []);
});
