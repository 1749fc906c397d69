import assert from "node:assert/strict";
import { test } from "node:test";
import { twin } from "./twin.ts";
import { isAskedFor } from "./twin-negotiation.ts";

const sides = twin();

test("CN_C:01-01 - offer, acceptance, agreement, verification, finalization", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0101");
  await negotiation.says(negotiation.offered());
  assert.equal((await negotiation.hears("events"))["eventType"], "ACCEPTED");
  await negotiation.says(negotiation.agreed());
  await negotiation.hears("agreement/verification");
  await negotiation.says(negotiation.finalized);
  await negotiation.is("FINALIZED");
});

test("CN_C:01-02 - the consumer makes a counter-offer; the provider terminates", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0102");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("request");
  await negotiation.is("REQUESTED");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN_C:01-03 - the consumer terminates what it was offered", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0103");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN_C:01-04 - agreement at once, verification, finalization", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0104");
  await negotiation.says(negotiation.agreed());
  await negotiation.hears("agreement/verification");
  await negotiation.says(negotiation.finalized);
  await negotiation.is("FINALIZED");
});

test("CN_C:02-01 - the provider terminates what it was asked for", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0201");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN_C:02-02 - the consumer terminates what it asked for", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0202");
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN_C:02-03 - the consumer terminates what was agreed to", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0203");
  await negotiation.says(negotiation.agreed());
  await negotiation.hears("termination");
  await negotiation.is("TERMINATED");
});

test("CN_C:02-04 - the provider terminates what it offered", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0204");
  await negotiation.says(negotiation.offered());
  await negotiation.is("OFFERED");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN_C:02-05 - the provider terminates what was accepted", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0205");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("events");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN_C:02-06 - the provider terminates what was verified", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0206");
  await negotiation.says(negotiation.agreed());
  await negotiation.hears("agreement/verification");
  await negotiation.says(negotiation.terminated);
  await negotiation.is("TERMINATED");
});

test("CN_C:03-01 - a request cannot be finalized", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0301");
  await negotiation.isRefused(negotiation.finalized);
  await negotiation.is("REQUESTED");
});

test("CN_C:03-02 - an offer that is not accepted cannot be agreed to", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0302");
  await negotiation.says(negotiation.offered());
  await negotiation.is("OFFERED");
  await negotiation.isRefused(negotiation.agreed());
  await negotiation.is("OFFERED");
});

test("CN_C:03-03 - an offer cannot be finalized", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0303");
  await negotiation.says(negotiation.offered());
  await negotiation.isRefused(negotiation.finalized);
  await negotiation.is("OFFERED");
});

test("CN_C:03-04 - an accepted offer cannot be finalized before it is agreed to", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0304");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("events");
  await negotiation.isRefused(negotiation.finalized);
  await negotiation.is("ACCEPTED");
});

test("CN_C:03-05 - what was accepted is not offered anew", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0305");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("events");
  await negotiation.isRefused(negotiation.offered());
  await negotiation.is("ACCEPTED");
});

test("CN_C:03-06 - an agreement cannot be finalized before it is verified", async () => {
  const negotiation = await isAskedFor(sides(), "ACNC0306");
  await negotiation.says(negotiation.offered());
  await negotiation.hears("events");
  await negotiation.says(negotiation.agreed());
  await negotiation.is("AGREED");
  await negotiation.isRefused(negotiation.finalized);
  await negotiation.is("AGREED");
});
