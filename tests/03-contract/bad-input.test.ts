import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { didDocumentOf } from "../../src/federate/identity.ts";
import { Outbound } from "../../src/federate/outbound.ts";
import { compileOffer } from "../../src/market/policy.ts";
import { productFrom } from "../../src/market/new-product.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Seat, type Side, takeSeat, until } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const base = "/dsp/2025-1";
const product = productFrom(freeProduct, Date.now());
const offer = compileOffer(product);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let seats: Seat[] = [];
let buyer: Side;
let rude: Server;
let rudeDid = "";
let stranger: Stranger;
/** How the rude provider answers whatever it is asked. */
let manners: Answer;
/** Whose clock the buyer has, and by how much it is wrong. */
let wrongMs = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + wrongMs };

before(async () => {
  seats = [await takeSeat("buyer"), await takeSeat("rude"), await takeSeat("stranger")];
  const [a, b, c] = seats as [Seat, Seat, Seat];
  // the node's own way out, only that it loses patience sooner
  const outbound = new Outbound();
  const hasty: Pick<Outbound, "call" | "close"> = {
    call: (call) => outbound.call({ ...call, timeoutMs: 250 }),
    close: () => outbound.close(),
  };
  buyer = await openSide(a, seats, {
    clock,
    outbound: hasty,
    waitMs: 2_000,
    requestsPerSecondMax: 40,
  });
  const signer = await openEmbeddedSigner({ dir: b.dir, did: b.did, clock: systemClock });
  const profile = { name: "rude", title: "Rude", country: "DE", currency: "EUR" };
  rudeDid = b.did;
  rude = createServer((request, response) => {
    if (request.url !== "/.well-known/did.json") return manners(request, response);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(didDocumentOf(signer, profile, b.url)));
  });
  await new Promise<void>((resolve) => rude.listen(b.port, "127.0.0.1", resolve));
  stranger = await openStranger(c);
  await buyer.catalogue.add(freeProduct);
});

after(async () => {
  rude.closeAllConnections();
  rude.close();
  await stranger.stop();
  await buyer.stop();
  await Promise.all(seats.map(leaveSeat));
});

const redirect: Answer = (_, response) => {
  response.writeHead(307, { location: "http://169.254.169.254/latest/meta-data" }).end();
};
const huge: Answer = (_, response) => {
  response.setHeader("content-type", "application/json");
  response.end(`{"@id":"weather","pad":"${"x".repeat(10 * 1024 * 1024)}"}`);
};
const never: Answer = () => undefined;
const slow: Answer = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  const drip = setInterval(() => response.write(" "), 40);
  response.on("close", () => clearInterval(drip));
};
const nonsense: Answer = (_, response) => void response.end("<html>not here</html>");

for (const [what, answer, code, named] of [
  ["redirects to a private address", redirect, "PEER_UNREACHABLE", /redirects/],
  ["sends 10 MB", huge, "PEER_UNREACHABLE", /longer than/],
  ["never answers", never, "PEER_UNREACHABLE", /took too long/],
  ["answers drop by drop", slow, "PEER_UNREACHABLE", /took too long/],
  ["answers with no JSON", nonsense, "PEER_REFUSED", /no JSON/],
] as const) {
  test(`bad input - a provider that ${what} is given up by name, and nothing is kept`, async () => {
    manners = answer;
    const before = (await buyer.store.list("negotiation")).length;
    const asked = buyer.federation.negotiations.negotiate(rudeDid, offer["@id"]);
    await assert.rejects(asked, (error: { code?: string; message: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, named);
      return true;
    });
    assert.equal((await buyer.store.list("negotiation")).length, before);
    assert.equal((await buyer.store.list("outbox")).length, 0);
  });
}

test("bad input - a provider that falls silent after the catalogue leaves a terminated negotiation", async () => {
  manners = (request, response) => {
    if (!request.url?.includes("/catalog/")) return never(request, response);
    const { title, delivery, topics } = product;
    const comity = { title, delivery, topics };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify(message("Dataset", { "@id": product.id, hasPolicy: [offer], comity })),
    );
  };
  const asked = buyer.federation.negotiations.negotiate(rudeDid, offer["@id"]);
  await assert.rejects(asked, { code: "NEGOTIATION_ENDED", message: /no answer within 2 s/ });
  const [last] = await buyer.federation.negotiations.list();
  assert.deepEqual([last?.state, last?.problem], ["TERMINATED", "no answer within 2 s"]);
  assert.equal(buyer.agreements.list().length, 0);
  await until("the outbox is empty", async () => (await buyer.store.list("outbox")).length === 0);
});

