import { test } from "node:test";
import { twin } from "./twin.ts";
import { fetches } from "./twin-transfer.ts";

const sides = twin();

test("TP:01-01 - the provider starts and terminates", async () => {
  const transfer = await fetches(sides(), "ATP0101");
  await transfer.hears("start");
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP:01-02 - the provider starts and completes", async () => {
  const transfer = await fetches(sides(), "ATP0102");
  await transfer.hears("start");
  await transfer.hears("completion");
  await transfer.is("COMPLETED");
});

test("TP:01-03 - the provider starts, suspends and terminates", async () => {
  const transfer = await fetches(sides(), "ATP0103");
  await transfer.hears("start");
  await transfer.hears("suspension");
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP:01-04 - the provider starts, suspends, starts again and completes", async () => {
  const transfer = await fetches(sides(), "ATP0104");
  await transfer.hears("start");
  await transfer.hears("suspension");
  await transfer.hears("start");
  await transfer.hears("completion");
  await transfer.is("COMPLETED");
});

test("TP:01-05 - the provider terminates what was asked for", async () => {
  const transfer = await fetches(sides(), "ATP0105");
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP:02-01 - the consumer terminates what was started", async () => {
  const transfer = await fetches(sides(), "ATP0201");
  await transfer.hears("start");
  await transfer.is("STARTED");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP:02-02 - the consumer completes what was started", async () => {
  const transfer = await fetches(sides(), "ATP0202");
  await transfer.hears("start");
  await transfer.says(transfer.completed);
  await transfer.is("COMPLETED");
});

test("TP:02-03 - the consumer suspends, then terminates", async () => {
  const transfer = await fetches(sides(), "ATP0203");
  await transfer.hears("start");
  await transfer.says(transfer.suspended);
  await transfer.is("SUSPENDED");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP:02-04 - the consumer suspends, starts again and completes", async () => {
  const transfer = await fetches(sides(), "ATP0204");
  await transfer.hears("start");
  await transfer.says(transfer.suspended);
  await transfer.is("SUSPENDED");
  await transfer.says(transfer.restarted);
  await transfer.is("STARTED");
  await transfer.says(transfer.completed);
  await transfer.is("COMPLETED");
});

test("TP:02-05 - the consumer terminates what it asked for", async () => {
  const transfer = await fetches(sides(), "ATP0205");
  await transfer.is("REQUESTED");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP:03-01 - what is only asked for cannot be completed", async () => {
  const transfer = await fetches(sides(), "ATP0301");
  await transfer.isRefused(transfer.completed);
  await transfer.is("REQUESTED");
});

test("TP:03-02 - what is only asked for cannot be suspended", async () => {
  const transfer = await fetches(sides(), "ATP0302");
  await transfer.isRefused(transfer.suspended);
  await transfer.is("REQUESTED");
});

test("TP:03-03 - what is suspended cannot be completed", async () => {
  const transfer = await fetches(sides(), "ATP0303");
  await transfer.hears("start");
  await transfer.says(transfer.suspended);
  await transfer.isRefused(transfer.completed);
  await transfer.is("SUSPENDED");
});

for (const [id, agreement, act] of [
  ["TP:03-04", "ATP0304", "restarted"],
  ["TP:03-05", "ATP0305", "suspended"],
  ["TP:03-06", "ATP0306", "completed"],
] as const) {
  test(`${id} - what was terminated cannot be ${act}`, async () => {
    const transfer = await fetches(sides(), agreement);
    await transfer.hears("start");
    await transfer.says(transfer.terminated);
    await transfer.isRefused(transfer[act]);
    await transfer.is("TERMINATED");
  });
}
