import { matches } from "../kernel/topic.ts";
import type { Store } from "../ports/store.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { layout5, Run } from "./run.ts";

interface RetainedDoc {
  readonly qos: 0 | 1 | 2;
  readonly payloadBytes: number;
  /** One MQTT 5 PUBLISH packet, base64. */
  readonly packet: string;
}

const retainedMax = 100_000;

/** The last retained message of each topic, durable. */
export class Retained {
  readonly #store: Store;
  readonly #runs: Map<string, Run>;

  private constructor(store: Store, runs: Map<string, Run>) {
    this.#store = store;
    this.#runs = runs;
  }

  static async open(store: Store): Promise<Retained> {
    const runs = new Map<string, Run>();
    for (const { id, doc } of await store.list<RetainedDoc>("retained")) {
      runs.set(id, runOf(id, doc));
    }
    return new Retained(store, runs);
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Keeps the run's last message; an empty payload clears the topic [MQTT-3.3.1-6]. */
  set(run: Run): Promise<void> {
    const { topic, qos } = run;
    const payload = run.lastPayload();
    if (payload.length === 0) {
      if (!this.#runs.delete(topic)) return Promise.resolve();
      return this.#store.commit([{ op: "remove", kind: "retained", id: topic }]);
    }
    if (!this.#runs.has(topic) && this.#runs.size >= retainedMax) return Promise.resolve();
    const packet =
      run.count === 1 ? Buffer.from(run.encoded(5)) : encodePublish(5, { topic, payload });
    const doc: RetainedDoc = {
      qos,
      payloadBytes: payload.length,
      packet: packet.toString("base64"),
    };
    this.#runs.set(topic, runOf(topic, doc));
    return this.#store.commit([{ op: "put", kind: "retained", id: topic, doc }]);
  }

  /** The retained messages whose topics match. */
  matching(filter: string): Run[] {
    const exact = this.#runs.get(filter);
    if (!/[+#]/.test(filter)) return exact === undefined ? [] : [exact];
    return [...this.#runs.values()].filter((run) => matches(filter, run.topic));
  }
}

function runOf(topic: string, doc: RetainedDoc): Run {
  const { qos, payloadBytes } = doc;
  const packets = Buffer.from(doc.packet, "base64");
  return new Run({ topic, qos, packets, layout: layout5, count: 1, payloadBytes, retain: true });
}
