/** Statements between two processes that are killed, and whose answers are lost on the way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { SignedStatementResource } from "../../src/client/books.ts";
import { monthOf, systemClock } from "../../src/kernel/clock.ts";
import type { CrashPoint } from "../../src/kernel/crash.ts";
import { statementsPath } from "../../src/settle/statements/exchange.ts";
import { NodeChild, twoChildren } from "../07-federate/node-child.ts";
import { until } from "../two-nodes.ts";

const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
const month = monthOf(systemClock.now());
const patienceMs = 30_000;

type Side = "provider" | "consumer";
const bothSides = ["provider", "consumer"] as const;

/** What a node is reached by: each request arrives, and some answers about statements do not. */
class Way {
  readonly #server: Server = createServer((asked, answer) => {
    void this.#carry(asked).then(
      (reply) => {
        if (asked.method === "POST" && asked.url === statementsPath && this.#losing-- > 0) {
          this.lost++;
          asked.socket.destroy();
          return;
        }
        answer.writeHead(reply.status, reply.headers).end(reply.body);
      },
      () => asked.socket.destroy(), // as where nobody listens
    );
  });
  #losing = 0;
  /** Answers that did not arrive. */
  lost = 0;
  #port = 0;

  /** `port`: the node's own door. */
  async listen(port: number): Promise<string> {
    this.#port = port;
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  lose(answers: number): void {
    this.#losing = answers;
    this.lost = 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #carry(asked: IncomingMessage) {
    const { method, url, headers } = asked;
    const host = "127.0.0.1";
    const onward = request({ ...{ host, port: this.#port, method, path: url, headers } });
    asked.pipe(onward);
    const [reply] = (await once(onward, "response")) as [IncomingMessage];
    const body = Buffer.concat(await reply.toArray());
    return { status: reply.statusCode ?? 500, headers: reply.headers, body };
  }
}

let folder: string;
let nodes: Record<Side, NodeChild>;
/** To that side. */
const ways = { provider: new Way(), consumer: new Way() };
let agreement: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-statements-"));
  nodes = await twoChildren(folder);
  await start();
  const { provider, consumer } = nodes;
  await consumer.http.addPeer(provider.url);
  await provider.http.addProduct({
    ...{ id: "stated", title: "Stated", topics: ["stated/#"], delivery: "logged" },
    terms: { price },
  });
  const [offer] = await consumer.http.find("stated");
  ({ id: agreement } = await consumer.http.agree(offer!.offer, offer!.provider));
  // what was agreed on at their own doors goes on over ways that lose answers
  for (const side of bothSides) await nodes[side].halted("SIGTERM");
  const localPeers: { did: string; url: string }[] = [];
  for (const side of bothSides) {
    const { did, http } = nodes[side].settings;
    localPeers.push({ did, url: await ways[side].listen(http) });
  }
  const through = (side: Side) => new NodeChild({ ...nodes[side].settings, localPeers });
  nodes = { provider: through("provider"), consumer: through("consumer") };
  await start();
});
after(async () => {
  for (const side of bothSides) await nodes[side].stop();
  for (const side of bothSides) ways[side].close();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  for (const side of bothSides) nodes[side].start();
  for (const side of bothSides) await nodes[side].ready();
}

async function restart(side: Side, crashAt?: string): Promise<void> {
  await nodes[side].halted("SIGTERM");
  nodes[side].start(crashAt);
  await nodes[side].ready();
}

/** Sold, and signed for by both; a month of this test has had so many more. */
async function delivered(count: number): Promise<void> {
  const receipted = async (): Promise<number> => {
    const usages = await Promise.all(bothSides.map((side) => nodes[side].http.usage()));
    return Math.min(...usages.map(([one]) => one?.receipted?.messages ?? 0));
  };
  const start = await receipted();
  for (let i = 0; i < count; i++) await nodes.provider.http.publish(`stated/${i}`, "x");
  await until("both have signed for it", async () => (await receipted()) === start + count, 20_000);
}

async function statements(side: Side): Promise<SignedStatementResource[]> {
  return nodes[side].http.books.statements(month);
}

function draw(): Promise<SignedStatementResource> {
  return nodes.provider.http.books.draw(nodes.consumer.settings.did, month);
}

function act(side: Side, id: string, word: Readonly<Record<string, unknown>>): Promise<unknown> {
  return nodes[side].http.books.act(id, word);
}

/** The words that stand in the file of evidence, in each speaker's own order. */
async function wordsOf(side: Side, id: string): Promise<string[]> {
  const file = (await nodes[side].http.books.evidence(id)) as {
    dossier: { steps: { body: { by: string; seq: number; act: { do: string } } }[] };
  };
  const { did } = nodes.provider.settings;
  return file.dossier.steps
    .map(({ body }) => `${body.by === did ? "provider" : "consumer"} ${body.seq} ${body.act.do}`)
    .toSorted();
}

/** To the provider, as that side's ledger has it. */
async function owedIn(side: Side): Promise<number> {
  const [book] = await nodes[side].http.books.balances();
  const account = side === "provider" ? "receivable" : "payable";
  return Math.abs(Number(book?.accounts[account] ?? 0));
}

interface Expected {
  readonly words: readonly string[];
  readonly due: string;
}

/** The newest statement: one, the same on both sides, with exactly those words and entries. */
async function assertSame(statement: number, { words, due }: Expected): Promise<string> {
  let id = "";
  await until(
    `${words.join(", ")} are with both`,
    async () => {
      const both = await Promise.all(bothSides.map((side) => statements(side)));
      const told = both.map((all) =>
        JSON.stringify(all.map((one) => [one.id, one.lines, one.dues])),
      );
      if (told[0] !== told[1] || both[0]?.length !== statement) return false;
      const newest = both[0].find(({ number }) => number === statement);
      id = newest?.id ?? "";
      if (newest?.dues[0]?.due !== due) return false;
      const said = await Promise.all(bothSides.map((side) => wordsOf(side, id)));
      return said.every((one) => one.join() === [...words].toSorted().join());
    },
    patienceMs,
  );
  for (const side of bothSides) {
    const { problems, findings } = await nodes[side].http.books.audit();
    assert.equal(problems, 0, JSON.stringify(findings));
  }
  const all = await statements("provider");
  const left = ({ lines: [line], dues: [money] }: SignedStatementResource): number =>
    Number(line!.amount) - Number(money!.paid);
  const owed = all.reduce((sum, one) => sum + left(one), 0);
  // a word counts in a ledger once its side knows that the other has it
  await until(
    `the ledgers say ${owed}: each word once`,
    async () => {
      const told = await Promise.all(bothSides.map((side) => owedIn(side)));
      return told.every((one) => one === owed);
    },
    patienceMs,
  );
  return id;
}

type Word = (id: string) => Promise<unknown>;

const draws: Word = () => draw();
const disputes: Word = (id) =>
  act("consumer", id, { do: "dispute", agreement, amount: "0.5", reason: "twice", files: [] });
const credits: Word = (id) =>
  act("provider", id, { do: "credit", agreement, amount: "0.5", reason: "you are right" });
const agrees: Word = async (id) => {
  const found = (await statements("consumer")).find((one) => one.id === id);
  const note = found?.lines[0]?.dispute?.credit?.hash;
  return act("consumer", id, { do: "agree", agreement, credit: note });
};
const pays: Word = (id) =>
  act("provider", id, { do: "paid", currency: "EUR", amount: "0.25", reference: "" });

/** What a month of two messages is given, one after the other, and what stands after each. */
type Course = readonly (readonly [Word, Expected])[];
const stated: Course = [[draws, { words: ["consumer 1 accept"], due: "1" }]];
const disputed = then(stated, disputes, "consumer 2 dispute", "0");
const credited = then(disputed, credits, "provider 1 credit", "0");
const agreed = then(credited, agrees, "consumer 3 agree", "0.5");
const paid = then(stated, pays, "provider 1 paid", "0.75");

function then(course: Course, word: Word, said: string, due: string): Course {
  const words = [...course.at(-1)![1].words, said];
  return [...course, [word, { words, due }]];
}

/** Who is killed where, at the last word of a course. */
const kills: readonly (readonly [Side, CrashPoint, string, Course])[] = [
  ["provider", "statement.stored", "before it signs a statement", stated],
  ["provider", "statement.signed", "before it sends a statement", stated],
  ["consumer", "statement.taken", "before it answers a statement", stated],
  ["provider", "statement.taken", "with the answer to a statement", stated],
  ["consumer", "statement.step", "before it sends a dispute", disputed],
  ["provider", "statement.taken", "before it answers a dispute", disputed],
  ["consumer", "statement.taken", "with the answer to a dispute", disputed],
  ["provider", "statement.step", "before it sends a credit note", credited],
  ["consumer", "statement.taken", "before it answers a credit note", credited],
  ["consumer", "statement.step", "before it sends its agreement to one", agreed],
  ["provider", "statement.taken", "before it answers that agreement", agreed],
  ["provider", "statement.step", "before it sends a payment", paid],
  ["consumer", "statement.taken", "before it answers a payment", paid],
];

/** All words but the last, with both sides there; the number and the id of the statement. */
async function begun(course: Course): Promise<readonly [number, string]> {
  await delivered(2);
  const number = (await statements("provider")).length + 1;
  let id = "";
  for (const [word, expected] of course.slice(0, -1)) {
    await word(id);
    id = await assertSame(number, expected);
  }
  return [number, id];
}

for (const [side, point, where, course] of kills) {
  test(`statement - the ${side} killed at ${point}, ${where}: both go on from it, once`, async () => {
    const [number, id] = await begun(course);
    const [word, expected] = course.at(-1)!;
    await restart(side, `${point}:1`);
    await word(id).catch(() => {}); // who is asked may be who dies
    assert.equal(await nodes[side].ended(patienceMs), "SIGKILL", nodes[side].said);
    nodes[side].start();
    await nodes[side].ready();
    await assertSame(number, expected);
  });
}

const losses: readonly (readonly [string, Side, Course])[] = [
  ["a statement", "provider", stated],
  ["a dispute", "consumer", disputed],
  ["a credit note", "provider", credited],
  ["an agreement to one", "consumer", agreed],
  ["a payment", "provider", paid],
];

for (const [what, sender, course] of losses) {
  test(`statement - two answers to ${what} lost on the way: it counts once, over a kill`, async () => {
    const [number, id] = await begun(course);
    const [word, expected] = course.at(-1)!;
    const way = ways[sender === "provider" ? "consumer" : "provider"];
    way.lose(2);
    await word(id);
    assert.ok(way.lost > 0, "it was answered, and the answer was lost");
    await nodes[sender].halted("SIGKILL");
    nodes[sender].start();
    await nodes[sender].ready();
    await assertSame(number, expected);
    assert.equal(way.lost, 2);
  });
}
