/** Load generators run in processes of their own, so that what they cost is not the broker's. */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs the file with the options to its end; what it prints is one JSON value. */
export function runProcess<Result>(file: string, options: object): Promise<Result> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 180_000,
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => {
      if (code === 0) resolve(JSON.parse(out) as Result);
      else reject(new Error(`${file} ended with ${code}`));
    });
  });
}

/** A process that is told what to do, step by step. */
export class LoadProcess {
  readonly #child: ChildProcess;
  #ended: Error | undefined;

  constructor(file: string) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)));
    this.#child.once("exit", (code) => {
      this.#ended = new Error(`${file} ended with ${code}`);
    });
  }

  /** Resolves with its answer. */
  ask<Answer>(step: object): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(this.#ended ?? new Error("the load ended"));
      this.#child.once("exit", onExit);
      this.#child.once("message", (answer: { error?: string }) => {
        this.#child.off("exit", onExit);
        if (answer.error === undefined) resolve(answer as Answer);
        else reject(new Error(answer.error));
      });
      this.#child.send(step);
    });
  }

  async stop(): Promise<void> {
    if (this.#ended !== undefined) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
  }
}
