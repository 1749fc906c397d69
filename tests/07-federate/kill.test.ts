import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseMap } from "../../src/cli/replay/map.ts";
import { publishAll } from "../../src/cli/replay/publish.ts";
import { fileName, type ReplayMessage, replayMessages } from "../../src/cli/replay/rows.ts";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { CrashPoint } from "../../src/kernel/crash.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { type Random, seededRandom } from "../../src/world/random.ts";
import { until } from "../two-nodes.ts";
import { type NodeChild, twoChildren } from "./node-child.ts";
import {
  absent,
  assertCounted,
  assertSameRows,
  assertStated,
  expectedRows,
  filesOf,
  hasSigned,
  monthsSince,
  owedMicro,
  readWholeLog,
  type Recording,
} from "./recorded.ts";

/** Another run takes another seed; a failure names it. */
const seed = Number(process.env["COMITY_SEED"] ?? randomInt(2 ** 31));
const killsPerSide = 20;
const price = { amount: "0.0017", currency: "EUR", perMessages: 7 };
const recording: Recording = {
  folder: "industry/skab-pump-testbed/other",
  map: `{ topic: "pumps/{file}", payload: "*", delimiter: ";" }`,
  delimiter: ";",
  topic: (file) => `pumps/${file}`,
};

type Side = "provider" | "consumer";

/** Every named point on the side where it is passed, and how many passages it may wait for. */
const points: Readonly<Record<Side, readonly (readonly [CrashPoint, number])[]>> = {
  provider: [
    ["log.appending", 12],
    ["log.committed", 12], // between commit and PUBACK
    ["usage.committed", 8],
    ["receipt.stored", 3],
    ["receipt.signed", 3], // between the two signatures
    ["receipt.answered", 3],
  ],
  consumer: [
    ["link.received", 12],
    ["link.committed", 8],
    ["receipt.cosigned", 3], // co-signed and not answered
  ],
};

/** A named point, `log.committed:3`, or so many milliseconds after the process was started. */
type Kill = string | number;

/** Each named point at its first passage and at a later one; the rest at any time. */
function killsOf(side: Side, random: Random): Kill[] {
  const kills: Kill[] = points[side].flatMap(([point, nMax]) => [
    `${point}:1`,
    `${point}:${2 + Math.floor(random() * (nMax - 1))}`,
  ]);
  while (kills.length < killsPerSide) kills.push(Math.floor(100 + random() * 1200));
  for (let i = kills.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [kills[i], kills[j]] = [kills[j]!, kills[i]!];
  }
  return kills;
}

async function agree(provider: NodeChild, consumer: NodeChild): Promise<string> {
  await consumer.http.addPeer(provider.url);
  await provider.http.addProduct({
    ...{ id: "pumps", title: "Pump testbed", topics: ["pumps/+"], delivery: "logged" },
    terms: { price },
  });
  const [offer] = await consumer.http.find("pumps");
  const { id } = await consumer.http.agree(offer!.offer, offer!.provider);
  return id;
}

/** Kills the node at each of these and starts it again on its data; at the end it runs. */
async function killAll(node: NodeChild, kills: readonly Kill[], pace: Pace): Promise<void> {
  for (const kill of kills) {
    const where = `${node.settings.name} at ${kill}`;
    if (typeof kill === "number") {
      node.start();
      await sleep(kill);
      node.kill();
    } else node.start(kill);
    const how = await node.ended(60_000);
    assert.equal(how, "SIGKILL", `seed ${seed}, ${where}: it did not die there: ${node.said}`);
    pace.killed(where);
  }
  node.start();
  await node.ready();
}

/** The files' rows, spread over the kills: each of them falls into a moving stream. */
class Pace {
  readonly #rows: number;
  readonly #kills: number;
  readonly #random: Random;
  readonly #done: string[] = [];
  #given = 0;

  constructor(rows: number, kills: number, random: Random) {
    this.#rows = rows;
    this.#kills = kills;
    this.#random = random;
  }

  killed(where: string): void {
    this.#done.push(`${where}, row ${this.#given}`);
  }

  /** What a failure needs to be understood and repeated. */
  get history(): string {
    return `; seed ${seed}; killed: ${this.#done.join("; ")}`;
  }

