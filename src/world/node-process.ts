import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ComityHttp } from "../client/http.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Place } from "../kernel/place.ts";
import { writePrivately } from "./state.ts";

/** What `comity up --config` reads. */
export interface NodeSettings {
  readonly name: string;
  readonly title: string;
  readonly country: string;
  readonly currency: string;
  readonly place: Place;
  readonly did: string;
  readonly data: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly mqtt: { readonly host: string; readonly port: number };
  readonly localPeers: readonly { readonly did: string; readonly url: string }[];
  readonly publicWorld: boolean;
  readonly receiptWindowMs: number;
}

const typescript = import.meta.url.endsWith(".ts");
const mainFile = fileURLToPath(new URL(typescript ? "../main.ts" : "../main.js", import.meta.url));
const leash = new URL(typescript ? "./leash.ts" : "./leash.js", import.meta.url).href;

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
const linesMax = 20;

/** One node as a process of its own: started, killed, started again, stopped. */
export class NodeProcess {
  readonly settings: NodeSettings;
  readonly #onDeath: (node: NodeProcess, how: string) => void;
  #child: ChildProcess | undefined;
  #ready = false;
  #ending = false;
  #lines: string[] = [];
  #http: ComityHttp | undefined;

  constructor(settings: NodeSettings, onDeath: (node: NodeProcess, how: string) => void) {
    this.settings = settings;
    this.#onDeath = onDeath;
  }

  get name(): string {
    return this.settings.name;
  }

  get httpUrl(): string {
    return `http://${this.settings.http.host}:${this.settings.http.port}`;
  }

  get mqttUrl(): string {
    return `mqtt://${this.settings.mqtt.host}:${this.settings.mqtt.port}`;
  }

  /** The node's API, with its admin token; there once it is ready. */
  get http(): ComityHttp {
    if (!this.#http) throw new Error(`${this.name} has not been started`);
    return this.#http;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The last lines it wrote. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  /** Resolves when it answers; throws with its last lines where it does not come up. */
  async start(): Promise<void> {
    const file = join(this.settings.data, "..", `${this.name}.json`);
    writePrivately(file, `${JSON.stringify(this.settings, undefined, 2)}\n`);
    const child = spawn(
      process.execPath,
      ["--import", leash, mainFile, "--json", "up", "--config", file],
      // A group of its own, so that the terminal's Ctrl-C reaches the world alone.
      { stdio: ["ignore", "pipe", "pipe", "ipc"], detached: process.platform !== "win32" },
    );
    this.#child = child;
    this.#ready = false;
    this.#ending = false;
    this.#lines = [];
    const ready = Promise.withResolvers<void>();
    child.on("error", (error) => ready.reject(error));
    child.on("exit", (code, signal) => {
      this.#child = undefined;
      const how = signal === null ? `exit code ${code}` : signal;
      ready.reject(this.#failed(`it ended at once (${how})`));
      // Until it is ready, its end is this start's failure.
      if (this.#ready && !this.#ending) this.#onDeath(this, how);
    });
    this.#listen(child, ready.resolve);
    const timer = setTimeout(() => ready.reject(this.#failed("it is not ready")), readyTimeoutMs);
    try {
      await ready.promise;
      this.#ready = true;
    } catch (error) {
      await this.kill();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const token = readFileSync(join(this.settings.data, "admin-token"), "utf8").trim();
    this.#http = new ComityHttp({ url: this.httpUrl, token, timeoutMs: 10_000 });
  }

  /** kill -9. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** In good order, and by force where that takes too long. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** At once and without waiting: for the very last moment of the world's own process. */
  abandon(): void {
    this.#ending = true;
    this.#child?.kill("SIGKILL");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#ending = true;
    const gone = once(child, "exit");
    child.kill(signal);
    const ended = await Promise.race([gone, wait(stopTimeoutMs, undefined, { ref: false })]);
    if (ended === undefined) {
      child.kill("SIGKILL");
      await gone;
    }
  }

  /** `up --json` prints one JSON line when it is ready. */
  #listen(child: ChildProcess, ready: () => void): void {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on("line", (line) => {
        if (stream === child.stdout && line.startsWith("{") && line.includes('"httpUrl"')) {
          ready();
          return;
        }
        this.#lines.push(line.slice(0, 300));
        if (this.#lines.length > linesMax) this.#lines.shift();
      });
    }
  }

  #failed(what: string): ComityError {
    const said = this.#lines.length === 0 ? "" : `; it said: ${this.#lines.join(" | ")}`;
    return new ComityError("NODE_FAILED", { name: this.name, problem: `${what}${said}` });
  }
}
