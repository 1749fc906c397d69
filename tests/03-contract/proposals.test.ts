/** A seller's first offer and the haggling after it, typed at both sides' command lines. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import type { NegotiationResource } from "../../src/client/negotiations.ts";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { assertFitsItsType, schemasMissing } from "./dsp-schemas.ts";
import { freeProduct, leaveSeat, openSide, takeSeat } from "./side.ts";
import { openStranger } from "./stranger.ts";

type Side = "provider" | "consumer";

let nodes: TwoNodes;

before(async () => {
  nodes = await twoNodes();
  await nodes.provider.http.addPeer(nodes.consumer.node.httpUrl);
  await nodes.provider.http.addProduct({
    id: "buses",
    title: "Buses",
    topics: ["bus/#"],
    delivery: "live",
    terms: { price: { amount: "0.002", currency: "EUR", perMessages: 1 }, fields: ["lat", "lon"] },
  });
});

after(() => nodes.close());

async function typed(side: Side, ...args: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const write = (more: string) => (text += more);
  const { node, token } = nodes[side];
  const env = { COMITY_URL: node.httpUrl, COMITY_TOKEN: token };
  const code = await runCli(args, { stdout: { write }, stderr: { write }, env });
  return { code, text };
}

async function comity(side: Side, ...args: string[]): Promise<NegotiationResource> {
  const { code, text } = await typed(side, "--json", "negotiation", ...args);
  assert.equal(code, 0, text);
  return JSON.parse(text) as NegotiationResource;
}

async function reaches(side: Side, pid: string, state: string): Promise<NegotiationResource> {
  const seen = () => nodes[side].http.negotiations.get(pid);
  await until(`the ${side} sees ${state}`, async () => (await seen()).state === state);
  return seen();
}

/** Our offer, and the pid it has on the consumer's side. */
async function proposed(...flags: string[]): Promise<{ sold: string; bought: string }> {
  const { consumer } = nodes;
  const before = new Set((await consumer.http.negotiations.list()).map(({ pid }) => pid));
  const mine = await comity("provider", "propose", "buses", "--to", "consumer", ...flags);
  assert.equal(mine.state, "OFFERED");
  let theirs: NegotiationResource | undefined;
  await until("the consumer has the offer", async () => {
    theirs = (await consumer.http.negotiations.list()).find(({ pid }) => !before.has(pid));
    return theirs !== undefined;
  });
  assert.deepEqual(
    [theirs?.role, theirs?.state, theirs?.plain],
    ["consumer", "OFFERED", mine.plain],
  );
  return { sold: mine.pid, bought: theirs?.pid ?? "" };
}

const linesOf = ({ promises }: Pick<NegotiationResource, "promises">) =>
  promises.map(({ text }) => text).join(" ");

test("proposal - a seller's offer is taken as it stands", async () => {
  const { sold, bought } = await proposed("--messages-max", "1000");
  await until("people there are told", async () => {
    const { happenings } = await nodes.consumer.http.world();
    return happenings.some(({ text }) => text === "buses: an offer came unasked; with provider");
  });
  assert.equal((await comity("consumer", "accept", bought)).state, "ACCEPTED");
  const { agreement = "" } = await reaches("provider", sold, "FINALIZED");
  await reaches("consumer", bought, "FINALIZED");
  for (const side of ["provider", "consumer"] as const) {
    const made = await nodes[side].http.agreement(agreement);
    assert.equal(made.evidence, "two-sided");
    assert.match(made.plain, /at most 1,000 messages, paying 0.002 EUR per message.*lat and lon/);
  }
});

test("proposal - both sides haggle with flags; what none names stays as it was", async () => {
  const { sold, bought } = await proposed("--messages-max", "1000");
  const flags = ["--messages-max", "5000", "--not-after", "2099-01-01T00:00:00Z"];
  const asked = await comity("consumer", "request", bought, ...flags);
  assert.equal(asked.state, "REQUESTED");
  const seen = await reaches("provider", sold, "REQUESTED");
  assert.equal(seen.plain, asked.plain);
  assert.match(seen.plain, /until 1 January 2099, at most 5,000 messages, paying 0.002 EUR/);
  await comity("provider", "offer", sold, "--price", "0.003 EUR");
  const answered = await reaches("consumer", bought, "OFFERED");
  assert.match(answered.plain, /at most 5,000 messages, paying 0.003 EUR/);
  const { text } = await typed("consumer", "negotiation", "show", bought);
  assert.match(text, /owed .*0\.003 EUR/);
  await comity("consumer", "accept", bought);
  const { agreement = "" } = await reaches("consumer", bought, "FINALIZED");
  const signed = await nodes.provider.http.agreement(agreement);
  assert.equal(linesOf(signed), linesOf(answered));
  assert.equal(signed.price.amount, "0.003");
});

