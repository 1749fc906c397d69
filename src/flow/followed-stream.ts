import type { Flow } from "./flow.ts";
import type { Gate } from "./gate.ts";
import { type HandedMessage, Handover } from "./handover.ts";
import { LoggedMessages } from "./logged-messages.ts";
import type { Receiver, Subscription } from "./subscription.ts";
import type { Run } from "./run.ts";

/** One connection that a stream is written to, message by message. */
export interface Line {
  /** False where it is full; `onReady` is called when it takes more. */
  send(message: HandedMessage): boolean;
  /** Keeps a quiet connection open, or finds out that nobody is there. */
  beat(): void;
  /** The last words; what was sent before is still on its way. */
  end(why: string): void;
  destroy(): void;
}

export interface FollowedOptions {
  readonly flow: Flow;
  readonly gate: Gate;
  /** `onReady`: to be called when the line takes more again. */
  readonly line: (onReady: () => void) => Line;
  /** Where in its log a logged product is followed from, and where the agreement starts there. */
  readonly from: { readonly position: number; readonly start: number };
  readonly queueBytesMax: number;
}

/** So that the last words arrive, however slowly they are read. */
const farewellMs = 1000;

/** An agreement's stream on one connection that takes single messages, until either side ends it. */
export class FollowedStream implements Receiver {
  readonly line: Line;
  readonly #flow: Flow;
  readonly #handover: Handover;
  readonly #logged: LoggedMessages | undefined;
  readonly #subscriptions: readonly Subscription[];
  readonly #stopListening: () => void;
  #closed = false;

  constructor(options: FollowedOptions) {
    const { flow, gate, queueBytesMax, from } = options;
    this.#flow = flow;
    this.line = options.line(() => this.#handover.ready());
    this.#handover = new Handover(flow, gate, {
      take: (message) => this.line.send(message),
      queueBytesMax,
      onFlushed: () => this.#logged?.pump(),
    });
    const log = gate.grant.log === undefined ? undefined : flow.logOf(gate.grant.product);
    const onFailed = (): void => this.end("the stream cannot be served now");
    this.#logged = log && new LoggedMessages(log, this.#handover, { ...from, onFailed });
    this.#subscriptions =
      log === undefined
        ? gate.grant.filters.map((filter) => ({ filter, receiver: this, qos: 0 }))
        : [];
    for (const subscription of this.#subscriptions) flow.router.subscribe(subscription);
    this.#stopListening = gate.onEnded((reason) => this.end(`the agreement has ended: ${reason}`));
    this.#logged?.start();
  }

  receive(run: Run): void {
    this.#handover.pushLive(run);
  }

  /** Ends it in good order; what is still queued passes the gate or is refused by it. */
  end(why: string): void {
    if (this.#closed) return;
    this.close();
    setTimeout(() => this.line.destroy(), farewellMs).unref();
    this.#handover.afterwards(() => this.line.end(why));
  }

  /** Nothing more is taken in. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#logged?.close();
    for (const subscription of this.#subscriptions) this.#flow.router.unsubscribe(subscription);
  }

  /** The other side has gone: what is queued goes nowhere. */
  gone(): void {
    this.close();
    this.#handover.close();
  }
}
