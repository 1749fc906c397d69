import type { LookupFunction } from "node:net";
import { MqttClient } from "../client/mqtt.ts";
import type { Clock } from "../kernel/clock.ts";
import { problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Flow } from "../flow/flow.ts";
import { FollowedStream } from "../flow/followed-stream.ts";
import type { Gate } from "../flow/gate.ts";
import { startIn } from "../flow/start-position.ts";
import type { StreamLog } from "../flow/stream-log.ts";
import type { PushTarget, Transfer } from "../market/transfer.ts";
import type { Store } from "../ports/store.ts";
import { PushLine } from "./push-line.ts";
import { RetryPace } from "./retry-pace.ts";

export interface PushesOptions {
  readonly flow: Flow;
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  /** How the target's host is looked up; throws where this node does not connect to it. */
  readonly lookupOf: (did: string, endpoint: string) => LookupFunction | undefined;
  readonly queueBytesMax?: number;
}

/** How far a logged stream was acknowledged by its target: kind `push`, id = the transfer's pid. */
interface PushDoc {
  readonly epoch: string;
  /** Where it goes on. */
  readonly position: number;
}

const queueBytesMaxDefault = 4_194_304;

/** The streams this node brings to its consumers' own brokers (`Mqtt5-PUSH`). */
export class Pushes {
  readonly #options: PushesOptions;
  readonly #pushes = new Map<string, Push>();

  constructor(options: PushesOptions) {
    this.#options = options;
  }

  /** A transfer's state has changed: while it is STARTED, it is pushed. */
  told(transfer: Transfer): void {
    const { role, format, state, pid, push: target } = transfer;
    if (role !== "provider" || format !== "Mqtt5-PUSH" || target === undefined) return;
    if (state !== "STARTED") {
      void this.#pushes.get(pid)?.stop();
      this.#pushes.delete(pid);
    } else if (!this.#pushes.has(pid)) {
      const push = new Push(this.#options, transfer, target);
      this.#pushes.set(pid, push);
      push.start();
    }
  }

  async close(): Promise<void> {
    const pushes = [...this.#pushes.values()];
    this.#pushes.clear();
    await Promise.all(pushes.map((push) => push.stop()));
  }
}

/** One transfer's stream on its way to one broker, connection after connection. */
class Push {
  readonly #options: PushesOptions;
  readonly #transfer: Transfer;
  readonly #target: PushTarget;
  readonly #pace = new RetryPace();
  #client: MqttClient | undefined;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #said = "";
  /** Where it goes on, acknowledged; being kept. */
  #position = 0;
  #kept: Promise<void> | undefined;

  constructor(options: PushesOptions, transfer: Transfer, target: PushTarget) {
    this.#options = options;
    this.#transfer = transfer;
    this.#target = target;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when what was acknowledged is kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#client?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    let problem: string;
    try {
      problem = await this.#connection();
    } catch (error) {
      problem = problemOf(error);
    }
    this.#client = undefined;
    if (this.#stopped) return;
    this.#say(`is not taken: ${problem}`);
    this.#retry = setTimeout(() => this.start(), this.#pace.nextMs(false)).unref();
  }

  /** One connection, from its greeting to its end; resolves with why it ended. */
  async #connection(): Promise<string> {
    const { flow, lookupOf } = this.#options;
    const { agreement, counterpart } = this.#transfer;
    const gate = flow.grants.get(agreement);
    if (gate === undefined) return "the agreement is not open yet";
    if (gate.ended !== undefined) return `the agreement has ended: ${gate.ended}`;
    const { endpoint: url, username, password } = this.#target;
    const client = new MqttClient({
      url,
      lookup: lookupOf(counterpart, url),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    this.#client = client;
    await client.connected;
    const stream = await this.#stream(gate, client);
    this.#say("is taken");
    const why = await client.closed;
    stream.gone();
    await this.#kept;
    return why;
  }

  async #stream(gate: Gate, client: MqttClient): Promise<FollowedStream> {
    const { flow, queueBytesMax = queueBytesMaxDefault } = this.#options;
    const log = flow.logUnder(gate.grant);
    const from = log === undefined ? { position: 0, start: 0 } : await this.#from(log);
    const acknowledged = (position: number | undefined): void => {
      this.#pace.progressed();
      if (log !== undefined && position !== undefined) this.#keep(log, position + 1);
    };
    const { topicPrefix } = this.#target;
    const line = (onReady: () => void) =>
      new PushLine(client, { topicPrefix, onReady, acknowledged });
    return new FollowedStream({ flow, gate, line, from, queueBytesMax });
  }

  /** After what was acknowledged, at first from the agreement's start. */
  async #from(log: StreamLog): Promise<{ readonly position: number; readonly start: number }> {
    const { store } = this.#options;
    const { agreement, pid } = this.#transfer;
    const start = await startIn(log, store, agreement);
    const known = await store.get<PushDoc>("push", pid);
    const position = known?.epoch === log.epoch ? Math.max(start, known.position) : start;
    return { position, start };
  }

  /** One commit under way; the next takes whatever was acknowledged meanwhile. */
  #keep(log: StreamLog, position: number): void {
    this.#position = position;
    this.#kept ??= this.#commit(log).finally(() => {
      this.#kept = undefined;
    });
  }

  async #commit(log: StreamLog): Promise<void> {
    const { store } = this.#options;
    const id = this.#transfer.pid;
    for (let kept = -1; kept !== this.#position;) {
      kept = this.#position;
      const doc: PushDoc = { epoch: log.epoch, position: kept };
      try {
        await store.commit([{ op: "put", kind: "push", id, doc }]);
      } catch {
        return; // what is not kept is sent again
      }
    }
  }

  /** Without what is secret: the address alone. */
  #say(what: string): void {
    if (this.#said === what) return;
    this.#said = what;
    const { agreement } = this.#transfer;
    const text = `The stream pushed to ${this.#target.endpoint} ${what}`;
    this.#options.journal.record({ at: this.#options.clock.now(), kind: "push", text, agreement });
  }
}
