import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { usageMicro } from "../../src/kernel/price.ts";
import { receiptsPath } from "../../src/meter/both-signed.ts";
import { receiptsAfter, receiptType } from "../../src/meter/receipt.ts";
import type { ReceiptBody } from "../../src/meter/receipt.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { buyer, openPair, type Pair } from "./sides.ts";
import type { SideOptions } from "./sides.ts";

const price = { amount: "0.002", currency: "CLP", perMessages: 1 };

const open = (t: TestContext, receipts?: SideOptions["receipts"]): Promise<Pair> =>
  openPair(t, price, receipts);

/** What an honest provider would write next. */
async function nextBody(pair: Pair, change: Partial<ReceiptBody> = {}): Promise<ReceiptBody> {
  const { agreement, delivered } = pair;
  const before = (await receiptsAfter(pair.buyer.store, agreement.id, 0, 100)).at(-1)?.body;
  const body: ReceiptBody = {
    v: 1,
    agreement: agreement.id,
    policyHash: agreement.policyHash,
    seq: (before?.seq ?? 0) + 1,
    epoch: delivered.epoch,
    from: before?.to ?? 0,
    to: delivered.position,
    messages: delivered.messages,
    bytes: delivered.payloadBytes,
    amountMicro: usageMicro(agreement.price, { ...delivered, bytes: 0 }).toString(),
    currency: agreement.price.currency,
    month: "2026-11",
    at: new Date(pair.clock.at).toISOString(),
    prevHash: before === undefined ? "" : canonicalHash(before),
  };
  return { ...body, ...change };
}

async function offer(pair: Pair, body: ReceiptBody, signer: Signer = pair.seller.signer) {
  const signature = await signer.sign(canonicalBytes(body), receiptType);
  return pair.seller.peers.post(buyer, receiptsPath, { body, signature });
}

function refused(reason: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof ComityError, String(thrown));
    assert.equal(thrown.code, "PEER_REFUSED");
    assert.match(thrown.message, reason);
    return true;
  };
}

test("a dishonest provider - an inflated count is refused, and both numbers are named", async (t) => {
  const pair = await open(t);
  const honest = await pair.deliver(100);
  const inflated = { ...honest, position: 150, messages: 150 };
  await pair.seller.meter.acknowledge(pair.agreement.id, inflated);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.equal(standing?.complete, false);
  assert.match(standing?.problem ?? "", /claims 150 messages at position 150.*has 100 messages/);
  const [record] = await receiptsAfter(pair.seller.store, pair.agreement.id, 0, 10);
  assert.equal(record?.state, "disputed");
  assert.deepEqual(await receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 10), []);
  assert.deepEqual(await statementOf(pair.seller.store, [pair.agreement], "2026-11"), []);
  const kinds = pair.seller.journal.latest().map(({ kind }) => kind);
  assert.deepEqual(kinds, ["receipt.disputed"]);

  const more = offer(pair, await nextBody(pair, { messages: 101, amountMicro: "202000", to: 100 }));
  await assert.rejects(more, refused(/101 messages and 1000 bytes .* 100 messages/));
  const heavier = offer(pair, await nextBody(pair, { bytes: 1001 }));
  await assert.rejects(heavier, refused(/1001 bytes at position 100; 100 messages and 1000 bytes/));
});

test("a dishonest provider - a changed price or policy is refused", async (t) => {
  const pair = await open(t);
  await pair.deliver(100);
  const dearer = offer(pair, await nextBody(pair, { amountMicro: "300000" }));
  await assert.rejects(dearer, refused(/100 messages cost 200000 micro-units, not 300000/));
  const euros = offer(pair, await nextBody(pair, { currency: "EUR" }));
  await assert.rejects(euros, refused(/the currency is CLP/));
  const policy = offer(pair, await nextBody(pair, { policyHash: "sha256:other" }));
  await assert.rejects(policy, refused(/policyHash/));
});

