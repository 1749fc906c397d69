import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PublishOptions } from "../../client/types.ts";
import { systemClock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { messageOf, parseMap, parseTime } from "./map.ts";
import { progressText } from "./progress.ts";
import { publishAll, type ReplayClient } from "./publish.ts";
import { type ReplayMessage, replayMessages } from "./rows.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-replay-"));
});
after(() => rm(folder, { recursive: true }));

async function rowsOf(text: string, map: string, timed = false): Promise<ReplayMessage[]> {
  const path = join(folder, "valve.csv");
  await writeFile(path, text);
  const found: ReplayMessage[] = [];
  for await (const row of replayMessages(path, parseMap("map.yaml", map), { timed })) {
    found.push(row);
  }
  return found;
}

test("replay - a row becomes a message with its cells as they were written", async () => {
  const [first, second, ...rest] = await rowsOf(
    '\ufefftime;Volume Flow RateRMS;note\n2020-02-08 16:47:11;0.0540;"a;""b"""\n2020-02-08 16:47:12;1e3;\n',
    'topic: "pump/{file}"\ndelimiter: ";"\npayload: {at: time, flow: Volume Flow RateRMS, note: note}\n',
  );
  assert.deepEqual(first, {
    seq: 1,
    topic: "pump/valve",
    payload: '{"at":"2020-02-08 16:47:11","flow":"0.0540","note":"a;\\"b\\""}',
    at: undefined,
  });
  assert.equal(second?.payload, '{"at":"2020-02-08 16:47:12","flow":"1e3","note":""}');
  assert.deepEqual(rest, []);
});

test("replay - templates fill in columns, and all columns go under their own names", async () => {
  const map = 'topic: "soil/{sensor}"\npayload: "*"\ntime: "{day} {hour}:00"\n';
  const [row] = await rowsOf("day,hour,sensor\n2022-11-15,7,a/b#\n", map, true);
  assert.equal(row?.topic, "soil/a_b_", "a cell is one level of a topic and no wildcard");
  assert.equal(row?.payload, '{"day":"2022-11-15","hour":"7","sensor":"a/b#"}');
  assert.equal(row?.at, Date.parse("2022-11-15T07:00:00Z"));
});

test("replay - times are read in the forms recordings have, UTC where they name no zone", () => {
  const at = Date.parse("2022-03-18T04:33:00Z");
  assert.equal(parseTime("2022-03-18 04:33:00"), at);
  assert.equal(parseTime("2022-03-18T04:33"), at);
  assert.equal(parseTime("2022-03-18 04:33:00-07:00"), at + 7 * 3_600_000);
  assert.equal(parseTime("2022-03-18T04:33:00.1234567+0000"), at + 123);
  assert.equal(parseTime(String(at / 1000)), at);
  assert.equal(parseTime(String(at)), at);
  assert.equal(parseTime("18.3.2022"), undefined);
  assert.equal(parseTime(""), undefined);
});

test("replay - what is wrong is named with its file and line", async () => {
  const map = "topic: a\npayload: {x: x}\ntime: t\n";
  const invalid = { code: "CSV_INVALID" };
  await assert.rejects(rowsOf("y\n1\n", map), { ...invalid, message: /line 2.*column "x"/ });
  await assert.rejects(rowsOf("x,t\n1,2020-01-01\n2,soon\n", map, true), {
    ...invalid,
    message: /line 3: "soon" is not a time/,
  });
  await assert.rejects(rowsOf("x,t\n1\n", map), { ...invalid, message: /line 2/ });
  const missing = replayMessages(join(folder, "none.csv"), parseMap("m", map), { timed: false });
  await assert.rejects(missing.next(), { ...invalid, message: /none\.csv/ });
  assert.throws(() => parseMap("map.yaml", "topic: a\nfields: x"), { code: "CONFIG_INVALID" });
  assert.throws(() => parseMap("map.yaml", "{"), { code: "CONFIG_INVALID" });
});

test("replay - a column named like a builtin is only there where the file has it", () => {
  const map = parseMap("m", "topic: a\npayload: {x: constructor}\n");
  assert.throws(() => messageOf(map, "f", { y: "1" }), /no column "constructor"/);
});

