import { setTimeout as wait } from "node:timers/promises";
import { Command } from "commander";
import type { TopResource } from "../client/top.ts";
import { printable } from "../kernel/printable.ts";
import { Screen } from "../world/terminal/screen.ts";
import { connect, type CliIo, globals } from "./context.ts";
import { wholeNumber } from "./flags.ts";
import { interrupted } from "./interrupt.ts";
import { type Cell, printJson, printTable } from "./output.ts";

const everyMs = 1000;

export function topCommand(io: CliIo): Command {
  return new Command("top")
    .description("what goes on, live: rates, slowest clients, busiest topics, drops; q ends it")
    .option("--once", "print one picture and end")
    .option("--rows <n>", "of clients, topics and agreements each", "8")
    .action(async (options: { once?: true; rows: string }, command: Command) => {
      const http = connect(io, command);
      const rows = wholeNumber("--rows", options.rows);
      const picture = (): Promise<TopResource> => http.top(rows);
      if (globals(command).json === true) return printJson(io, await picture());
      const isLive = options.once !== true && io.stdout.isTTY === true && process.stdin.isTTY;
      if (isLive) await live(io, picture);
      else io.stdout.write(`${topLines(await picture()).join("\n")}\n`);
    });
}

/** Redrawn in place once a second, until q or Ctrl-C. */
async function live(io: CliIo, picture: () => Promise<TopResource>): Promise<void> {
  const interrupt = interrupted(io);
  const quit = Promise.withResolvers<"quit">();
  const screen = new Screen(process.stdout, process.stdin, (key) => {
    if (key === "q") quit.resolve("quit");
  });
  screen.open();
  try {
    for (;;) {
      screen.draw(topLines(await picture()));
      const next = wait(everyMs).then(() => "next" as const);
      if ((await Promise.race([next, quit.promise, interrupt.promise])) !== "next") return;
    }
  } finally {
    screen.close();
    interrupt.dispose();
  }
}

/** One picture; what is a client's or a peer's word cannot steer the terminal. */
function topLines(top: TopResource): string[] {
  const { flow, mqtt, memory } = top;
  const lines: string[] = [];
  const out = { write: (text: string) => lines.push(...text.replace(/\n$/, "").split("\n")) };
  const table = (heads: readonly string[], rows: readonly (readonly Cell[])[]): void => {
    if (rows.length > 0) printTable({ stdout: out, stderr: out, env: {} }, heads, rows, "");
  };
  const say = (text: string): void => void lines.push(printable(text));
  say(
    `${top.name}  up ${top.uptimeSeconds} s  ${size(memory.residentBytes)} in memory  ` +
      `${top.cpuSeconds.toFixed(1)} s of CPU`,
  );
  const runs = `${flow.messagesPerRun.toFixed(1)} a run, ${share(flow.singleRunsIn, flow.runsIn)}`;
  say(
    `messages    ${rate(flow.messagesInPerSecond)}/s in, ` +
      `${rate(flow.messagesOutPerSecond)}/s out; ${runs} of runs single, ` +
      `${number(flow.copiedRuns)} copied, ${number(flow.reencodedRuns)} re-encoded`,
  );
  say(
    `clients     ${number(mqtt.connections)} connected (most ${number(mqtt.connectionsMost)}), ` +
      `${number(mqtt.sessionsAway)} away, ${size(mqtt.queuedBytes)} queued; ` +
      `${number(flow.subscriptions)} subscriptions, ${number(top.retained.messages)} retained`,
  );
  say(`dropped     ${reasons(flow.dropped)}`);
  say(`withheld    ${reasons(flow.withheld)}`);
  say(`refused     ${reasons(mqtt.refused)}`);
  say(`slowed      ${reasons(mqtt.slowed)}`);
  say(`ended       ${reasons(mqtt.ended)}`);
  if (top.clients.length > 0) say("");
  table(
    ["CLIENT", "WHO", "QUEUED", "INFLIGHT", "DROPPED", "IN", "OUT", "SECONDS"],
    top.clients.map((client) => [
      ...[client.client, client.who, size(client.queuedBytes)],
      ...[client.inflight, client.dropped, client.messagesIn, client.messagesOut],
      client.connectedSeconds,
    ]),
  );
  if (top.topics.length > 0) say("");
  table(
    ["TOPIC", "MESSAGES/S", "PAYLOAD/S"],
    top.topics.map(({ topic, messagesPerSecond, payloadBytesPerSecond }) => [
      ...[topic, rate(messagesPerSecond), size(payloadBytesPerSecond)],
    ]),
  );
  if (top.agreements.length > 0) say("");
  table(
    ["AGREEMENT", "LINK", "MESSAGES/S", "MESSAGES", "LAG", "WITHHELD"],
    top.agreements.map(({ agreement, link, messagesPerSecond, messages, lagMs, withheld }) => [
      ...[agreement, link, rate(messagesPerSecond), messages],
      ...[lagMs === undefined ? "" : `${Math.round(lagMs)} ms`, reasons(withheld)],
    ]),
  );
  return lines;
}

function reasons(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  if (some.length === 0) return "none";
  return some.map(([reason, count]) => `${number(count)} ${reason}`).join(", ");
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function rate(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function share(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${Math.round((part * 100) / whole)} %`;
}

function size(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
