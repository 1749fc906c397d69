import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Summary } from "../../src/world/once.ts";
import { findBrowser, openBrowser } from "../06-console/browser.ts";

/** The world as a newcomer runs it: a process, its output, its end. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "comity-run-test-"));
const config = join(folder, "world.yaml");
const yaml = readFileSync(join(root, "src/world/world.yaml"), "utf8");
writeFileSync(
  config,
  yaml
    .replace("ports: { http: 8080, mqtt: 1883 }", "ports: { http: 0, mqtt: 0 }")
    .replace("receiptWindowMs: 3000", "receiptWindowMs: 1000"),
);
const data = join(folder, "data");
const started: ChildProcess[] = [];

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Waits for a line; fails with all that was said. */
  readonly line: (what: RegExp) => Promise<string>;
}

function run(args: readonly string[]): Run {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    });
  }
  return {
    child,
    lines,
    line: async (what) => {
      for (let i = 0; i < 600; i++) {
        const found = lines.findLast((line) => what.test(line));
        if (found !== undefined) return found;
        await wait(50);
      }
      throw new Error(`no line ${what} in:\n${lines.join("\n")}`);
    },
  };
}

const world = (): Run => run(["src/main.ts", "world", "--config", config, "--data", data]);

function messagesIn(line: string): number {
  return Number(/([\d,]+) messages/.exec(line)?.[1]?.replaceAll(",", ""));
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}api/v1/health`).then(
    ({ ok }) => ok,
    () => false,
  );

/** As somebody who opens the link that was printed. */
async function lookAt(executablePath: string, link: string): Promise<void> {
  const url = new URL("/", link).href;
  const browser = await openBrowser(executablePath);
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complaints.push(`asks for ${request.url()}`);
    });
    await page.goto(link);
    await page.getByText("admin · owner").waitFor();
    assert.equal(page.url(), url, "the link's secret does not stay in the address");
    await page.waitForSelector('.freshness[data-state="live"]');
    await page.locator(".node").nth(4).waitFor({ state: "attached" });
    await page.locator(".arc-touch").nth(8).waitFor({ state: "attached" });
    await page
      .getByText(/[1-9][\d.]* msg\/s/)
      .first()
      .waitFor();
    assert.equal(await page.locator(".node").count(), 5);
    assert.equal(await page.locator(".arc-touch").count(), 9);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
}

after(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("run - without a terminal it prints plain lines, and Ctrl-C ends it and all its nodes", async (t) => {
  const { child, lines, line } = world();
  assert.ok((await line(/data is in/)).includes(data));
  await line(/9\/9 streams {2}[1-9]/);
  const urls = lines.flatMap((text) => /^\w+ +(http:\S+)$/.exec(text)?.[1] ?? []);
  assert.equal(urls.length, 5);
  assert.deepEqual(await Promise.all(urls.map(answers)), Array(5).fill(true));
  assert.ok(lines.some((text) => text.startsWith("mosquitto_sub -h 127.0.0.1")));
  assert.ok(!lines.join("").includes("\u001B"), "no colours");
  const link =
    lines
      .findLast((text) => text.includes("#sign-in="))
      ?.split(" ")
      .at(-1) ?? "";
  assert.ok(link.startsWith(urls[0]!), link);
  const browser = findBrowser();
  const skip = browser === undefined && "no Chromium is installed here (apt-get install chromium)";
  await t.test("the World page shows it", { skip }, () => lookAt(browser!, link));
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.deepEqual(await Promise.all(urls.map(answers)), Array(5).fill(false));
});

test("run - a second start goes on with what is there; killed with -9, its nodes end as well", async () => {
  const { child, lines, line } = world();
  const first = messagesIn(await line(/0:00 {2}5\/5 nodes/));
  assert.ok(first > 50, `it begins at ${first} messages`);
  await line(/9\/9 streams {2}[1-9]/);
  const urls = lines.flatMap((text) => /^\w+ +(http:\S+)$/.exec(text)?.[1] ?? []);
  assert.deepEqual(await Promise.all(urls.map(answers)), Array(5).fill(true));
  child.kill("SIGKILL");
  let left = true;
  for (let i = 0; i < 200 && left; i++) {
    await wait(50);
    left = (await Promise.all(urls.map(answers))).includes(true);
  }
  assert.ok(!left, "a node has outlived its world");
});

test("run - once: lives, settles, checks, prints one JSON object and leaves nothing behind", async () => {
  const main = new URL("../../src/world/main.ts", import.meta.url).href;
  const code = `
    const { runWorld } = await import("${main}");
    process.exitCode = await runWorld({ once: true, onceSeconds: 4 });`;
  const { child, lines, line } = run(["--input-type=module", "-e", code]);
  const [exit] = await once(child, "exit");
  const summary = JSON.parse(await line(/^\{/)) as Summary;
  assert.deepEqual(summary.missing, []);
  assert.equal(exit, 0, lines.join("\n"));
  assert.equal(summary.ok, true);
  assert.equal(summary.nodes.length, 5);
  assert.ok(summary.agreements.length >= 6);
  for (const one of summary.agreements) {
    assert.equal(one.messages.consumer, one.published);
    assert.equal(one.receiptedMessages, one.published);
    assert.equal(one.heardByApp, one.published);
  }
  assert.ok(summary.totals.length >= 5, "every currency earns");
  const told = summary.sectors.flatMap(({ node, indicators }) =>
    indicators.flatMap(({ kind, values }) =>
      Object.keys(values).length > 0 ? [`${node} ${kind}`] : [],
    ),
  );
  // the others need longer than this run, and are told when they can be
  for (const one of ["transit punctuality", "farm irrigation", "hospital news2"]) {
    assert.ok(told.includes(one), `${one} is not among ${told.join(", ")}`);
  }
});
