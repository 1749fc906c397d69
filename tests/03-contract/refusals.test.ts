import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Offer } from "../../src/market/policy.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import {
  freeProduct,
  leaveSeat,
  openSide,
  paidProduct,
  type Seat,
  type Side,
  takeSeat,
  until,
} from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const base = "/dsp/2025-1";
let seats: Seat[] = [];
let seller: Side;
let stranger: Stranger;
let other: Stranger;
let number = 0;

before(async () => {
  seats = [await takeSeat("seller"), await takeSeat("stranger"), await takeSeat("other")];
  const [a, b, c] = seats as [Seat, Seat, Seat];
  seller = await openSide(a, seats);
  stranger = await openStranger(b);
  other = await openStranger(c);
  await seller.catalogue.add(paidProduct);
  await seller.catalogue.add(freeProduct);
});

after(async () => {
  await Promise.all([stranger.stop(), other.stop()]);
  await seller.stop();
  await Promise.all(seats.map(leaveSeat));
});

function offerOf(product: string): Offer {
  const offer = seller.catalogue.offerOf(product);
  assert.ok(offer);
  return offer;
}

function requestFor(product: string, change: object = {}, more: object = {}) {
  return message("ContractRequestMessage", {
    consumerPid: `urn:uuid:stranger-${++number}`,
    offer: { ...offerOf(product), target: product, ...change },
    callbackAddress: stranger.callbackAddress,
    ...more,
  });
}

/** The permission of the offer with one constraint more. */
function permissionWith(product: string, constraint: object) {
  const [permission] = offerOf(product).permission;
  return [{ ...permission, constraint: [...(permission?.constraint ?? []), constraint] }];
}

async function post(path: string, body: unknown, from = stranger) {
  return from.call(seller, `${base}${path}`, body);
}

function reasonOf(body: Record<string, unknown>): string {
  return String((body["reason"] as unknown[])[0]);
}

test("request - a policy that differs from the offer is refused, and the negotiation is over", async () => {
  const constraint = { leftOperand: "comity:topic", operator: "isAnyOf", rightOperand: ["#"] };
  const permission = permissionWith("weather", constraint);
  const changed = requestFor("weather", { permission });
  const answer = await post("/negotiations/request", changed);
  assert.equal(answer.status, 400);
  assert.equal(answer.body["@type"], "ContractNegotiationError");
  assert.equal(answer.body["code"], "POLICY_CHANGED");
  assert.equal(answer.body["consumerPid"], changed.consumerPid);
  const kept = await seller.store.list<{ consumerPid: string; state: string }>("negotiation");
  const mine = kept.find(({ doc }) => doc.consumerPid === changed.consumerPid);
  assert.equal(mine?.doc.state, "TERMINATED");
  assert.equal((await post("/negotiations/request", changed)).status, 400);
});

test("request - plain permission to use, as any connector writes it, is a free offer's policy", async () => {
  assert.deepEqual(offerOf("weather").permission, [{ action: "use" }]);
  const request = requestFor("weather", { permission: [{ action: "use", constraint: [] }] });
  const { profile: _, ...offer } = request.offer;
  const answer = await post("/negotiations/request", { ...request, offer });
  assert.deepEqual([answer.status, answer.body["state"]], [201, "REQUESTED"]);
});

test("request - a cheaper price is a changed policy", async () => {
  const { obligation: _, ...offer } = offerOf("bus-positions");
  const { offer: __, ...rest } = requestFor("bus-positions");
  const body = { ...rest, offer: { ...offer, target: "bus-positions" } };
  assert.equal((await post("/negotiations/request", body)).body["code"], "POLICY_CHANGED");
});

for (const [what, change, named] of [
  ["operand", { leftOperand: "purpose", operator: "eq", rightOperand: "research" }, "purpose"],
  [
    "operator",
    { leftOperand: "dateTime", operator: "gt", rightOperand: "2030-01-01T00:00:00Z" },
    "gt",
  ],
  ["shape", { and: [] }, "and"],
] as const) {
  test(`request - an unknown ${what} is refused by its name`, async () => {
    const permission = permissionWith("weather", change);
    const answer = await post("/negotiations/request", requestFor("weather", { permission }));
    assert.equal(answer.status, 400);
    assert.equal(answer.body["code"], "POLICY_UNENFORCEABLE");
    assert.ok(reasonOf(answer.body).includes(`"${named}"`), reasonOf(answer.body));
  });
}

