import assert from "node:assert/strict";
import { test } from "node:test";
import { twin } from "./twin.ts";
import { asksFor } from "./twin-negotiation.ts";

const sides = twin();

test("CN:01-01 - an offer comes; the consumer terminates", async () => {
  const negotiation = await asksFor(sides(), "ACN0101");
  await negotiation.hears("offers");
  await negotiation.is("OFFERED");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN:01-02 - a counter-offer is taken; the provider terminates", async () => {
  const negotiation = await asksFor(sides(), "ACN0102");
  await negotiation.hears("offers");
  await negotiation.says(negotiation.counterOffer());
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN:01-03 - offer, acceptance, agreement, verification, finalization", async () => {
  const negotiation = await asksFor(sides(), "ACN0103");
  const { offer } = await negotiation.hears("offers");
  await negotiation.says(negotiation.accepted);
  const { agreement } = await negotiation.hears("agreement");
  const rules = (policy: unknown) => (policy as Record<string, unknown>)["permission"];
  assert.deepEqual(rules(agreement), rules(offer));
  await negotiation.says(negotiation.verified);
  assert.equal((await negotiation.hears("events"))["eventType"], "FINALIZED");
  await negotiation.is("FINALIZED");
});

test("CN:01-04 - agreement at once, verification, finalization", async () => {
  const negotiation = await asksFor(sides(), "ACN0104");
  await negotiation.hears("agreement");
  await negotiation.says(negotiation.verified);
  assert.equal((await negotiation.hears("events"))["eventType"], "FINALIZED");
  await negotiation.is("FINALIZED");
});

test("CN:02-01 - the provider terminates what was asked for", async () => {
  const negotiation = await asksFor(sides(), "ACN0201");
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN:02-02 - the consumer terminates what it asked for", async () => {
  const negotiation = await asksFor(sides(), "ACN0202");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN:02-03 - the consumer terminates what was agreed to", async () => {
  const negotiation = await asksFor(sides(), "ACN0203");
  await negotiation.hears("agreement");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN:02-04 - the consumer terminates what was offered", async () => {
  const negotiation = await asksFor(sides(), "ACN0204");
  await negotiation.hears("offers");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN:02-05 - the provider terminates what it offered", async () => {
  const negotiation = await asksFor(sides(), "ACN0205");
  await negotiation.hears("offers");
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN:02-06 - the provider terminates what was accepted", async () => {
  const negotiation = await asksFor(sides(), "ACN0206");
  await negotiation.hears("offers");
  await negotiation.says(negotiation.accepted);
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN:02-07 - the provider terminates what was verified", async () => {
  const negotiation = await asksFor(sides(), "ACN0207");
  await negotiation.hears("agreement");
  await negotiation.says(negotiation.verified);
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN:03-01 - what is final cannot be terminated", async () => {
  const negotiation = await asksFor(sides(), "ACN0301");
  await negotiation.hears("agreement");
  await negotiation.says(negotiation.verified);
  await negotiation.hears("events");
  await negotiation.is("FINALIZED");
  await negotiation.isRefused(negotiation.terminated);
});

test("CN:03-02 - an offer cannot be verified", async () => {
  const negotiation = await asksFor(sides(), "ACN0302");
  await negotiation.hears("offers");
  await negotiation.is("OFFERED");
  await negotiation.isRefused(negotiation.verified);
});

test("CN:03-03 - an accepted offer cannot be verified before it is agreed to", async () => {
  const negotiation = await asksFor(sides(), "ACN0303");
  await negotiation.hears("offers");
  await negotiation.says(negotiation.accepted);
  await negotiation.is("ACCEPTED");
  await negotiation.isRefused(negotiation.verified);
});

test("CN:03-04 - a second counter-offer waits for an answer to the first", async () => {
  const negotiation = await asksFor(sides(), "ACN0304");
  await negotiation.hears("offers");
  await negotiation.says(negotiation.counterOffer());
  await negotiation.is("REQUESTED");
  await negotiation.isRefused(negotiation.counterOffer());
});