test("bad input - a message of more than 1 MB is refused before it is read", async () => {
  const offerTooLong = { "@type": "Offer", "@id": offer["@id"], note: "x".repeat(1_100_000) };
  const { callbackAddress } = stranger;
  const body = { consumerPid: "urn:uuid:long", offer: offerTooLong, callbackAddress };
  const request = message("ContractRequestMessage", body);
  const answer = await stranger.call(buyer, `${base}/negotiations/request`, request);
  assert.deepEqual([answer.status, answer.body["@type"]], [413, "ContractNegotiationError"]);
  assert.ok(!(await kept("urn:uuid:long")));
});

test("bad input - a message nested a thousand deep, or no object, is refused by its place", async () => {
  const deep = JSON.parse(`${'{"and":'.repeat(1_000)}[]${"}".repeat(1_000)}`) as object;
  const { callbackAddress } = stranger;
  const request = (asked: object) =>
    message("ContractRequestMessage", {
      ...{ consumerPid: "urn:uuid:deep", callbackAddress },
      offer: { "@type": "Offer", "@id": offer["@id"], ...asked },
    });
  const constraint = [deep];
  const nested = request({ permission: [{ action: "use", constraint }] });
  const path = `${base}/negotiations/request`;
  const answer = await stranger.call(buyer, path, nested);
  assert.deepEqual([answer.status, answer.body["code"]], [400, "POLICY_UNENFORCEABLE"]);
  assert.equal((await stranger.call(buyer, path, [])).status, 400);
  assert.equal((await kept("urn:uuid:deep"))?.state, "TERMINATED");
});

/** Every edge shares its longitudes with every other: checking takes the square of the points. */
function comb(points: number): string {
  const teeth = Array.from({ length: points - 2 }, (_, i) => [i % 2, i / 100 - 4]);
  const coordinates = [[...teeth, [3, -6], teeth[0]]];
  return JSON.stringify({ type: "Polygon", coordinates });
}

test("bad input - many large polygons in one policy are refused before any is looked at", async () => {
  const rightOperand = comb(1_000);
  const spatial = { leftOperand: "spatial", operator: "isPartOf", rightOperand };
  const asked = (polygons: number, consumerPid: string) =>
    stranger.call(
      buyer,
      `${base}/negotiations/request`,
      message("ContractRequestMessage", {
        consumerPid,
        callbackAddress: stranger.callbackAddress,
        offer: {
          "@type": "Offer",
          "@id": offer["@id"],
          permission: [
            {
              action: "use",
              constraint: [{ or: Array.from({ length: polygons }, () => spatial) }],
            },
          ],
        },
      }),
    );
  const two = await asked(2, "urn:uuid:polygons-2");
  assert.deepEqual([two.status, two.body["code"]], [400, "POLICY_CHANGED"]);
  const begun = performance.now();
  const { status, body } = await asked(60, "urn:uuid:polygons-60");
  assert.deepEqual([status, body["code"]], [400, "POLICY_UNENFORCEABLE"]);
  assert.match(String(body["reason"]), /more than 2000 points/);
  assert.ok(performance.now() - begun < 1_000, "the node stood still");
});

