import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pickPort } from "./ports.ts";

const host = "127.0.0.1";

test("ports - a busy port is named and the next free one taken", async () => {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const busy: number[] = [];
  const picked = await pickPort(host, port, new Set(), (p) => busy.push(p));
  assert.ok(picked > port);
  assert.equal(busy[0], port);
  server.close();
});

test("ports - one that is taken by another node of the world is left out", async () => {
  const first = await pickPort(host, 0, new Set(), () => {});
  const second = await pickPort(host, first, new Set([first]), () => {});
  assert.ok(second > first);
});
