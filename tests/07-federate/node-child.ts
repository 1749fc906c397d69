import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ComityHttp } from "../../src/client/http.ts";
import { freePort } from "../free-port.ts";

export interface ChildSettings {
  readonly name: string;
  readonly did: string;
  readonly data: string;
  readonly http: number;
  readonly mqtt: number;
  readonly localPeers: readonly { readonly did: string; readonly url: string }[];
  readonly receiptWindowMs: number;
}

const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Ends the node when this process is gone, however it went. */
const leash = new URL("../../src/world/leash.ts", import.meta.url).href;
const readyWithinMs = 30_000;
const haltedWithinMs = 15_000;

/** `comity up --config` as a process of its own, to be killed and started again on its data. */
export class NodeChild {
  readonly settings: ChildSettings;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #stopped = false;
  #said = "";

  constructor(settings: ChildSettings) {
    this.settings = settings;
    this.#config = `${settings.data}.json`;
    writeFileSync(this.#config, JSON.stringify({ ...settings, currency: "EUR", country: "NL" }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.settings.http}`;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.settings.mqtt}`;
  }

  get token(): string {
    return readFileSync(join(this.settings.data, "admin-token"), "utf8").trim();
  }

  get http(): ComityHttp {
    return new ComityHttp({ url: this.url, token: this.token });
  }

  /** Of its process; there is one from the first start on. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.settings.name} was not started`);
    return pid;
  }

  /** What the process wrote to its standard error since it was started. */
  get said(): string {
    return this.#said;
  }

  /** `crashAt`: a named point, such as `log.committed:2`, where it kills itself with SIGKILL. */
  start(crashAt?: string): void {
    if (this.#stopped) throw new Error(`${this.settings.name} is not to run any more`);
    const { COMITY_CRASH_AT: _, ...env } = process.env;
    if (crashAt !== undefined) env["COMITY_CRASH_AT"] = crashAt;
    this.#said = "";
    const args = ["--import", leash, mainFile, "up", "--config", this.#config, "--json"];
    const stdio = ["ignore", "ignore", "pipe", "ipc"] as const;
    this.#child = spawn(process.execPath, args, { env, stdio: [...stdio] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
  }

  /** Resolves when it answers. */
  async ready(): Promise<void> {
    const end = Date.now() + readyWithinMs;
    for (;;) {
      try {
        await this.http.status();
        return;
      } catch (error) {
        const over = this.#child?.exitCode !== null || Date.now() > end;
        if (over)
          throw new Error(`${this.settings.name} does not start: ${this.#said}`, { cause: error });
        await sleep(25);
      }
    }
  }

  /** SIGKILL, as by a power cut. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Resolves when its process has ended, by SIGTERM as by whoever runs it, or by SIGKILL. */
  async halted(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child?.kill(signal);
    const how = await this.ended(haltedWithinMs);
    if (how === undefined) throw new Error(`${this.settings.name} runs on after ${signal}`);
  }

  /** How its process ended, or undefined where it runs on after so many milliseconds. */
  async ended(withinMs: number): Promise<NodeJS.Signals | number | undefined> {
    const child = this.#child;
    if (child === undefined) return 0;
    if (child.exitCode === null && child.signalCode === null) {
      const late = AbortSignal.timeout(withinMs);
      await once(child, "exit", { signal: late }).catch(() => {}); // told by the missing code
    }
    return child.signalCode ?? child.exitCode ?? undefined;
  }

  /** For good: whoever still wants to start it is told so. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.kill();
    await this.ended(readyWithinMs);
  }
}

/** A node as a process that knows no other; it is not started yet. */
export async function oneChild(
  folder: string,
  name: string,
  receiptWindowMs = 1000,
): Promise<NodeChild> {
  const [http, mqtt] = [await freePort(), await freePort()];
  return new NodeChild({
    ...{ name, did: didAt(http), data: join(folder, name), http, mqtt },
    ...{ localPeers: [], receiptWindowMs },
  });
}

/** The same, started, and stopped after the test. */
export async function startedChild(
  t: TestContext,
  folder: string,
  name: string,
): Promise<NodeChild> {
  const node = await oneChild(folder, name);
  t.after(() => node.stop());
  node.start();
  await node.ready();
  return node;
}

/** Two nodes as processes that know each other; neither is started yet. */
export async function twoChildren(
  folder: string,
  receiptWindowMs = 50,
): Promise<{ readonly provider: NodeChild; readonly consumer: NodeChild }> {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const;
  const localPeers = ports.slice(0, 2).map((port) => ({
    did: didAt(port),
    url: `http://127.0.0.1:${port}`,
  }));
  const child = (name: string, http: number, mqtt: number): NodeChild =>
    new NodeChild({
      ...{ name, did: didAt(http), data: join(folder, name), http, mqtt },
      ...{ localPeers, receiptWindowMs },
    });
  return {
    provider: child("provider", ports[0], ports[2]),
    consumer: child("consumer", ports[1], ports[3]),
  };
}

function didAt(port: number): string {
  return `did:web:localhost%3A${port}`;
}