test("request - an unknown action and a prohibition are refused", async () => {
  const [permission] = offerOf("weather").permission;
  const resell = requestFor("weather", { permission: [{ ...permission, action: "sell" }] });
  assert.match(reasonOf((await post("/negotiations/request", resell)).body), /"sell"/);
  const prohibition = [{ action: "print" }];
  const forbids = requestFor("weather", { prohibition });
  assert.match(reasonOf((await post("/negotiations/request", forbids)).body), /prohibition/);
});

test("request - the same request again is the same negotiation", async () => {
  const request = requestFor("weather");
  const first = await post("/negotiations/request", request);
  const suffix = `/negotiations/${encodeURIComponent(request.consumerPid)}/agreement`;
  await stranger.heard(suffix);
  const again = await post("/negotiations/request", request);
  assert.deepEqual([first.status, again.status], [201, 201]);
  assert.deepEqual([first.body["state"], again.body["state"]], ["REQUESTED", "AGREED"]);
  assert.equal(again.body["providerPid"], first.body["providerPid"]);
  await until("all sent", async () => (await seller.store.list("outbox")).length === 0);
  const agreements = stranger.received.filter(({ path }) => path.endsWith(suffix));
  assert.equal(agreements.length, 1);
  const theirs = await post("/negotiations/request", request, other);
  assert.notEqual(theirs.body["providerPid"], first.body["providerPid"]);
});

test("request - unknown keys are ignored, missing ones are named", async () => {
  const more = { "urn:example:later": { version: 9 } };
  assert.equal((await post("/negotiations/request", requestFor("weather", {}, more))).status, 201);
  const { offer: _, ...without } = requestFor("weather");
  const answer = await post("/negotiations/request", without);
  assert.equal(answer.status, 400);
  assert.match(reasonOf(answer.body), /offer/);
});

test("request - what costs money is refused to a counterpart that signs nothing", async () => {
  const answer = await post("/negotiations/request", requestFor("bus-positions"));
  assert.equal(answer.status, 400);
  assert.match(reasonOf(answer.body), /two signatures/);
});

test("request - a free offer is agreed with a plain connector, on one signature", async () => {
  const request = requestFor("weather");
  const { body } = await post("/negotiations/request", request);
  const providerPid = String(body["providerPid"]);
  const { consumerPid } = request;
  await stranger.heard(`/negotiations/${encodeURIComponent(consumerPid)}/agreement`);
  const at = `/negotiations/${encodeURIComponent(providerPid)}`;
  const verification = { providerPid, consumerPid };
  const verified = message("ContractAgreementVerificationMessage", verification);
  assert.equal((await post(`${at}/agreement/verification`, verified)).status, 200);
  const event = await stranger.heard(`/${encodeURIComponent(consumerPid)}/events`);
  assert.equal(event["eventType"], "FINALIZED");
  const agreement = seller.agreements.list().find(({ consumer }) => consumer === stranger.did);
  assert.equal(agreement?.evidence.signatures.length, 1);
  assert.equal((await stranger.call(seller, `${base}${at}`)).body["state"], "FINALIZED");
  assert.equal((await post(`${at}/agreement/verification`, verified)).status, 200);
});

test("verification - a tampered signature ends the negotiation without an agreement", async () => {
  const request = requestFor("bus-positions", {}, { comity: { version: 1 } });
  const { body } = await post("/negotiations/request", request);
  const { consumerPid } = request;
  const providerPid = String(body["providerPid"]);
  const sent = await stranger.heard(`/${encodeURIComponent(consumerPid)}/agreement`);
  const { id } = { id: (sent["agreement"] as { "@id": string })["@id"] };
  const forged = await stranger.signer.sign(Buffer.from("another"), "comity-agreement+jws");
  const at = `/negotiations/${encodeURIComponent(providerPid)}`;
  const verification = message("ContractAgreementVerificationMessage", {
    providerPid,
    consumerPid,
    comity: { version: 1, signature: forged },
  });
  const answer = await post(`${at}/agreement/verification`, verification);
  assert.deepEqual([answer.status, answer.body["code"]], [400, "SIGNATURE_INVALID"]);
  assert.equal((await stranger.call(seller, `${base}${at}`)).body["state"], "TERMINATED");
  assert.equal(seller.agreements.get(id), undefined);
});

