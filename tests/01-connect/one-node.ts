import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { MqttLimits } from "../../src/connect/mqtt/limits.ts";
import type { NodeOptions } from "../../src/node.ts";
import { freePort } from "../free-port.ts";
import { startTestNode, type TestNode } from "../two-nodes.ts";

/** One node for a whole test file, open to anonymous clients; it ends with the file. */
export async function oneNode(
  limits: Partial<MqttLimits> = {},
  more: Partial<NodeOptions> = {},
): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "comity-connect-"));
  const port = await freePort();
  const node = await startTestNode({
    name: "door",
    title: "The door",
    country: "NL",
    currency: "EUR",
    place: { lat: 51.9, lon: 4.5 },
    data: folder,
    http: { host: "127.0.0.1", port },
    mqtt: { host: "127.0.0.1", port: 0 },
    localPeers: [],
    dev: true,
    publicWorld: false,
    receiptWindowMs: 1000,
    logLevel: "error",
    limits,
    ...more,
  });
  after(async () => {
    await node.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  return node;
}
