import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AgreementPolicy, agreementType, signAgreement } from "../../src/market/evidence.ts";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import { compileOffer, type Rules } from "../../src/market/policy.ts";
import { productFrom } from "../../src/market/new-product.ts";
import type { JwsSignature } from "../../src/ports/signer.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { leaveSeat, openSide, paidProduct, type Seat, type Side, takeSeat, until } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const product = productFrom(paidProduct, Date.now());
const offer = compileOffer(product);

/** What the provider sends instead of what was asked for. */
interface Trick {
  offered?: object;
  about?: object;
  policy?: (honest: AgreementPolicy) => AgreementPolicy;
  sign?: (policy: AgreementPolicy) => Promise<JwsSignature | undefined>;
}

let seats: Seat[] = [];
let buyer: Side;
let provider: Stranger;
let trick: Trick = {};
let agreementAnswer = 0;

before(async () => {
  seats = [await takeSeat("buyer"), await takeSeat("provider")];
  const [a, b] = seats as [Seat, Seat];
  buyer = await openSide(a, seats, { waitMs: 3_000 });
  provider = await openStranger(b, async (path, body) => {
    if (path.includes("/catalog/datasets/")) {
      const { title, delivery, topics } = product;
      const comity = { title, delivery, topics, ...trick.about };
      const dataset = { "@id": product.id, hasPolicy: [{ ...offer, ...trick.offered }], comity };
      return { status: 200, body: message("Dataset", dataset) };
    }
    if (!path.endsWith("/negotiations/request")) return undefined;
    const consumerPid = String(body["consumerPid"]);
    setTimeout(() => void agree(consumerPid), 5);
    const state = { providerPid: "urn:uuid:theirs", consumerPid, state: "REQUESTED" };
    return { status: 201, body: message("ContractNegotiation", state) };
  });
});

after(async () => {
  await provider.stop();
  await buyer.stop();
  await Promise.all(seats.map(leaveSeat));
});

async function agree(consumerPid: string): Promise<void> {
  const { permission, obligation, profile } = offer;
  const rules: Rules = { profile, permission, ...(obligation ? { obligation } : {}) };
  const honest: AgreementPolicy = {
    "@type": "Agreement",
    "@id": `urn:uuid:agreement-of-${consumerPid.slice(9)}`,
    target: product.id,
    assigner: provider.did,
    assignee: buyer.did,
    timestamp: new Date().toISOString(),
    ...rules,
    comity: {
      version: 1,
      product: product.id,
      title: product.title,
      delivery: product.delivery,
      topics: product.topics,
      price: product.terms.price,
      keys: { [provider.did]: provider.signer.publicJwk, [buyer.did]: buyer.signer.publicJwk },
    },
  };
  const agreement = trick.policy?.(honest) ?? honest;
  const sign = trick.sign ?? ((policy: AgreementPolicy) => signAgreement(policy, provider.signer));
  const signature = await sign(agreement);
  const body = message("ContractAgreementMessage", {
    providerPid: "urn:uuid:theirs",
    consumerPid,
    agreement,
    ...(signature ? { comity: { version: 1, signature } } : {}),
  });
  const path = `/dsp/2025-1/negotiations/${encodeURIComponent(consumerPid)}/agreement`;
  agreementAnswer = (await provider.call(buyer, path, body)).status;
}

function withComity(policy: AgreementPolicy, change: object): AgreementPolicy {
  const { comity } = policy;
  assert.ok(comity);
  return { ...policy, comity: { ...comity, ...change } };
}