test("a dishonest provider - a forked number, a gap or a broken chain is refused", async (t) => {
  const pair = await open(t);
  await pair.deliver(100);
  const first = await nextBody(pair);
  const answer = await offer(pair, first);
  assert.deepEqual(await offer(pair, first), answer, "the same receipt gives the same bytes");
  const fork = { ...first, at: new Date(pair.clock.at + 1).toISOString() };
  await assert.rejects(offer(pair, fork), refused(/another receipt 1 is signed already/));
  await pair.deliver(10);
  const gap = offer(pair, await nextBody(pair, { seq: 3 }));
  await assert.rejects(gap, refused(/receipt 2 comes next, not 3/));
  const broken = offer(pair, await nextBody(pair, { prevHash: canonicalHash(fork) }));
  await assert.rejects(broken, refused(/prevHash does not match receipt 1/));
  const twice = offer(pair, await nextBody(pair, { from: 0 }));
  await assert.rejects(twice, refused(/starts at position 0, not 100/));
  await offer(pair, await nextBody(pair));
});

test("a dishonest provider - two bodies for one number at once: only one is signed", async (t) => {
  const pair = await open(t);
  await pair.deliver(100);
  const bodies = [0, 1, 2, 3].map((n) => new Date(pair.clock.at + n).toISOString());
  const offers = await Promise.all(bodies.map((at) => nextBody(pair, { at })));
  const answers = await Promise.allSettled(offers.map((body) => offer(pair, body)));
  assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
});

test("a dishonest provider - another month than that of delivery is refused", async (t) => {
  const pair = await open(t);
  await pair.deliver(100);
  for (const month of ["2026-10", "2026-12"]) {
    const moved = offer(pair, await nextBody(pair, { month }));
    await assert.rejects(moved, refused(new RegExp(`it is for ${month}`)));
  }
});

test("receipts - only the provider's own signature counts, and only for its agreement", async (t) => {
  const pair = await open(t);
  await pair.deliver(100);
  const body = await nextBody(pair);
  const wrongHand = offer(pair, body, pair.buyer.signer);
  await assert.rejects(wrongHand, refused(/signature .* does not verify/));
  const signature = await pair.seller.signer.sign(canonicalBytes(body), "other+jws");
  const wrongType = pair.seller.peers.post(buyer, receiptsPath, { body, signature });
  await assert.rejects(wrongType, refused(/signed it as other\+jws/));
  const elsewhere = offer(pair, { ...body, agreement: "urn:uuid:unknown" });
  await assert.rejects(elsewhere, refused(/no agreement urn:uuid:unknown/));
  const extended = { ...body, extra: 1 } as ReceiptBody;
  await assert.rejects(offer(pair, extended), refused(/no receipt of version 1/));
  const anonymous = await fetch(`${pair.buyer.url}${receiptsPath}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ body, signature }),
  });
  assert.equal(anonymous.status, 401);
});

test("a dishonest consumer - never signs: delivery stops at the unsigned exposure", async (t) => {
  const told: boolean[] = [];
  const pair = await open(t, {
    exposureMaxMicro: () => 500_000n,
    onExposure: (_agreement, over) => void told.push(over),
  });
  await pair.deliver(200);
  const port = Number(new URL(pair.buyer.url).port);
  await pair.buyer.stop();
  const liar = Fastify();
  liar.post(receiptsPath, async () => ({
    signature: await pair.buyer.signer.sign(canonicalBytes({ not: "the body" }), receiptType),
  }));
  t.after(() => liar.close());
  await liar.listen({ host: "127.0.0.1", port });

  const [standing] = await pair.seller.provider.closeWindows();
  assert.match(standing?.problem ?? "", /signature on receipt 1 .* does not verify/);
  const [record] = await receiptsAfter(pair.seller.store, pair.agreement.id, 0, 10);
  assert.deepEqual([record?.state, record?.signatures.length], ["disputed", 1]);
  const id = pair.agreement.id;
  const claim = { epoch: "e1", position: 250, messages: 250, payloadBytes: 2500 };
  await pair.seller.meter.acknowledge(id, claim);
  assert.equal(pair.seller.provider.exposureMicro(id), 500_000n);
  assert.deepEqual(told, [], "up to the limit it goes on");
  const over = { epoch: "e1", position: 251, messages: 251, payloadBytes: 2510 };
  await pair.seller.meter.acknowledge(id, over);
  assert.deepEqual(told, [true]);

  await liar.close();
  await pair.restart(buyer);
  assert.deepEqual(await pair.receive(51), over);
  const [mended] = await pair.seller.provider.closeWindows();
  assert.deepEqual(told, [true, false]);
  assert.deepEqual([mended?.seq, mended?.complete, mended?.problem], [2, true, undefined]);
});
