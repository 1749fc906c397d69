import type { FastifyInstance } from "fastify";
import { createHttpServer } from "../../src/api/server.ts";
import type { StoreDatabase } from "../../src/engines/embedded/store-database.ts";
import type { Entropy } from "../../src/kernel/id.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { MemoryStore, newDisk } from "./memory-store.ts";
import type { Host, Network } from "./network.ts";
import type { Random } from "./random.ts";

/** What one process of a node stands on. */
export interface Ground {
  readonly store: MemoryStore;
  readonly app: FastifyInstance;
  readonly signer: Signer;
  readonly host: Host;
  readonly entropy: Entropy;
}

export interface LifeOptions<P> {
  readonly signer: Signer;
  readonly origin: string;
  readonly network: Network;
  readonly random: Random;
  /** Before which of its commits, or after which, the process ends; counted over its whole life. */
  readonly crashes: (commit: number) => "before" | "after" | undefined;
  /** A process that ended is started again after so long. */
  readonly downMs: () => number;
  /** Everything in memory, on what the disk kept. */
  readonly open: (ground: Ground) => Promise<P>;
  /** It can be reached from now on. */
  readonly started: (process: P) => Promise<void>;
  readonly close: (process: P) => Promise<void>;
}

/** A node whose process ends and starts again, on what its disk kept. */
export class Life<P> {
  readonly options: LifeOptions<P>;
  disk: StoreDatabase = newDisk();
  #process: P | undefined;
  #running: { readonly app: FastifyInstance; readonly end: () => void } | undefined;
  #starting: Promise<void> | undefined;
  #commits = 0;
  #calm = false;
  crashed = 0;

  constructor(options: LifeOptions<P>) {
    this.options = options;
  }

  get did(): string {
    return this.options.signer.did;
  }

  /** Undefined while it is down. */
  get process(): P | undefined {
    return this.#process;
  }

  /** It crashes no more, and is there when the promise resolves. */
  async calm(): Promise<P> {
    this.#calm = true;
    for (;;) {
      await this.#starting;
      if (this.#process) return this.#process;
      await this.start();
    }
  }

  /** After `calm`: it may crash again. */
  stormy(): void {
    this.#calm = false;
  }

  /** Ends it as a crash does, changes its disk, and is there again when the promise resolves. */
  async restartOn(change: (disk: StoreDatabase) => StoreDatabase): Promise<P> {
    await this.calm();
    this.#running?.end();
    this.disk = change(this.disk);
    return this.calm();
  }

  start(): Promise<void> {
    this.#starting ??= this.#open().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #open(): Promise<void> {
    const { signer, origin, network, random } = this.options;
    const app = createHttpServer();
    let running = true;
    const ended = Promise.withResolvers<void>();
    const host: Host = {
      app,
      runs: () => running,
      ended: ended.promise,
      token: (did) => signer.token(did, 60),
    };
    const end = (): void => {
      if (!running) return;
      running = false;
      ended.resolve();
      store.cut();
      this.crashed += 1;
      const process = this.#running?.app === app ? this.#process : undefined;
      if (process) {
        this.#process = undefined;
        // its timers would run on in this process; whatever they start fails
        void this.options.close(process).catch(ignore);
      }
      void this.#afterCrash();
    };
    const store: MemoryStore = new MemoryStore(this.disk, (when) => {
      if (this.#calm || !running) return;
      if (when === "before") this.#commits += 1;
      if (this.options.crashes(this.#commits) === when) end();
    });
    const entropy: Entropy = {
      uuid: () => uuidOf(random.bytes(16)),
      bytes: (length) => random.bytes(length),
    };
    try {
      const process = await this.options.open({ store, app, signer, host, entropy });
      if (!running) return;
      network.attach(origin, signer.did, host);
      this.#process = process;
      this.#running = { app, end };
      await this.options.started(process);
    } catch (thrown) {
      if (running) throw thrown;
    }
  }

  async #afterCrash(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.options.downMs()));
    await this.#starting;
    if (!this.#process) await this.start();
  }

  async close(): Promise<void> {
    this.#calm = true;
    if (this.#process) await this.options.close(this.#process);
    await this.#running?.app.close();
    this.disk.close();
  }
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function ignore(): void {
  // the process has ended
}
