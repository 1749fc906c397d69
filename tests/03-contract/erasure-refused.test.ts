/** Erasure receipts that are not what they say: refused by name, and nothing is kept. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { type ErasureRecord, signErasure } from "../../src/federate/erasure-record.ts";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { GeneralJws, Signer } from "../../src/ports/signer.ts";
import { mergeSignatures, unsignedJws } from "../../src/wire/jws.ts";
import { type TestNode, type TwoNodes, twoNodes, until } from "../two-nodes.ts";

let world: TwoNodes;
/** The consumer's own key, and the provider's. */
let buyer: Signer;
let seller: Signer;
/** One that has ended and is due in an hour, and one that stands. */
let ended: string;
let running: string;

before(async () => {
  world = await twoNodes();
  const signerOf = ({ options }: TestNode): Promise<Signer> =>
    openEmbeddedSigner({ dir: options.data, did: options.did!, clock: systemClock });
  buyer = await signerOf(world.consumer);
  seller = await signerOf(world.provider);
  const price = { amount: "0.001", currency: "EUR", perMessages: 1 };
  const terms = { price, deleteAfterSeconds: 3600 };
  const product = { id: "soil", title: "Soil", topics: ["soil/+"], terms };
  ended = (await world.share({ ...product, delivery: "logged" })).id;
  const { offers } = await world.consumer.http.findPage({ q: "soil" });
  running = (await world.consumer.http.agree(offers[0]!.offer, offers[0]!.provider)).id;
  await world.consumer.http.revoke(ended);
  await until("the provider knows that it ended", async () => {
    return (await world.provider.http.erasure(ended)).state === "waiting";
  });
});

after(() => world.close());

function recordOf(agreement: string, change: object = {}): ErasureRecord {
  const at = new Date().toISOString();
  return {
    ...{ v: 1, type: "erasure", agreement, provider: seller.did, consumer: buyer.did },
    ...{ erased: { messages: 7, bytes: 70 }, endedAt: at, erasedAt: at },
    ...change,
  };
}

/** Brings it to a node as whoever holds that key. */
async function bring(
  to: TestNode,
  from: Signer,
  agreement: string,
  body: unknown,
): Promise<{ status: number; code: string }> {
  const path = `/comity/v1/agreements/${encodeURIComponent(agreement)}/erasure`;
  const response = await fetch(`${to.node.httpUrl}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await from.token(to.node.did, 60)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { error?: { code: string } };
  return { status: response.status, code: answer.error?.code ?? "" };
}

async function refused(code: string, agreement: string, record: GeneralJws): Promise<void> {
  const answer = await bring(world.provider, buyer, agreement, { record });
  assert.equal(answer.code, code);
  assert.ok(answer.status >= 400 && answer.status < 500);
  for (const id of [ended, running]) {
    assert.equal((await world.provider.http.erasure(id)).record, undefined);
  }
}

test("erasure receipt - signed by another key than the consumer's is refused", async () => {
  await refused("SIGNATURE_INVALID", ended, await signErasure(recordOf(ended), seller));
  // the consumer's name over the provider's signature
  const signed = await signErasure(recordOf(ended), seller);
  const header = { alg: "EdDSA", kid: buyer.keyId, typ: "comity-erasure+jws" };
  const named = Buffer.from(JSON.stringify(header)).toString("base64url");
  const forged = { ...signed, signatures: [{ ...signed.signatures[0]!, protected: named }] };
  await refused("SIGNATURE_INVALID", ended, forged);
});

test("erasure receipt - changed after it was signed is refused", async () => {
  const signed = await signErasure(recordOf(ended), buyer);
  const more = recordOf(ended, { erased: { messages: 9, bytes: 70 } });
  const payload = Buffer.from(canonicalBytes(more)).toString("base64url");
  await refused("SIGNATURE_INVALID", ended, { ...signed, payload });
});

test("erasure receipt - another kind of signature over the same words is refused", async () => {
  const bytes = canonicalBytes(recordOf(ended));
  const signature = await buyer.sign(bytes, "comity-ending+jws");
  await refused("SIGNATURE_INVALID", ended, mergeSignatures(unsignedJws(bytes), signature));
});

test("erasure receipt - of one agreement is none of another's, nor of other participants'", async () => {
  const other = await signErasure(recordOf(running), buyer);
  await refused("SIGNATURE_INVALID", ended, other);
  for (const change of [{ provider: buyer.did }, { consumer: seller.did }]) {
    const signed = await signErasure(recordOf(ended, change), buyer);
    await refused("SIGNATURE_INVALID", ended, signed);
  }
});

test("erasure receipt - under an agreement that stands is refused", async () => {
  await refused("STATE_INVALID", running, await signErasure(recordOf(running), buyer));
});

test("erasure receipt - of an agreement that there is not is refused", async () => {
  const id = "urn:uuid:nothing";
  await refused("NOT_FOUND", id, await signErasure(recordOf(id), buyer));
});

test("erasure receipt - is taken from the consumer alone", async () => {
  const record = await signErasure(recordOf(ended), buyer);
  // the provider brings it to the consumer, who is not owed one
  const answer = await bring(world.consumer, seller, ended, { record });
  assert.equal(answer.code, "NOT_FOUND");
  const path = `/comity/v1/agreements/${encodeURIComponent(ended)}/erasure`;
  const nobody = await fetch(`${world.provider.node.httpUrl}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ record }),
  });
  assert.equal(nobody.status, 401);
  assert.equal((await world.provider.http.erasure(ended)).record, undefined);
});

for (const [what, change] of [
  ["with a member that it does not have", { payload: "SECRET" }],
  ["with less than nothing", { erased: { messages: -1, bytes: 0 } }],
  ["of another version", { v: 2 }],
] as const) {
  test(`erasure receipt - ${what} is refused`, async () => {
    await refused("BODY_INVALID", ended, await signErasure(recordOf(ended, change), buyer));
  });
}

test("erasure receipt - that is no JSON, or not in canonical form, is refused", async () => {
  const sign = async (text: string): Promise<GeneralJws> => {
    const bytes = Buffer.from(text);
    const signature = await buyer.sign(bytes, "comity-erasure+jws");
    return mergeSignatures(unsignedJws(bytes), signature);
  };
  await refused("BODY_INVALID", ended, await sign("erased"));
  await refused("SIGNATURE_INVALID", ended, await sign(JSON.stringify(recordOf(ended), null, 1)));
});

test("erasure receipt - longer than any can be is refused unread", async () => {
  const record = await signErasure(recordOf(ended), buyer);
  const answer = await bring(world.provider, buyer, ended, { record, more: "x".repeat(40_000) });
  assert.equal(answer.status, 413);
});

test("erasure receipt - comes once: again it changes nothing, another one is refused", async () => {
  const first = await signErasure(recordOf(ended), buyer);
  const bringIt = (record: GeneralJws) => bring(world.provider, buyer, ended, { record });
  assert.deepEqual(await bringIt(first), { status: 200, code: "" });
  const kept = await world.provider.http.erasure(ended);
  assert.deepEqual(kept.signed, first);
  assert.deepEqual(await bringIt(first), { status: 200, code: "" });
  const other = recordOf(ended, { erased: { messages: 8, bytes: 80 } });
  assert.equal((await bringIt(await signErasure(other, buyer))).code, "STORE_CONFLICT");
  assert.deepEqual(await world.provider.http.erasure(ended), kept);
});
