import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { MqttLimits } from "../../src/connect/mqtt/limits.ts";
import type { NodeOptions } from "../../src/node.ts";
import { nodeOptions, startTestNode, type TestNode } from "../two-nodes.ts";

/** One node for a whole test file, open to anonymous clients; it ends with the file. */
export async function oneNode(
  limits: Partial<MqttLimits> = {},
  more: Partial<NodeOptions> = {},
): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "comity-connect-"));
  const door = { name: "door", title: "The door", dev: true, limits };
  const node = await startTestNode(await nodeOptions(folder, { ...door, ...more }));
  after(async () => {
    await node.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  return node;
}
