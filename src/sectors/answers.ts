import { matches, topicProblem } from "../kernel/topic.ts";
import { TokenBucket } from "../kernel/token-bucket.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Fault, SourceAnswer, SourceKind } from "./sector.ts";

const answersPerSecondMax = 1_000;
const burstSeconds = 10;

/** What a source may say back: on the topics of its kind alone, no larger than what it reads. */
export class Answers {
  readonly #kind: SourceKind;
  readonly #fault: (fault: Fault) => void;
  readonly #rate: TokenBucket;

  constructor(kind: SourceKind, clock: Clock, fault: (fault: Fault) => void) {
    this.#kind = kind;
    this.#fault = fault;
    this.#rate = new TokenBucket(answersPerSecondMax, burstSeconds, clock);
  }

  /** Those that may be published; the others are faults. */
  allowed(answers: readonly SourceAnswer[] = []): readonly SourceAnswer[] {
    return answers.filter(({ topic, payload }) => {
      const problem = this.#problemOf(topic, payload.length);
      if (problem !== undefined) this.#fault({ code: "answer", text: `${topic} ${problem}` });
      return problem === undefined;
    });
  }

  #problemOf(topic: string, bytes: number): string | undefined {
    const { answersOn = [], bytesMax } = this.#kind;
    const wrong = topicProblem(topic);
    if (wrong !== undefined) return wrong;
    if (!answersOn.some((filter) => matches(filter, topic))) return "is not its to answer on";
    if (bytes > bytesMax) return `was to get ${bytes} bytes`;
    if (!this.#rate.tryTake(1)) return `is over ${answersPerSecondMax} answers a second`;
    return undefined;
  }
}