const tricks: readonly (readonly [string, Trick, RegExp])[] = [
  [
    "a signature over something else",
    { sign: (policy) => provider.signer.sign(canonicalBytes([policy]), agreementType) },
    /signature/,
  ],
  [
    "a class that was never stated",
    { policy: (honest) => withComity(honest, { attested: { recipientClass: "sme" } }) },
    /agreement's attestation/,
  ],
  [
    "measures that were never attested",
    { policy: (honest) => withComity(honest, { attested: { measures: ["nda"] } }) },
    /agreement's attestation/,
  ],
  [
    "a signature with one byte changed",
    {
      sign: async (policy) => {
        const good = await signAgreement(policy, provider.signer);
        const first = good.signature.startsWith("A") ? "B" : "A";
        return { ...good, signature: `${first}${good.signature.slice(1)}` };
      },
    },
    /signature/,
  ],
  ["no signature", { sign: async () => undefined }, /missing/],
  ["another price", { policy: (p) => ({ ...p, obligation: [] }) }, /policy in the agreement/],
  [
    "another price beside the policy",
    { policy: (p) => withComity(p, { price: { ...product.terms.price, amount: "0.003" } }) },
    /price/,
  ],
  ["other topics", { policy: (p) => withComity(p, { topics: ["x"] }) }, /policy in the agreement/],
  [
    "a live stream for a logged one",
    { policy: (p) => withComity(p, { delivery: "live" }) },
    /policy in the agreement/,
  ],
  ["another title", { policy: (p) => withComity(p, { title: "Moonlight" }) }, /title/],
  ["another buyer", { policy: (p) => ({ ...p, assignee: "did:web:else" }) }, /assignee/],
  ["another seller", { policy: (p) => ({ ...p, assigner: "did:web:else" }) }, /assigner/],
  ["another product", { policy: (p) => ({ ...p, target: "else" }) }, /agreement/],
  [
    "another key for the buyer",
    {
      policy: (p) =>
        withComity(p, {
          keys: {
            [provider.did]: provider.signer.publicJwk,
            [buyer.did]: provider.signer.publicJwk,
          },
        }),
    },
    /key of did:web/,
  ],
];

for (const [what, played, problem] of tricks) {
  test(`agreement - with ${what} it is refused and nothing is signed`, async () => {
    trick = played;
    agreementAnswer = 0;
    await assert.rejects(
      buyer.federation.negotiations.negotiate(provider.did, offer["@id"]),
      (error: Error) => {
        assert.match(error.message, problem);
        return true;
      },
    );
    const verified = provider.received.filter(({ path }) => path.endsWith("/verification"));
    assert.deepEqual([verified.length, buyer.agreements.list().length], [0, 0]);
    await until("answered", () => agreementAnswer !== 0);
    assert.equal(agreementAnswer, 400);
  });
}

test("offer - terms that do not fit its id are refused before anything is asked", async () => {
  const asked = provider.received.filter(({ path }) => path.endsWith("/request")).length;
  const others = [{ delivery: "live" }, { topics: ["x"] }];
  for (trick of [{ offered: { obligation: [] } }, ...others.map((about) => ({ about }))]) {
    await assert.rejects(buyer.federation.negotiations.negotiate(provider.did, offer["@id"]), {
      code: "POLICY_CHANGED",
    });
  }
  assert.equal(provider.received.filter(({ path }) => path.endsWith("/request")).length, asked);
});

test("agreement - FINALIZED before anything was verified is refused", async () => {
  trick = {
    sign: async () => {
      const [{ body } = { body: {} }] = provider.received.slice(-1);
      const consumerPid = String((body as { consumerPid?: string }).consumerPid);
      const event = { providerPid: "urn:uuid:theirs", consumerPid, eventType: "FINALIZED" };
      const path = `/dsp/2025-1/negotiations/${encodeURIComponent(consumerPid)}/events`;
      const early = message("ContractNegotiationEventMessage", event);
      agreementAnswer = (await provider.call(buyer, path, early)).status;
      assert.equal(agreementAnswer, 400);
      return undefined;
    },
  };
  await assert.rejects(buyer.federation.negotiations.negotiate(provider.did, offer["@id"]));
  assert.equal(buyer.agreements.list().length, 0);
});

test("agreement - a provider that falls silent is given up after the time that was set", async () => {
  trick = { sign: () => new Promise(() => {}) };
  const from = performance.now();
  await assert.rejects(buyer.federation.negotiations.negotiate(provider.did, offer["@id"]), {
    code: "NEGOTIATION_ENDED",
  });
  assert.ok(performance.now() - from < 5_000);
  await provider.heard("/termination");
});
