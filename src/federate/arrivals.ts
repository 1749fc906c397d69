import type { Flow } from "../flow/flow.ts";
import type { Advanced } from "../flow/received-streams.ts";
import { layout5, Run, splitByTopic } from "../flow/run.ts";
import type { ScannedRun } from "../wire/mqtt/packet-stream.ts";

/** What a link brought, handed to this node's own clients: under `from/<provider>/<product>/`. */
export class Arrivals {
  readonly #flow: Flow;
  readonly #prefix: string;
  readonly #prefixBytes: Buffer;

  constructor(flow: Flow, prefix: string) {
    this.#flow = flow;
    this.#prefix = prefix;
    this.#prefixBytes = Buffer.from(prefix);
  }

  /** The packets keep their topics; the prefix is put on where they leave this node. */
  takeRun(scanned: ScannedRun): void {
    this.#deliver(
      new Run({
        topic: this.#prefix + scanned.topic.toString("utf8"),
        qos: 0,
        packets: scanned.packets,
        layout: layout5,
        count: scanned.count,
        payloadBytes: scanned.payloadBytes,
        prefix: this.#prefixBytes,
      }),
    );
  }

  /** Packets of any topics, in order, which a log of what was received has now. */
  takePackets(packets: Buffer, added: Advanced): void {
    this.#flow.received.advanced(added);
    splitByTopic(
      packets,
      (run) => {
        run.isReceived = true;
        this.#deliver(run);
      },
      this.#prefix,
    );
  }

  #deliver(run: Run): void {
    this.#flow.arrive(run);
  }
}
