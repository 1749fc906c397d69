import type { Readable } from "node:stream";
import type { BatchAnswer } from "../client/resources.ts";
import type { Published } from "../flow/local-streams.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/clock.ts";
import { type Line, LineSplitter } from "../wire/ndjson.ts";
import type { MessageToPublish } from "./streams-api.ts";
import type { ApiLimits } from "./limits.ts";

export interface BatchOptions {
  readonly clock: Clock;
  readonly limits: Pick<
    ApiLimits,
    "bodyBytesMax" | "batchBytesMax" | "batchLinesMax" | "batchRefusedMax" | "batchMsMax"
  >;
  /** Throws where the line is no message or its sender has no right to it. */
  readonly read: (bytes: Buffer, line: number) => MessageToPublish;
  /** Resolves when the message is durable, where it is logged. */
  readonly publish: (message: MessageToPublish) => Promise<Published>;
  /** Throws where the sender may send no more. */
  readonly stillMay: () => void;
}

/** What is under way at a time: the body is read on when all of it is durable. */
const windowBytesMax = 1_048_576;
const windowMessagesMax = 4096;
/** Of what is said of one line: it may name a topic as long as the line. */
const toldCharactersMax = 500;

/** Why a batch was read no further; the lines before are answered for, each of them. */
export class BatchStopped extends Error {
  readonly answer: BatchAnswer & { readonly stoppedAt: number };
  readonly error: ComityError;
  /** Where it is the node that failed. */
  readonly status: number | undefined;

  constructor(answer: BatchAnswer, line: number, cause: ComityError) {
    super(cause.message);
    this.answer = { ...answer, stoppedAt: line };
    this.status = cause.status >= 500 ? cause.status : undefined;
    this.error = new ComityError("BATCH_STOPPED", { line, problem: cause.message });
  }
}

/**
 * A body of lines, each a message of its own: what is wrong with one is told with its number and
 * touches no other. Read no faster than the log takes it, in bounded memory.
 */
export class PublishBatch {
  readonly #options: BatchOptions;
  readonly #lines: LineSplitter;
  readonly #until: number;
  #under: Promise<void>[] = [];
  #underBytes = 0;
  #bytes = 0;
  #line = 0;
  #accepted = 0;
  #repeated = 0;
  #failure: ComityError | undefined;
  readonly #refused: { line: number; code: string; message: string }[] = [];

  constructor(options: BatchOptions) {
    this.#options = options;
    const { bodyBytesMax, batchMsMax } = options.limits;
    // text that JSON escapes, or base64, is longer than what it stands for
    this.#lines = new LineSplitter(2 * bodyBytesMax);
    this.#until = options.clock.monotonic() + batchMsMax;
  }

  /** BatchStopped where not all of it was read. A body that breaks off leaves its last line out. */
  async take(body: Readable): Promise<BatchAnswer> {
    // what is not read is passed by, so that the sender gets its answer
    for await (const piece of body.iterator({ destroyOnReturn: false })) {
      this.#bytes += (piece as Buffer).length;
      for (const line of this.#lines.take(piece as Buffer)) await this.#take(line);
      if (this.#bytes > this.#options.limits.batchBytesMax) {
        await this.#stop(limitOf(this.#options.limits.batchBytesMax, "bytes in a batch"));
      }
    }
    const rest = this.#lines.rest();
    if (rest !== undefined) await this.#take(rest);
    await this.#settle();
    return this.#answer;
  }

  get #answer(): BatchAnswer {
    return {
      accepted: this.#accepted,
      ...(this.#repeated > 0 && { repeated: this.#repeated }),
      refused: this.#refused.toSorted((a, b) => a.line - b.line),
    };
  }

  async #take(line: Line): Promise<void> {
    const { limits, clock, read, publish } = this.#options;
    if (this.#line >= limits.batchLinesMax) {
      await this.#stop(limitOf(limits.batchLinesMax, "lines in a batch"));
    }
    if (this.#refused.length >= limits.batchRefusedMax) {
      await this.#stop(limitOf(limits.batchRefusedMax, "refused lines in a batch"));
    }
    if (clock.monotonic() > this.#until) {
      await this.#stop(limitOf(limits.batchMsMax, "milliseconds for a batch"));
    }
    this.#line = line.number;
    if (line.bytes?.length === 0) return;
    try {
      if (line.bytes === undefined) throw tooLarge(`more than ${2 * limits.bodyBytesMax}`, limits);
      const message = read(line.bytes, line.number);
      const bytes = message.payload.length;
      if (bytes > limits.bodyBytesMax) throw tooLarge(bytes, limits);
      this.#under.push(this.#published(line.number, publish(message)));
      this.#underBytes += line.bytes.length;
    } catch (thrown) {
      this.#refuse(line.number, thrown);
    }
    if (this.#underBytes < windowBytesMax && this.#under.length < windowMessagesMax) return;
    await this.#settle();
    try {
      this.#options.stillMay();
    } catch (thrown) {
      await this.#stop(thrown as ComityError);
    }
  }

  async #published(line: number, publishing: Promise<Published>): Promise<void> {
    try {
      const { isRepeat } = await publishing;
      this.#accepted++;
      if (isRepeat) this.#repeated++;
    } catch (thrown) {
      this.#refuse(line, thrown);
    }
  }

  /** A mistake in one line is that line's; what fails the node fails the batch. */
  #refuse(line: number, thrown: unknown): void {
    const what = "publishing a line";
    const error = thrown instanceof ComityError ? thrown : new ComityError("INTERNAL", { what });
    const { code, message, status } = error;
    this.#refused.push({ line, code, message: told(message) });
    if (status >= 500) this.#failure ??= error;
  }

  /** Resolves when all that is under way is durable or refused. */
  async #settle(): Promise<void> {
    await Promise.all(this.#under);
    this.#under = [];
    this.#underBytes = 0;
    if (this.#failure === undefined) return;
    throw new BatchStopped(this.#answer, this.#line + 1, this.#failure);
  }

  async #stop(why: ComityError): Promise<never> {
    await this.#settle();
    throw new BatchStopped(this.#answer, this.#line + 1, why);
  }
}

/** Copied, since a slice of a text keeps all of it. */
function told(message: string): string {
  if (message.length <= toldCharactersMax) return message;
  return `${Buffer.from(message.slice(0, toldCharactersMax)).toString()} …`;
}

function limitOf(limit: number, what: string): ComityError {
  return new ComityError("LIMIT_REACHED", { limit, what });
}

function tooLarge(bytes: number | string, limits: Pick<ApiLimits, "bodyBytesMax">): ComityError {
  return new ComityError("PAYLOAD_TOO_LARGE", { bytes, max: limits.bodyBytesMax });
}
