/** Directory of Things: registrations a second, and how long one read takes among very many. */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeOptions, startTestNode } from "../tests/two-nodes.ts";

const writers = 128;
const reads = 5_000;

/** A whole node at its HTTP door; `scale` 1 is 100,000 Things. */
export async function thingsBench(options: { json: boolean; scale: number }): Promise<void> {
  const count = Math.round(100_000 * options.scale);
  const folder = await mkdtemp(join(tmpdir(), "comity-bench-things-"));
  const node = await startTestNode(await nodeOptions(folder));
  const agent = new Agent({ keepAlive: true, maxSockets: writers });
  const { hostname, port } = new URL(node.node.httpUrl);
  const ask = (method: string, path: string, body?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${node.token}`,
        ...(body !== undefined && { "content-type": "application/td+json" }),
      };
      request({ agent, hostname, port, method, path, headers }, (answer) => {
        answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
      })
        .once("error", reject)
        .end(body);
    });
  try {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    let next = 0;
    const write = async (): Promise<void> => {
      for (let i = next++; i < count; i = next++) {
        const status = await ask("PUT", `/things/${idOf(i)}`, JSON.stringify(tdOf(i)));
        if (status !== 201) throw new Error(`registration ${i} was answered ${status}`);
      }
    };
    await Promise.all(Array.from({ length: writers }, write));
    const createPerSecond = count / ((performance.now() - startedAt) / 1000);
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMicros = (user + system) / count;
    const read = await timesOf((i) => ask("GET", `/things/${idOf((i * 7_919) % count)}`));
    const list = await timesOf(
      (i) => ask("GET", `/things?limit=10&offset=${(i * 7_919) % count}`),
      reads / 10,
    );
    const memoryMb = process.memoryUsage().rss / 1e6;
    const row = { count, createPerSecond, cpuMicros, readMs: read, pageOf10Ms: list, memoryMb };
    if (options.json) return console.log(JSON.stringify(row));
    console.log(`Things ${count.toLocaleString("en")}, client and node in one process`);
    console.log(`  create      ${Math.round(createPerSecond).toLocaleString("en")}/s`);
    console.log(`              ${Math.round(cpuMicros)} µs of CPU each, the client's included`);
    for (const [name, { p50, p99 }] of Object.entries({ read, "page of 10": list })) {
      console.log(`  ${name.padEnd(12)}p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
    }
    console.log(`  memory      ${Math.round(memoryMb)} MB resident, the client's included`);
  } finally {
    agent.destroy();
    await node.node.close();
    await rm(folder, { recursive: true });
  }
}

async function timesOf(run: (i: number) => Promise<number>, rounds = reads) {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const at = performance.now();
    if ((await run(i)) !== 200) throw new Error(`read ${i} failed`);
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

function idOf(i: number): string {
  return `urn:bench:thing:${String(i).padStart(7, "0")}`;
}

/** Of some 1.2 kB, with ten properties, as a meter has. */
function tdOf(i: number): object {
  const properties = Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [
      `value${n}`,
      { type: "number", unit: "kW", readOnly: true, forms: [{ href: `/values/${n}` }] },
    ]),
  );
  return {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    id: idOf(i),
    title: `Meter ${i}`,
    base: `https://meter-${i}.example`,
    securityDefinitions: { bearer: { scheme: "bearer" } },
    security: "bearer",
    properties,
  };
}
