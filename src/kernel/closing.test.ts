import assert from "node:assert/strict";
import { test } from "node:test";
import { Closing } from "./closing.ts";

test("closing - closes in reverse, once, and goes on where one step fails", async () => {
  const said: string[] = [];
  const closing = new Closing((name, error) => said.push(`${name} failed: ${String(error)}`));
  closing.add("store", () => void said.push("store"));
  closing.add("meter", () => Promise.reject(new Error("the disk is full")));
  closing.add("flow", () => {
    throw new Error("no flow");
  });
  closing.add("links", async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    said.push("links");
  });
  await Promise.all([closing.close(), closing.close()]);
  await closing.close();
  assert.deepEqual(said, [
    "links",
    "flow failed: Error: no flow",
    "meter failed: Error: the disk is full",
    "store",
  ]);
});
