import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { NodeOptions } from "../../src/node.ts";
import { freePort } from "../free-port.ts";
import { nodeOptions, startTestNode, type TestNode } from "../two-nodes.ts";

/** A node that lets nobody in without a credential, for a whole test file; it can be restarted. */
export async function guardedNode(more: Partial<NodeOptions> = {}): Promise<{
  readonly running: TestNode;
  restart(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "comity-onboarding-"));
  const options = await nodeOptions(folder, {
    ...{ name: "plant", title: "The plant" },
    mqtt: { host: "127.0.0.1", port: await freePort() },
    ...more,
  });
  let running = await startTestNode(options);
  after(async () => {
    await running.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get running() {
      return running;
    },
    restart: async () => {
      await running.node.close();
      running = await startTestNode(options);
    },
  };
}