for (const [what, reason, said] of [
  [
    "nested 100,000 deep",
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    "the other side ended it",
  ],
  ["in a language", '[{ "@value": "too dear", "@language": "en" }, {}]', "too dear"],
  ["of 900 KB", `["${"x".repeat(900_000)}"]`, "x".repeat(1_000)],
] as const) {
  test(`bad input - a reason ${what} ends the negotiation, and is kept as far as people read`, async () => {
    const consumerPid = `urn:uuid:reason-${said.length}`;
    const { callbackAddress } = stranger;
    const request = message("ContractRequestMessage", {
      ...{ consumerPid, callbackAddress },
      offer: { "@type": "Offer", "@id": offer["@id"], target: product.id },
    });
    const { body } = await stranger.call(buyer, `${base}/negotiations/request`, request);
    const providerPid = String(body["providerPid"]);
    const ending = message("ContractNegotiationTerminationMessage", { providerPid, consumerPid });
    const path = `${base}/negotiations/${encodeURIComponent(providerPid)}/termination`;
    const token = await stranger.signer.token(buyer.did, 60);
    const { status } = await fetch(`${buyer.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(ending).replace(/}$/, `,"reason":${reason}}`),
    });
    assert.equal(status, 200);
    assert.equal((await kept(consumerPid))?.problem, said);
  });
}

for (const [what, minutes, problem] of [
  ["ahead of ours", -5, /ahead of the clock here/],
  ["behind ours", 5, /exp/],
] as const) {
  test(`bad input - a caller whose clock is minutes ${what} is told so`, async (t) => {
    wrongMs = minutes * 60_000;
    t.after(() => (wrongMs = 0));
    const answer = await stranger.call(buyer, `${base}/catalog/datasets/weather`);
    assert.deepEqual([answer.status, answer.body["code"]], [401, "IDENTITY_INVALID"]);
    assert.match(JSON.stringify(answer.body["reason"]), problem);
  });
}

for (const [what, agreement, named] of [
  ["dated minutes ahead", { timestamp: minutesFromNow(5) }, /timestamp/],
  ["dated minutes before it was asked for", { timestamp: minutesFromNow(-5) }, /timestamp/],
  ["for somebody else", { assignee: "did:web:else.example" }, /assignee/],
  ["from somebody else", { assigner: "did:web:else.example" }, /assigner/],
  ["on another product", { target: "else" }, /agreement/],
  ["with a term more", { permission: [{ action: "use" }, { action: "use" }] }, /permission/],
] as const) {
  test(`bad input - an agreement ${what} ends the negotiation, signed by nobody`, async () => {
    const wanted = { provider: stranger.did, offer: offer["@id"], dataset: product.id };
    const plain = { policy: { permission: [{ action: "use" }] } };
    const { pid } = await buyer.federation.negotiations.request({ ...wanted, ...plain });
    const honest = {
      ...{ "@type": "Agreement", "@id": `of-${pid}`, target: product.id },
      ...{ assigner: stranger.did, assignee: buyer.did, timestamp: minutesFromNow(0) },
      permission: [{ action: "use" }],
    };
    const pids = { providerPid: "theirs", consumerPid: pid };
    const bad = { ...honest, ...agreement };
    const body = message("ContractAgreementMessage", { ...pids, agreement: bad });
    const at = `${base}/negotiations/${encodeURIComponent(pid)}/agreement`;
    const answer = await stranger.call(buyer, at, body);
    assert.equal(answer.status, 400);
    assert.match(JSON.stringify(answer.body["reason"]), named);
    const { state, draft } = await buyer.federation.negotiations.need(pid);
    assert.deepEqual([state, draft], ["TERMINATED", undefined]);
    assert.equal(buyer.agreements.list().length, 0);
    // the same again, and the honest one too late: it stays ended
    for (const late of [
      body,
      message("ContractAgreementMessage", { ...pids, agreement: honest }),
    ]) {
      assert.equal((await stranger.call(buyer, at, late)).status, 400);
    }
    assert.equal(stranger.received.filter(({ path }) => path.endsWith("/verification")).length, 0);
  });
}

test("bad input - a peer that asks without end is told to slow down, and heard again later", async () => {
  const path = `${base}/negotiations/urn:uuid:none`;
  const statuses = new Set<number>();
  const tokens = await Promise.all(
    Array.from({ length: 500 }, () => stranger.signer.token(buyer.did, 60)),
  );
  for (let n = 0; n < tokens.length && !statuses.has(429); n += 50) {
    const some = tokens.slice(n, n + 50);
    const calls = some.map((token) => stranger.call(buyer, path, undefined, token));
    for (const { status } of await Promise.all(calls)) statuses.add(status);
  }
  assert.deepEqual(
    [...statuses].sort((a, b) => a - b),
    [404, 429],
  );
  await until("heard again", async () => (await stranger.call(buyer, path)).status === 404);
});

function minutesFromNow(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString();
}

async function kept(consumerPid: string): Promise<{ state: string; problem?: string } | undefined> {
  const all = await buyer.federation.negotiations.list();
  return all.find((one) => one.consumerPid === consumerPid);
}
