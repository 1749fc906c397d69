import { type ChildProcess, spawn } from "node:child_process";

/** A command as a person starts it, in a process of its own, with what it prints. */
export class CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = "";
  err = "";

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.child.stdout?.on("data", (text: Buffer) => (this.out += text.toString()));
    this.child.stderr?.on("data", (text: Buffer) => (this.err += text.toString()));
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }

  /** `npm run comity -- …` */
  static comity(...args: readonly string[]): CliProcess {
    return new CliProcess("npm", ["run", "-s", "comity", "--", ...args]);
  }

  /** The first match of what it prints; fails where it ends or stays silent for 30 s. */
  async prints(what: RegExp): Promise<RegExpExecArray> {
    const timeout = AbortSignal.timeout(30_000);
    let ended = false;
    void this.ended.then(() => (ended = true));
    for (;;) {
      const found = what.exec(this.out);
      if (found !== null) return found;
      if (ended || timeout.aborted) {
        throw new Error(`${what} was not printed: ${this.out}\n${this.err}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ctrl-C: a terminal sends it to the whole group. */
  interrupt(): void {
    if (this.child.pid !== undefined && this.child.exitCode === null) {
      process.kill(-this.child.pid, "SIGINT");
    }
  }
}
