import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NegotiationAct } from "../../src/client/negotiations.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { rulesOf } from "../../src/market/policy.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const wait = () => ({ do: "wait" }) as const;

let nodes: TwoNodes;

before(async () => {
  const decisions = {
    requested: wait,
    accepted: wait,
    verified: wait,
    offered: wait,
    agreed: wait,
  };
  nodes = await twoNodes({ decisions });
});

after(() => nodes.close());

const stateOf = async (side: "provider" | "consumer", pid: string) =>
  (await nodes[side].http.negotiations.get(pid)).state;

/** A person acts on one side; the other side's state follows. */
async function act(
  [side, pid]: readonly ["provider" | "consumer", string],
  what: NegotiationAct,
  [other, theirs, state]: readonly ["provider" | "consumer", string, string],
  said: { readonly reason?: string; readonly offer?: object } = {},
): Promise<void> {
  await nodes[side].http.negotiations.act(pid, what, said);
  await until(`the ${other} is ${state}`, async () => (await stateOf(other, theirs)) === state);
}

async function asked(product: string) {
  const { provider, consumer } = nodes;
  await provider.http.addProduct({
    id: product,
    title: product,
    topics: ["a/#"],
    terms: { price },
  });
  const { offer } = (await provider.http.find(product))[0] ?? { offer: "none" };
  const wish = { provider: provider.node.did, offer };
  const mine = await consumer.http.negotiations.request(wish);
  assert.equal(mine.state, "REQUESTED");
  const find = async () =>
    (await provider.http.negotiations.list()).find((one) => one.product === product);
  await until("the provider was asked", async () => (await find()) !== undefined);
  const theirs = (await find())?.pid ?? "";
  return { buyer: ["consumer", mine.pid], seller: ["provider", theirs] } as const;
}

test("negotiations - people on both sides haggle to an agreement, step by step", async () => {
  const { buyer, seller } = await asked("haggled");
  const rules = rulesOf({ price, messagesMax: 1_000 });
  const counter = { "@type": "Offer", "@id": "haggled:counter", ...rules };
  await act(seller, "offer", [...buyer, "OFFERED"], { offer: counter });
  const shown = await nodes.consumer.http.negotiations.get(buyer[1]);
  assert.deepEqual((shown.offer as Record<string, unknown>)["permission"], rules.permission);
  await act(buyer, "accept", [...seller, "ACCEPTED"]);
  await act(seller, "agree", [...buyer, "AGREED"]);
  await act(buyer, "verify", [...seller, "VERIFIED"]);
  await act(seller, "finalize", [...buyer, "FINALIZED"]);
  const { agreement = "" } = await nodes.consumer.http.negotiations.get(buyer[1]);
  const policies = [];
  for (const side of ["provider", "consumer"] as const) {
    policies.push((await nodes[side].http.agreement(agreement)).policy);
  }
  assert.deepEqual(policies[0], policies[1]);
  assert.deepEqual((policies[0] as Record<string, unknown>)["permission"], rules.permission);
});

test("negotiations - a step the protocol does not allow is refused by its state", async () => {
  const { buyer, seller } = await asked("refused");
  const isState = (error: unknown) => {
    return error instanceof ComityError && error.code === "STATE_INVALID";
  };
  await assert.rejects(nodes.consumer.http.negotiations.act(buyer[1], "accept"), isState);
  await assert.rejects(nodes.provider.http.negotiations.act(seller[1], "finalize"), isState);
  await act(seller, "terminate", [...buyer, "TERMINATED"], { reason: "not this month" });
  const { problem = "" } = await nodes.consumer.http.negotiations.get(buyer[1]);
  assert.match(problem, /not this month/);
  await assert.rejects(nodes.provider.http.negotiations.act(seller[1], "agree"), isState);
});

test("negotiations - an offer or a request without its terms is refused before anybody is told", async () => {
  const { seller, buyer } = await asked("bare");
  await assert.rejects(
    nodes.provider.http.negotiations.act(seller[1], "offer"),
    /offer is missing/,
  );
  assert.equal(await stateOf("consumer", buyer[1]), "REQUESTED");
});
