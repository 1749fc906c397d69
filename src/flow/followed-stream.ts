import type { Flow } from "./flow.ts";
import type { Gate } from "./gate.ts";
import { type HandedMessage, Handover } from "./handover.ts";
import type { Line, LineEvent } from "./lines.ts";
import { LoggedMessages } from "./logged-messages.ts";
import type { Receiver } from "./subscription.ts";
import type { Run } from "./run.ts";
import { placeText } from "./stream-id.ts";
import type { StreamLog } from "./stream-log.ts";

/** One connection that messages are written to, one by one. */
export interface MessageLine extends Omit<Line, "send"> {
  /** False where it is full. `id`: to go on after it, where the stream is logged. */
  send(message: HandedMessage, id?: string): boolean;
  /** Something about the messages, in order among them. */
  tell?(event: Required<Pick<LineEvent, "event">> & LineEvent): void;
}

export interface FollowedOptions {
  readonly flow: Flow;
  readonly gate: Gate;
  /** `onReady`: to be called when the line takes more again. */
  readonly line: (onReady: () => void) => MessageLine;
  /** Where in its log a logged product is followed from, and where the agreement starts there. */
  readonly from: { readonly position: number; readonly start: number };
  readonly queueBytesMax: number;
}

/** So that the last words arrive, however slowly they are read. */
const farewellMs = 1000;

/** An agreement's stream on one connection that takes single messages, until either side ends it. */
export class FollowedStream implements Receiver {
  readonly line: MessageLine;
  readonly #handover: Handover;
  readonly #log: StreamLog | undefined;
  readonly #logged: LoggedMessages | undefined;
  readonly #unsubscribe: () => void;
  readonly #stopListening: () => void;
  /** Live messages that were given up, not yet told. */
  #dropped = 0;
  #closed = false;

  constructor(options: FollowedOptions) {
    const { flow, gate, queueBytesMax, from } = options;
    this.line = options.line(() => this.#handover.ready());
    this.#handover = new Handover(flow, gate, {
      take: (message) => this.#take(message),
      queueBytesMax,
      onDropped: (messages) => (this.#dropped += messages),
      onFlushed: () => this.#logged?.pump(),
    });
    const log = flow.logUnder(gate.grant);
    this.#log = log;
    if (log !== undefined) this.#tell("begin", placeText(log, from.position - 1), {});
    this.#logged =
      log &&
      new LoggedMessages(log, this.#handover, {
        ...from,
        onFailed: () => this.end("the stream cannot be served now"),
        onGap: (first, to) => {
          const messages = to - first;
          const id = placeText(log, to - 1);
          this.#handover.afterwards(() => this.#tell("gap", id, { from: first, to, messages }));
        },
      });
    const liveFilters = log === undefined ? gate.grant.filters : [];
    this.#unsubscribe = flow.router.subscribeAll(liveFilters, this);
    this.#stopListening = gate.onEnded((reason) => this.end(`the agreement has ended: ${reason}`));
    this.#logged?.start();
  }

  receive(run: Run): void {
    this.#handover.pushLive(run);
  }

  #take(message: HandedMessage): boolean {
    if (this.#dropped > 0) {
      this.line.tell?.({ event: "dropped", data: JSON.stringify({ messages: this.#dropped }) });
      this.#dropped = 0;
    }
    const { position } = message;
    if (this.#log === undefined || position === undefined) return this.line.send(message);
    return this.line.send(message, placeText(this.#log, position));
  }

  #tell(event: "begin" | "gap", id: string, more: object): void {
    this.line.tell?.({ event, id, data: JSON.stringify({ id, ...more }) });
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
    this.#unsubscribe();
  }

  /** The other side has gone: what is queued goes nowhere. */
  gone(): void {
    this.close();
    this.#handover.close();
  }
}
