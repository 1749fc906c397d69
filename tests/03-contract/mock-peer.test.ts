import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fastify, { type FastifyInstance } from "fastify";
import { openFederation } from "../../src/federate/federation.ts";
import { unprovenPeers } from "../../src/federate/peer-identity.ts";
import type { LocalPeer } from "../../src/federate/resolver.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Seat, type Side, takeSeat, until } from "./side.ts";

const base = "/dsp/2025-1";
const policy = {
  ...{ "@type": "Offer", "@id": "YXNzZXQ=:b2ZmZXI=:MQ==" },
  permission: [{ action: "use", constraint: [] }],
};

let seats: Seat[] = [];
let side: Side;
let edc: FastifyInstance;
let protocol = "";
/** What the connector without a DID received: path, who it said it was, body. */
const heard: { path: string; who: string; body: Record<string, unknown> }[] = [];

before(async () => {
  seats = [await takeSeat("own"), await takeSeat("edc")];
  const [a, b] = seats as [Seat, Seat];
  edc = fastify({ forceCloseConnections: true });
  // as Eclipse EDC does: version metadata below its protocol path, unauthenticated
  edc.get("/protocol/.well-known/dspace-version", async () => ({
    protocolVersions: [
      { version: "2024/1", path: "/", binding: "HTTPS" },
      { version: "2025-1", path: "/2025-1", binding: "HTTPS" },
    ],
  }));
  edc.all("/protocol/2025-1/*", async (request, reply) => {
    const { clientId } = JSON.parse(request.headers.authorization ?? "{}") as { clientId: string };
    const body = (request.body ?? {}) as Record<string, unknown>;
    heard.push({ path: request.url, who: clientId, body });
    if (request.url.includes("/catalog/datasets/")) {
      return message("Dataset", { "@id": "tides", hasPolicy: [policy] });
    }
    if (!request.url.endsWith("/negotiations/request")) return reply.send();
    const { consumerPid } = body;
    const state = { providerPid: "their-pid", consumerPid, state: "REQUESTED" };
    return reply.status(201).send(message("ContractNegotiation", state));
  });
  await edc.listen({ host: "127.0.0.1", port: b.port });
  protocol = `${b.url}/protocol`;
  side = await openSide(a, [{ did: "an-edc", url: protocol, identity: "mock" }]);
  await side.catalogue.add(freeProduct);
});

after(async () => {
  await edc.close();
  await side.stop();
  await Promise.all(seats.map(leaveSeat));
});

async function call(path: string, who: string, body?: unknown): Promise<Response> {
  return fetch(`${side.url}${base}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: who,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const edcToken = JSON.stringify({ region: "any", audience: "any", clientId: "an-edc" });

test("mock identity - a listed peer is believed, and nobody else", async () => {
  assert.equal((await call("/catalog/datasets/weather", edcToken)).status, 200);
  for (const who of [
    JSON.stringify({ clientId: side.did }),
    JSON.stringify({ clientId: "another" }),
    JSON.stringify({ clientId: ["an-edc"] }),
    "{",
    `{"clientId":"an-edc","pad":"${"x".repeat(5_000)}"}`,
    "Bearer an-edc",
    "",
  ]) {
    assert.equal((await call("/catalog/datasets/weather", who)).status, 401, who.slice(0, 60));
  }
});

test("mock identity - the owner is warned of it by name, and of nothing where there is none", () => {
  const peers: LocalPeer[] = [{ did: "an-edc", url: protocol, identity: "mock" }];
  assert.match(unprovenPeers(peers) ?? "", /ANYBODY.*an-edc/);
  assert.equal(unprovenPeers([{ did: "did:web:a.example", url: "http://127.0.0.1:1" }]), undefined);
});

test("mock identity - a peer that proves itself needs a DID", async () => {
  const localPeers = [{ did: "an-edc", url: protocol }];
  const options = { ...side, ...{ localPeers } } as unknown as Parameters<typeof openFederation>[0];
  await assert.rejects(openFederation(options), { code: "CONFIG_INVALID" });
});

test("mock identity - such a connector is known by its protocol address alone", async () => {
  const peer = await side.federation.peers.add(protocol);
  assert.deepEqual([peer.did, peer.name, peer.url], ["an-edc", "an-edc", protocol]);
  assert.equal(await side.federation.peers.dspBase("an-edc"), `${protocol}/2025-1`);
});

test("mock identity - its offer is asked for as it wrote it, and the stream comes as a whole", async () => {
  const { negotiations } = side.federation;
  const wanted = { provider: "an-edc", offer: policy["@id"], dataset: "tides" };
  const { pid } = await negotiations.request(wanted);
  await until("asked", () => heard.some(({ path }) => path.endsWith("/negotiations/request")));
  const asked = heard.find(({ path }) => path.endsWith("/negotiations/request"));
  assert.equal(asked?.who, side.did);
  assert.deepEqual(asked?.body["offer"], { ...policy, target: "tides" });
  const agreement = {
    ...{ "@type": "Agreement", "@id": "their-agreement", target: "tides" },
    ...{ assigner: "an-edc", assignee: side.did, timestamp: new Date().toISOString() },
    permission: { action: "use" },
  };
  const pids = { "@id": "one", providerPid: "their-pid", consumerPid: pid };
  const body = message("ContractAgreementMessage", { ...pids, agreement });
  const at = `/negotiations/${encodeURIComponent(pid)}`;
  assert.equal((await call(`${at}/agreement`, edcToken, body)).status, 200);
  await until("verified", () => heard.some(({ path }) => path.endsWith("/verification")));
  const event = { ...pids, "@id": "two", eventType: "FINALIZED" };
  const final = message("ContractNegotiationEventMessage", event);
  assert.equal((await call(`${at}/events`, edcToken, final)).status, 200);
  const kept = side.agreements.get("their-agreement");
  assert.deepEqual([kept?.provider, kept?.topics, kept?.price.amount], ["an-edc", ["#"], "0"]);
});

test("mock identity - an operand this node cannot hold to is named before anything is asked", async () => {
  const before = heard.length;
  const inFrance = { leftOperand: "inFrance", operator: "eq", rightOperand: "yes" };
  const strict = { ...policy, permission: [{ action: "use", constraint: [inFrance] }] };
  const wanted = { provider: "an-edc", offer: policy["@id"], dataset: "tides", policy: strict };
  await assert.rejects(side.federation.negotiations.request(wanted), {
    code: "POLICY_UNENFORCEABLE",
    message: /"inFrance"/,
  });
  assert.equal(heard.length, before);
});
