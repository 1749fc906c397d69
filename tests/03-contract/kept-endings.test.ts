/** What a participant begins and ends again and again does not fill the other's store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileOffer } from "../../src/market/policy.ts";
import { productFrom } from "../../src/market/new-product.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Side, takeSeat, until } from "./side.ts";
import { openStranger } from "./stranger.ts";

const base = "/dsp/2025-1";
const endedKeptMax = 5;

test("endings - of what ended the newest are known, what goes on always, also after a restart", async (t) => {
  const seats = [await takeSeat("seller"), await takeSeat("stranger")] as const;
  const stranger = await openStranger(seats[1]);
  let seller: Side = await openSide(seats[0], seats, { endedKeptMax });
  t.after(async () => {
    await stranger.stop();
    await seller.stop();
    await Promise.all(seats.map(leaveSeat));
  });
  await seller.catalogue.add(freeProduct);
  const offer = compileOffer(productFrom(freeProduct, Date.now()));
  const post = (path: string, body: object) => stranger.call(seller, `${base}${path}`, body);
  const { callbackAddress } = stranger;
  const request = (consumerPid: string, more: object = {}) => {
    const asked = { "@type": "Offer", "@id": offer["@id"], target: freeProduct.id, ...more };
    const body = message("ContractRequestMessage", { consumerPid, callbackAddress, offer: asked });
    return post("/negotiations/request", body);
  };
  const kept = async (kind: string) => (await seller.store.list(kind)).length;

  const { body: open } = await request("urn:uuid:goes-on");
  const at = `/negotiations/${encodeURIComponent("urn:uuid:goes-on")}/agreement`;
  const told = await stranger.heard(at);
  for (let n = 0; n < 12; n++) {
    const refused = await request(`urn:uuid:refused-${n}`, { permission: [{ action: "sell" }] });
    assert.equal(refused.status, 400);
  }
  assert.equal(await kept("negotiation"), 1 + endedKeptMax);
  const again = await request("urn:uuid:refused-11");
  assert.deepEqual([again.status, again.body["code"]], [400, "STATE_INVALID"]);

  const pids = { providerPid: open["providerPid"] as string, consumerPid: "urn:uuid:goes-on" };
  const verification = message("ContractAgreementVerificationMessage", pids);
  const path = `/negotiations/${encodeURIComponent(pids.providerPid)}/agreement/verification`;
  assert.equal((await post(path, verification)).status, 200);
  const agreementId = String((told["agreement"] as Record<string, unknown>)["@id"]);
  await until("it stands", () => seller.agreements.get(agreementId) !== undefined);
  for (let n = 0; n < 12; n++) {
    const asked = { consumerPid: `urn:uuid:t${n}`, agreementId, format: "Sse-PULL" };
    const body = message("TransferRequestMessage", { ...asked, callbackAddress });
    assert.equal((await post("/transfers/request", body)).status, 201);
  }
  await until("one goes on", async () => (await kept("transfer")) === 1 + endedKeptMax);

  await seller.stop();
  seller = await openSide(seats[0], seats, { endedKeptMax: 2 });
  assert.deepEqual([await kept("negotiation"), await kept("transfer")], [1 + 2, 1 + 2]);
  assert.equal(seller.federation.transfers.of(agreementId)?.consumerPid, "urn:uuid:t11");
});
