import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { residentBytes } from "../process-usage.ts";
import { until } from "../two-nodes.ts";
import { type NodeChild, twoChildren } from "./node-child.ts";

const messages = 8000;
/** Random text: nothing of it goes away by compression. */
const noise = randomBytes(1 << 20).toString("base64");
const payloadChars = 6000;
const logBytes = messages * payloadChars;
const inFlight = 500;

function payloadOf(n: number): string {
  const at = (n * 7919) % (noise.length - payloadChars);
  return `${n} ${noise.slice(at, at + payloadChars)}`;
}

async function publishAll({ mqttUrl: url, token }: NodeChild): Promise<void> {
  const device = await connectMqtt({ url, username: "admin", password: token });
  for (let n = 0; n < messages; n += inFlight) {
    const some = Array.from({ length: inFlight }, (_, i) => payloadOf(n + i));
    await Promise.all(some.map((text) => device.publish("soil/a", text, { qos: 1 })));
  }
  await device.end();
}

/** The most that each took, looked at often, until `work` is done. */
async function peaksDuring(nodes: readonly NodeChild[], work: Promise<void>): Promise<number[]> {
  const peaks = nodes.map((node) => residentBytes(node.pid));
  const done = { yet: false };
  void work.finally(() => (done.yet = true)).catch(() => {}); // awaited below
  while (!done.yet) {
    for (const [i, node] of nodes.entries())
      peaks[i] = Math.max(peaks[i]!, residentBytes(node.pid));
    await sleep(20);
  }
  await work;
  return peaks;
}

const skip = process.platform === "linux" ? false : "memory is read from /proc";

test(
  "link - who comes back to a long log gets all of it once and in order",
  { skip },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "comity-offline-"));
    const { provider, consumer } = await twoChildren(folder);
    t.after(async () => {
      await Promise.all([provider.stop(), consumer.stop()]);
      await rm(folder, { recursive: true, force: true });
    });
    provider.start();
    consumer.start();
    await Promise.all([provider.ready(), consumer.ready()]);
    await consumer.http.addPeer(provider.url);
    await provider.http.addProduct({
      ...{ id: "soil", title: "Soil", topics: ["soil/+"], delivery: "logged" },
      terms: { price: { amount: "0.002", currency: "EUR", perMessages: 1 } },
    });
    const [offer] = await consumer.http.find("soil");
    const { id } = await consumer.http.agree(offer!.offer, offer!.provider);
    await consumer.http.link(id, "cut");
    await publishAll(provider);
    // What the provider's process still holds of what it took in is not the link's.
    provider.kill();
    await provider.ended(10_000);
    provider.start();
    await provider.ready();

    const counted = async (node: NodeChild) => (await node.http.usage())[0]?.messages ?? 0;
    const before = [residentBytes(provider.pid), residentBytes(consumer.pid)];
    const began = performance.now();
    await consumer.http.link(id, "mend");
    const peaks = await peaksDuring(
      [provider, consumer],
      until("all of it has come", async () => (await counted(consumer)) === messages, 60_000),
    );
    const seconds = (performance.now() - began) / 1000;
    const grown = peaks.map((peak, i) => peak - before[i]!);
    const mib = grown.map((bytes) => Math.round(bytes / 2 ** 20));
    t.diagnostic(
      `${Math.round(logBytes / 2 ** 20)} MiB in ${seconds.toFixed(1)} s; ` +
        `grown by ${mib[0]} MiB (provider) and ${mib[1]} MiB (consumer)`,
    );
    await until("all is acknowledged", async () => (await counted(provider)) === messages);
    let n = 0;
    for await (const { payload } of consumer.http.readLog("from/provider/soil", {
      limit: 1_000_000,
    })) {
      if (payload !== payloadOf(n)) assert.fail(`message ${n} is ${payload?.slice(0, 40)}…`);
      n++;
    }
    assert.equal(n, messages);
  },
);