test("negotiation - a step its state does not allow is refused with 400", async () => {
  const request = requestFor("weather");
  const { body } = await post("/negotiations/request", request);
  const { consumerPid } = request;
  const providerPid = String(body["providerPid"]);
  const at = `/negotiations/${encodeURIComponent(providerPid)}`;
  for (const eventType of ["FINALIZED", "ACCEPTED"]) {
    const event = message("ContractNegotiationEventMessage", {
      providerPid,
      consumerPid,
      eventType,
    });
    const answer = await post(`${at}/events`, event);
    assert.deepEqual([answer.status, answer.body["code"]], [400, "STATE_INVALID"]);
  }
  const counter = { ...request, providerPid };
  assert.equal((await post(`${at}/request`, counter)).status, 400);
  const over = message("ContractNegotiationTerminationMessage", { providerPid, consumerPid });
  assert.equal((await post(`${at}/termination`, over)).status, 200);
  assert.equal((await post(`${at}/termination`, over)).status, 200);
  const late = message("ContractAgreementVerificationMessage", { providerPid, consumerPid });
  const answer = await post(`${at}/agreement/verification`, late);
  assert.deepEqual([answer.status, answer.body["code"]], [400, "STATE_INVALID"]);
});

test("negotiation - somebody else's is not found, nor is one that never was", async () => {
  const { body } = await post("/negotiations/request", requestFor("weather"));
  const providerPid = String(body["providerPid"]);
  const at = `${base}/negotiations/${encodeURIComponent(providerPid)}`;
  assert.equal((await other.call(seller, at)).status, 404);
  const missing = await stranger.call(seller, `${base}/negotiations/urn:uuid:none`);
  assert.deepEqual([missing.status, missing.body["@type"]], [404, "ContractNegotiationError"]);
});

test("identity - a token for another audience is not accepted", async () => {
  const token = await stranger.signer.token(other.did, 60);
  const path = `${base}/catalog/request`;
  const answer = await stranger.call(seller, path, message("CatalogRequestMessage", {}), token);
  assert.deepEqual([answer.status, answer.body["@type"]], [401, "CatalogError"]);
});

test("identity - a token serves once", async () => {
  const token = await stranger.signer.token(seller.did, 60);
  const ask = () =>
    stranger.call(seller, `${base}/catalog/request`, message("CatalogRequestMessage", {}), token);
  assert.equal((await ask()).status, 200);
  const again = await ask();
  assert.equal(again.status, 401);
  assert.match(reasonOf(again.body), /used before/);
});

test("identity - a token that expired, lives too long or is missing is not accepted", async () => {
  const path = `${base}/catalog/datasets/weather`;
  for (const lifetime of [-120, 3600]) {
    const token = await stranger.signer.token(seller.did, lifetime);
    assert.equal((await stranger.call(seller, path, undefined, token)).status, 401);
  }
  assert.equal((await fetch(`${seller.url}${path}`)).status, 401);
});

test("identity - a signature over a document does not pass for a token", async () => {
  const claims = {
    iss: stranger.did,
    sub: stranger.did,
    aud: seller.did,
    iat: 1,
    exp: 9e9,
    jti: "x",
  };
  const payload = Buffer.from(JSON.stringify(claims));
  const { protected: head, signature } = await stranger.signer.sign(payload, "comity-receipt+jws");
  const token = `${head}.${payload.toString("base64url")}.${signature}`;
  assert.equal(
    (await stranger.call(seller, `${base}/catalog/datasets/weather`, undefined, token)).status,
    401,
  );
});

test("request - a callback that leads into a private network is refused", async () => {
  for (const callbackAddress of [
    "http://127.0.0.1:1/dsp",
    "https://10.0.0.7/dsp",
    "https://[::1]/dsp",
    "https://169.254.169.254/latest",
    "http://example.com/dsp",
  ]) {
    const answer = await post(
      "/negotiations/request",
      requestFor("weather", {}, { callbackAddress }),
    );
    assert.deepEqual([answer.status, answer.body["code"]], [400, "ADDRESS_FORBIDDEN"]);
  }
});