test("proposal - either side ends it, and the other is told why", async () => {
  const first = await proposed();
  await comity("consumer", "terminate", first.bought, "--reason", "too dear");
  assert.match((await reaches("provider", first.sold, "TERMINATED")).problem ?? "", /too dear/);
  const second = await proposed();
  await comity("provider", "terminate", second.sold, "--reason", "sold out");
  assert.match((await reaches("consumer", second.bought, "TERMINATED")).problem ?? "", /sold out/);
});

test("proposal - what cannot be said is refused by name before anybody is told", async () => {
  const { bought } = await proposed();
  const file = join(nodes.consumer.options.data, "offer.json");
  await writeFile(file, "{}");
  const wrongs: readonly (readonly [Side, RegExp, readonly string[]])[] = [
    ["consumer", /takes terms/, ["request", bought]],
    ["consumer", /takes terms/, ["request", bought, "--file", file, "--messages-max", "5"]],
    ["consumer", /--per needs a --price/, ["request", bought, "--per", "10"]],
    ["consumer", /round names "speed"/, ["request", bought, "--round", "speed=1"]],
    ["provider", /no product none/, ["propose", "none", "--to", "consumer"]],
    ["provider", /it is this node/, ["propose", "buses", "--to", nodes.provider.node.did]],
    [
      "provider",
      /"train\/#" is not among/,
      ["propose", "buses", "--to", "consumer", "--only-topic", "train/#"],
    ],
  ];
  for (const [side, named, args] of wrongs) {
    const { code, text } = await typed(side, "negotiation", ...args);
    assert.equal(code, 1, args.join(" "));
    assert.match(text, named);
  }
  const { http } = nodes.consumer;
  const offer = { "@type": "Offer", "@id": "x", permission: [{ action: "use" }] };
  const both = http.negotiations.act(bought, "request", { offer, terms: { messagesMax: 1 } });
  await assert.rejects(both, { code: "BODY_INVALID", message: /exclude each other/ });
  const priced = { terms: { price: { amount: "abc", currency: "EUR", perMessages: 1 } } };
  await assert.rejects(http.negotiations.act(bought, "request", priced), /price/);
  assert.equal((await http.negotiations.get(bought)).state, "OFFERED");
});

/** A seller, and a connector that answers a first offer only when it is let. */
async function withConnector(t: TestContext) {
  const seats = [await takeSeat("seller"), await takeSeat("connector")] as const;
  const seller = await openSide(seats[0], seats);
  await seller.catalogue.add(freeProduct);
  const consumerPid = "urn:uuid:connector";
  const { promise: isLet, resolve: answers } = Promise.withResolvers<void>();
  const connector = await openStranger(seats[1], async (path, { providerPid }) => {
    if (!path.endsWith("/negotiations/offers")) return undefined;
    await isLet;
    const pids = { providerPid: String(providerPid), consumerPid };
    const body = message("ContractNegotiation", { ...pids, state: "OFFERED" });
    return { status: 201, body: body as unknown as Record<string, unknown> };
  });
  t.after(async () => {
    answers();
    await connector.stop();
    await seller.stop();
    await Promise.all(seats.map(leaveSeat));
  });
  const { negotiations } = seller.federation;
  const about = { consumer: connector.did, product: freeProduct.id };
  const reserved = { ...freeProduct, id: "reserved", reservedFor: "did:web:another.example" };
  await seller.catalogue.add(reserved);
  const refused = negotiations.propose({ ...about, product: "reserved" });
  await assert.rejects(refused, /reserved for did:web:another/);
  const { pid } = await negotiations.propose(about);
  const { body } = await connector.waitFor("the offer", ({ path }) => path.endsWith("/offers"));
  if (!schemasMissing) assertFitsItsType(body);
  assert.equal(body["providerPid"], pid);
  return { seller, negotiations, connector, answers, pid, consumerPid };
}

test("proposal - one that ended on its way is ended there as soon as its pid there is known", async (t) => {
  const { negotiations, connector, answers, pid, consumerPid } = await withConnector(t);
  await negotiations.move(pid, { do: "terminate", reason: "a slip" });
  answers();
  const said = await connector.heard(`/${encodeURIComponent(consumerPid)}/termination`);
  assert.deepEqual([said["providerPid"], said["consumerPid"]], [pid, consumerPid]);
  assert.deepEqual(said["reason"], ["a slip"]);
});

test("proposal - a connector may accept before it has answered, and gets its agreement", async (t) => {
  const { seller, negotiations, connector, answers, pid, consumerPid } = await withConnector(t);
  const event = { providerPid: pid, consumerPid, eventType: "ACCEPTED" };
  const at = `${dspPath}/negotiations/${encodeURIComponent(pid)}/events`;
  const said = message("ContractNegotiationEventMessage", event);
  assert.equal((await connector.call(seller, at, said)).status, 200);
  assert.equal((await negotiations.need(pid)).consumerPid, consumerPid);
  answers();
  const { agreement } = await connector.heard(`/${encodeURIComponent(consumerPid)}/agreement`);
  assert.equal((agreement as { assignee: string }).assignee, connector.did);
});
