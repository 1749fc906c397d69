import assert from "node:assert/strict";
import { test } from "node:test";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, takeSeat } from "./side.ts";
import { openStranger } from "./stranger.ts";

test("peers - who only asks for a contract fills no book and takes no name from who agrees", async (t) => {
  const seats = [
    await takeSeat("seller"),
    await takeSeat("buyer"),
    await takeSeat("buyer"),
  ] as const;
  t.after(() => Promise.all(seats.map(leaveSeat)));
  const seller = await openSide(seats[0], seats);
  t.after(() => seller.stop());
  const stranger = await openStranger(seats[1]);
  t.after(() => stranger.stop());
  const buyer = await openSide(seats[2], seats);
  t.after(() => buyer.stop());
  await seller.catalogue.add(freeProduct);
  const offer = seller.catalogue.offerOf(freeProduct.id ?? "");
  assert.ok(offer);

  const asked = message("ContractRequestMessage", {
    consumerPid: "urn:uuid:stranger-1",
    offer: { ...offer, target: freeProduct.id },
    callbackAddress: stranger.callbackAddress,
  });
  const { status } = await stranger.call(seller, `${dspPath}/negotiations/request`, asked);
  assert.equal(status, 201);
  await stranger.heard("/agreement");
  assert.deepEqual(seller.federation.peers.list(), []);

  await buyer.federation.negotiations.negotiate(seller.did, offer["@id"]);
  const known = seller.federation.peers.list().map(({ did, name }) => [did, name]);
  assert.deepEqual(known, [[buyer.did, "buyer"]]);
});