  async *paced(messages: AsyncIterable<ReplayMessage>): AsyncGenerator<ReplayMessage> {
    for await (const message of messages) {
      yield message;
      this.#given++;
      if (this.#done.length === this.#kills) continue;
      const share = (this.#rows * (this.#done.length + 1)) / (this.#kills + 1);
      // Behind its share the stream comes in bursts, ahead of it in drops.
      if (this.#given > share) await sleep(40);
      else if (this.#random() < 0.3) await sleep(1 + this.#random() * 15);
    }
  }
}

/** Replays the files one after the other; what the provider acknowledged. */
async function replayAll(provider: NodeChild, pace: Pace, signal: AbortSignal): Promise<number> {
  const map = parseMap("map.yaml", recording.map);
  const login = { url: provider.mqttUrl, username: "token", password: provider.token };
  let acknowledged = 0;
  for (const file of filesOf(recording)) {
    acknowledged += await publishAll({
      connect: () => connectMqtt(login),
      messages: pace.paced(replayMessages(file, map, { timed: false })),
      producer: fileName(file),
      speed: Infinity,
      clock: systemClock,
      retryMs: 60_000,
      reachedBefore: true,
      signal,
    });
  }
  return acknowledged;
}

interface Receipt {
  readonly state: string;
  readonly body: { readonly seq: number; readonly messages: number; readonly amountMicro: string };
  readonly signatures: readonly unknown[];
}

/** Each receipt once, both signatures under each, up to the last message, on both sides alike. */
async function assertReceipts(
  sides: readonly NodeChild[],
  agreement: string,
  months: readonly string[],
  count: number,
): Promise<number> {
  const chains = await Promise.all(
    sides.map(async ({ http }) => {
      const bills = await Promise.allSettled(months.map((month) => http.bill(month, agreement)));
      const bill = bills.findLast((one) => one.status === "fulfilled")?.value;
      const { chain } = await verifyBill(bill);
      const receipts: Receipt[] = [];
      for (let page: Receipt[] = []; receipts.length === 0 || page.length > 0;) {
        page = (await http.receipts(agreement, { after: receipts.length })) as Receipt[];
        receipts.push(...page);
      }
      assert.deepEqual(
        receipts.map(({ body, state, signatures }) => [body.seq, state, signatures.length]),
        Array.from({ length: chain!.to }, (_, i) => [i + 1, "cosigned", 2]),
      );
      const { messages, amountMicro } = receipts.at(-1)!.body;
      assert.deepEqual([messages, amountMicro], [count, String(owedMicro(price, count))]);
      return receipts.map(({ body, signatures }) => ({ body, signatures }));
    }),
  );
  assert.deepEqual(chains[1], chains[0]);
  return chains[0]!.length;
}

const title = `kill -9 - at ${killsPerSide} points of each side nothing is lost, twice or unsigned`;
test(title, { skip: absent(recording.folder) }, async (t) => {
  t.diagnostic(`COMITY_SEED=${seed}`);
  const startedAt = Date.now();
  const folder = await mkdtemp(join(tmpdir(), "comity-kill-"));
  const { provider, consumer } = await twoChildren(folder);
  const sides = [provider, consumer];
  const over = new AbortController();
  t.after(async () => {
    over.abort();
    await Promise.all(sides.map((side) => side.stop()));
    await rm(folder, { recursive: true });
  });
  for (const side of sides) side.start();
  for (const side of sides) await side.ready();
  const agreement = await agree(provider, consumer);
  for (const side of sides) side.kill();
  for (const side of sides) await side.ended(10_000);

  const random = seededRandom(seed);
  const kills = { provider: killsOf("provider", random), consumer: killsOf("consumer", random) };
  const expected = expectedRows(recording);
  const pace = new Pace(expected.length, 2 * killsPerSide, random);
  const [acknowledged] = await Promise.all([
    replayAll(provider, pace, over.signal),
    killAll(provider, kills.provider, pace),
    killAll(consumer, kills.consumer, pace),
  ]);
  t.diagnostic(`${2 * killsPerSide} kills in ${Date.now() - startedAt} ms`);
  assert.equal(acknowledged, expected.length, `acknowledged rows${pace.history}`);

  const usages = () => Promise.all(sides.map(({ http }) => http.usage()));
  const received = () => readWholeLog(consumer.http, "from/provider/pumps");
  const signed = hasSigned(usages, expected.length);
  await until("all is signed", signed, 60_000).catch(async (error: unknown) => {
    const stand = { usages: await usages(), links: (await consumer.http.status()).links };
    t.diagnostic(JSON.stringify(stand));
    assertSameRows(await received(), expected, pace.history);
    throw new Error(`not all is signed${pace.history}`, { cause: error });
  });
  const lines = await received();
  assertSameRows(lines, expected, pace.history);
  assertCounted(await usages(), lines);
  const months = monthsSince(startedAt);
  const https = sides.map(({ http }) => http);
  await assertStated(https, months, price, expected.length);
  const receipts = await assertReceipts(sides, agreement, months, expected.length);
  t.diagnostic(`${receipts} receipts, ${Date.now() - startedAt} ms`);
});
