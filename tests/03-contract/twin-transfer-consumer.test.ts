import { test } from "node:test";
import { twin } from "./twin.ts";
import { isFetchedFrom } from "./twin-transfer.ts";

const sides = twin();

test("TP_C:01-01 - the provider starts and terminates", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0101");
  await transfer.says(transfer.started);
  await transfer.is("STARTED");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP_C:01-02 - the provider starts and completes", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0102");
  await transfer.says(transfer.started);
  await transfer.is("STARTED");
  await transfer.says(transfer.completed);
  await transfer.is("COMPLETED");
});

test("TP_C:01-03 - the provider starts, suspends and terminates", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0103");
  await transfer.says(transfer.started);
  await transfer.says(transfer.suspended);
  await transfer.is("SUSPENDED");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP_C:01-04 - the provider starts, suspends, starts again and completes", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0104");
  await transfer.says(transfer.started);
  await transfer.says(transfer.suspended);
  await transfer.is("SUSPENDED");
  await transfer.says(transfer.started);
  await transfer.is("STARTED");
  await transfer.says(transfer.completed);
  await transfer.is("COMPLETED");
});

test("TP_C:01-05 - the provider terminates what it was asked for", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0105");
  await transfer.says(transfer.terminated);
  await transfer.is("TERMINATED");
});

test("TP_C:02-01 - the consumer terminates what was started", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0201");
  await transfer.says(transfer.started);
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP_C:02-02 - the consumer completes what was started", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0202");
  await transfer.says(transfer.started);
  await transfer.hears("completion");
  await transfer.is("COMPLETED");
});

test("TP_C:02-03 - the consumer suspends, then terminates", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0203");
  await transfer.says(transfer.started);
  await transfer.hears("suspension");
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP_C:02-04 - the consumer suspends, starts again and completes", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0204");
  await transfer.says(transfer.restarted); // the kit's first start has no address
  await transfer.hears("suspension");
  await transfer.hears("start");
  await transfer.hears("completion");
  await transfer.is("COMPLETED");
});

test("TP_C:02-05 - the consumer terminates what it asked for", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0205");
  await transfer.hears("termination");
  await transfer.is("TERMINATED");
});

test("TP_C:03-01 - what is only asked for cannot be completed", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0301");
  await transfer.isRefused(transfer.completed);
  await transfer.is("REQUESTED");
});

test("TP_C:03-02 - what is only asked for cannot be suspended", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0302");
  await transfer.isRefused(transfer.suspended);
  await transfer.is("REQUESTED");
});

test("TP_C:03-03 - what is suspended cannot be completed", async () => {
  const transfer = await isFetchedFrom(sides(), "ATPC0303");
  await transfer.says(transfer.started);
  await transfer.says(transfer.suspended);
  await transfer.isRefused(transfer.completed);
  await transfer.is("SUSPENDED");
});

for (const [id, agreement, act] of [
  ["TP_C:03-04", "ATPC0304", "started"],
  ["TP_C:03-05", "ATPC0305", "suspended"],
  ["TP_C:03-06", "ATPC0306", "completed"],
] as const) {
  test(`${id} - what was terminated cannot be ${act}`, async () => {
    const transfer = await isFetchedFrom(sides(), agreement);
    await transfer.says(transfer.started);
    await transfer.says(transfer.terminated);
    await transfer.isRefused(transfer[act]);
    await transfer.is("TERMINATED");
  });
}
