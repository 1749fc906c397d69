/**
 * The world: five nodes of five nations on one machine, so that a newcomer sees what Comity is.
 *
 * In comes one YAML file (`world.yaml`); out come processes, one a node, that trade with each
 * other exactly as strangers would. The world itself is only their newcomer: it sets them up
 * through their HTTP API with their admin tokens, publishes as devices and listens as apps over
 * MQTT, and never reaches into a node, its store or its keys.
 *
 * `config.ts` reads the file, `simulators/` is physics, `devices/` gives it topics, `actors/`
 * act on what was bought, `world.ts` starts and ends it all, `once.ts` checks a short run,
 * `breaks.ts` tries to break it, `terminal/` shows it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { loadWorld } from "./config.ts";
import type { WorldConfig } from "./config.ts";
import { settleAll, summarise } from "./once.ts";
import { showWorld } from "./terminal/show.ts";
import { resetWorld, World } from "./world.ts";

export interface RunWorldOptions {
  /** A short checked life in a temporary folder. */
  readonly once: boolean;
  readonly data?: string;
  /** Another world than the one that comes along. */
  readonly config?: string;
  /** Forget what the last run left. */
  readonly reset?: boolean;
  readonly seed?: number;
  /** How long `once` lets the world live. */
  readonly onceSeconds?: number;
}

const dataDefault = join(".", "comity-data", "world");

/** Runs until it is stopped; returns the exit code. */
export async function runWorld(options: RunWorldOptions): Promise<number> {
  const loaded = loadWorld(options.config ?? new URL("world.yaml", import.meta.url));
  const config = options.seed === undefined ? loaded : { ...loaded, seed: options.seed };
  const stop = new AbortController();
  const onSignal = (): void => {
    // The second Ctrl-C does not wait; the nodes are then ended by force.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    return await (options.once
      ? runOnce(config, options.onceSeconds ?? 15, stop.signal)
      : runLong(config, options, stop));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}

async function runLong(
  config: WorldConfig,
  options: RunWorldOptions,
  stop: AbortController,
): Promise<number> {
  const { signal } = stop;
  const folder = resolve(options.data ?? dataDefault);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (options.reset === true) resetWorld(folder, config);
  say(`The world's data is in ${folder}; start anew with: npm start -- --reset`);
  const world = await World.prepare({ config, folder, anyPorts: false, clock: systemClock, say });
  try {
    await orStopped(world.start(), signal);
    const show = { world, folder, clock: systemClock, signal, say, stop: () => stop.abort() };
    if (!signal.aborted) await showWorld(show);
  } finally {
    say("Stopping …");
    await world.stop();
  }
  say("Stopped. A second start goes on from here.");
  return 0;
}

async function runOnce(config: WorldConfig, seconds: number, signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "comity-world-"));
  const began = systemClock.now();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const world = await World.prepare({ config, folder, anyPorts: true, clock: systemClock, say });
  try {
    await orStopped(world.start(), signal);
    say(`Living for ${seconds} s …`);
    await wait(seconds * 1000, undefined, { signal }).catch(() => {});
    if (signal.aborted) throw stoppedEarly();
    say("The devices fall silent; closing the last windows …");
    world.pauseDevices();
    await settleAll(world, systemClock);
    const now = systemClock.now();
    const summary = await summarise(world, { began, now, seconds });
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    for (const point of summary.missing) say(`Missing: ${point}`);
    return summary.ok ? 0 : 1;
  } catch (error) {
    const remedy = error instanceof ComityError ? ` ${error.remedy}` : "";
    say(`${problemOf(error)}${remedy}`);
    process.stdout.write(`${JSON.stringify({ ok: false, missing: [problemOf(error)] })}\n`);
    return 1;
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A start that is given up at Ctrl-C; the world is then stopped by who called. */
async function orStopped(started: Promise<void>, signal: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (signal.aborted) stopped.resolve();
  started.catch(() => {}); // what fails after the stop is of no interest any more
  await Promise.race([started, stopped.promise]);
}

function stoppedEarly(): Error {
  return new Error("the world was stopped before its time");
}