test("transfer - without an agreement of one's own there is none", async () => {
  const ask = (agreementId: string, format: string) =>
    message("TransferRequestMessage", {
      consumerPid: `urn:uuid:transfer-${++number}`,
      agreementId,
      format,
      callbackAddress: other.callbackAddress,
    });
  const sold = seller.agreements.list().find(({ consumer }) => consumer === stranger.did);
  assert.ok(sold);
  const theirs = await post("/transfers/request", ask(sold.id, "Mqtt5-PULL"), other);
  assert.deepEqual([theirs.status, theirs.body["@type"]], [404, "TransferError"]);
  const wrong = await post("/transfers/request", ask(sold.id, "HttpData-PUSH"));
  assert.equal(wrong.status, 400);
  assert.match(reasonOf(wrong.body), /Mqtt5-PULL/);
});

test("transfer - a plain connector gets address, user name and token, and may end it", async () => {
  const sold = seller.agreements.list().find(({ consumer }) => consumer === stranger.did);
  assert.ok(sold);
  const consumerPid = `urn:uuid:transfer-${++number}`;
  const request = message("TransferRequestMessage", {
    consumerPid,
    agreementId: sold.id,
    format: "Mqtt5-PULL",
    callbackAddress: `${stranger.callbackAddress}/`,
  });
  const { status, body } = await post("/transfers/request", request);
  assert.deepEqual([status, body["state"]], [201, "REQUESTED"]);
  const start = await stranger.heard(`/transfers/${encodeURIComponent(consumerPid)}/start`);
  const address = start["dataAddress"] as {
    endpointProperties: { name: string; value: string }[];
  };
  const values = new Map(address.endpointProperties.map(({ name, value }) => [name, value]));
  const token = values.get("authorization") ?? "";
  assert.equal(values.get("username"), sold.id);
  assert.equal(seller.federation.transfers.authenticate(sold.id, token)?.did, stranger.did);
  const providerPid = String(body["providerPid"]);
  const at = `/transfers/${encodeURIComponent(providerPid)}`;
  await seller.federation.transfers.suspend(sold.id, "unsigned exposure");
  assert.equal(seller.federation.transfers.authenticate(sold.id, token), undefined);
  const early = message("TransferStartMessage", { providerPid, consumerPid });
  const answer = await post(`${at}/start`, early);
  assert.deepEqual([answer.status, answer.body["code"]], [400, "STATE_INVALID"]);
  await seller.federation.transfers.resume(sold.id);
  const done = message("TransferCompletionMessage", { providerPid, consumerPid });
  assert.equal((await post(`${at}/completion`, done)).status, 200);
  assert.equal((await post(`${at}/completion`, done)).status, 200);
  assert.equal(seller.federation.transfers.authenticate(sold.id, token), undefined);
  const suspend = message("TransferSuspensionMessage", { providerPid, consumerPid, reason: ["x"] });
  assert.equal((await post(`${at}/suspension`, suspend)).status, 400);
});

test("ending - only its own participants end an agreement, and only with their signature", async () => {
  const sold = seller.agreements.list().find(({ consumer }) => consumer === stranger.did);
  assert.ok(sold);
  const path = `/comity/v1/agreements/${encodeURIComponent(sold.id)}/end`;
  const at = "2026-01-01T00:00:00Z";
  const said = { v: 1, agreement: sold.id, reason: "revoked", by: stranger.did, at };
  const signedBy = async (by: Stranger, change: object = {}, type = "comity-ending+jws") => {
    const payload = Buffer.from(JSON.stringify({ ...said, ...change }));
    const signature = await by.signer.sign(payload, type);
    return { record: { payload: payload.toString("base64url"), signatures: [signature] } };
  };
  assert.equal((await other.call(seller, path, await signedBy(other))).status, 404);
  for (const wrong of [
    await signedBy(other),
    await signedBy(stranger, { agreement: "urn:uuid:another" }),
    await signedBy(stranger, { by: seller.did }),
    await signedBy(stranger, { reason: "cap" }),
    await signedBy(stranger, {}, "comity-receipt+jws"),
  ]) {
    const { status } = await stranger.call(seller, path, wrong);
    assert.ok(status === 400 || status === 403, `answered ${status}`);
    assert.equal(seller.agreements.get(sold.id)?.state, "active");
  }
  assert.equal((await stranger.call(seller, path, await signedBy(stranger))).status, 200);
  assert.equal(seller.agreements.get(sold.id)?.state, "ended");
});

test("outbox - what a peer refuses for good is not tried for ever", async () => {
  await until("outbox empty", async () => (await seller.store.list("outbox")).length === 0);
});