/** A node that acknowledges in order, keeps each seq of a producer once, and can be lost. */
class ScriptedNode {
  readonly log: number[] = [];
  readonly topics: string[] = [];
  connections = 0;
  inFlightMax = 0;
  #inFlight = 0;
  readonly #loseAfter: readonly number[];
  readonly #refuse: boolean;

  constructor(loseAfter: readonly number[] = [], refuse = false) {
    this.#loseAfter = loseAfter;
    this.#refuse = refuse;
  }

  connect = async (): Promise<ReplayClient> => {
    const loseAfter = this.#loseAfter[this.connections++] ?? Infinity;
    const closed = Promise.withResolvers<string>();
    let taken = 0;
    let lost = false;
    this.#inFlight = 0;
    const publish = async (topic: string, _: string, options: PublishOptions): Promise<void> => {
      this.inFlightMax = Math.max(this.inFlightMax, ++this.#inFlight);
      const properties = new Map(options.userProperties);
      const seq = Number(properties.get("seq"));
      assert.equal(properties.get("producer"), "p");
      assert.equal(options.qos, 1);
      await new Promise(setImmediate);
      if (this.#refuse) throw new ComityError("FORBIDDEN", { who: "p", act: "publish there" });
      // the message that breaks the connection is taken, its acknowledgement is lost
      if (!lost && seq > (this.log.at(-1) ?? 0)) this.log.push(seq);
      this.topics.push(topic);
      if (++taken > loseAfter) {
        lost = true;
        closed.resolve("cut");
      }
      if (lost) throw new ComityError("CONNECT_FAILED", { url: "mqtt://x", problem: "cut" });
      this.#inFlight--;
    };
    return { publish, closed: closed.promise, end: async () => closed.resolve("ended") };
  };
}

async function* messages(count: number, stepMs = 0): AsyncGenerator<ReplayMessage> {
  for (let seq = 1; seq <= count; seq++) {
    yield { seq, topic: `t/${seq}`, payload: "x", at: stepMs === 0 ? undefined : seq * stepMs };
  }
}

const run = { producer: "p", speed: Infinity, clock: systemClock, retryMs: 1000 };

test("replay - everything is published once and in order, at most 500 unacknowledged", async () => {
  const node = new ScriptedNode();
  const { connect } = node;
  assert.equal(await publishAll({ ...run, connect, messages: messages(3000) }), 3000);
  assert.deepEqual(node.log, numbers(3000));
  assert.equal(node.inFlightMax, 500);
});

test("replay - a connection lost in the middle is taken up at the first unacknowledged", async () => {
  const node = new ScriptedNode([700, 3, 1200]);
  const problems: string[] = [];
  const { connect } = node;
  const count = await publishAll({
    ...run,
    connect,
    messages: messages(3000),
    onLost: (problem) => problems.push(problem),
  });
  assert.equal(count, 3000);
  assert.deepEqual(node.log, numbers(3000));
  assert.equal(problems.length, 3);
  assert.ok(node.topics.length > 3000, "some were sent again");
});

test("replay - what the node refuses ends it, and is not tried again", async () => {
  const node = new ScriptedNode([], true);
  const { connect } = node;
  const refused = publishAll({ ...run, connect, messages: messages(3000) });
  await assert.rejects(refused, { code: "FORBIDDEN" });
  assert.equal(node.connections, 1);
});

test("replay - rows keep the rhythm of their own times, divided by the speed", async () => {
  const node = new ScriptedNode();
  const startedAt = performance.now();
  const { connect } = node;
  await publishAll({ ...run, connect, messages: messages(21, 1000), speed: 100 });
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 195 && tookMs < 1000, `20 s at 100 × took ${tookMs} ms`);
});

test("replay - the progress line fits its terminal", () => {
  const state = { file: "speed_6005", done: 0.5, messages: 12345, perSecond: 999.6 };
  const line = progressText(state, 80);
  assert.match(line, /^█{15}░{15} speed_6005 +50 % +12,345 rows +1,000\/s$/);
  for (const columns of [80, 60, 40, 10]) assert.ok(progressText(state, columns).length < columns);
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
