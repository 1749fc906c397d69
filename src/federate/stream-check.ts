import { matches, topicProblem } from "../kernel/topic.ts";
import { problemOf } from "../kernel/errors.ts";
import { layout5 } from "../flow/run.ts";
import { textOf } from "../wire/mqtt/cursor.ts";
import type { ScannedRun } from "../wire/mqtt/packet-stream.ts";
import { ProtocolError } from "../wire/mqtt/protocol.ts";
import {
  propertiesAt,
  publisherPropertiesProblem,
  qosIn,
  walkPublishes,
} from "../wire/mqtt/publish.ts";

/** A topic's length stands in two bytes (MQTT 5.0 §1.5.4). */
const encodedTopicBytesMax = 65_535;

/**
 * What a provider sends goes on to this node's own clients byte for byte, and to its log for
 * good: so it must be in order, and of the agreement's topics, before anything is done with it.
 */
export class StreamCheck {
  readonly #topics: readonly string[];
  readonly #prefixBytes: number;
  /** The last topic in order: most streams stay on few. */
  #known: Buffer | undefined;

  /** `prefix`: what this node puts before each topic. */
  constructor(topics: readonly string[], prefix: string) {
    this.#topics = topics;
    this.#prefixBytes = Buffer.byteLength(prefix);
  }

  /** What is wrong with the packets, or undefined. */
  problem(scanned: ScannedRun): string | undefined {
    try {
      return (
        levelProblem(scanned) ?? this.#topicProblem(scanned.topic) ?? propertiesProblem(scanned)
      );
    } catch (error) {
      if (error instanceof ProtocolError) return problemOf(error);
      throw error;
    }
  }

  #topicProblem(bytes: Buffer): string | undefined {
    if (this.#known?.equals(bytes)) return undefined;
    const topic = textOf(bytes);
    const problem = topicProblem(topic);
    if (problem !== undefined) return `a topic that ${problem}`;
    if (this.#prefixBytes + bytes.length > encodedTopicBytesMax) return "a topic that is too long";
    if (!this.#topics.some((filter) => matches(filter, topic))) {
      return `the topic ${topic}, which is not in the agreement`;
    }
    this.#known = Buffer.from(bytes);
    return undefined;
  }
}

/** A link has QoS 0 alone: other packets have another form. */
export function levelProblem({ first }: ScannedRun): string | undefined {
  return qosIn(first) === 0 ? undefined : "packets of another QoS than 0";
}

function propertiesProblem(scanned: ScannedRun): string | undefined {
  if (!scanned.hasProperties) return undefined;
  let problem: string | undefined;
  walkPublishes(scanned.packets, layout5, (place) => {
    const properties = propertiesAt(scanned.packets, place);
    if (properties.topicAlias !== undefined) problem ??= "a topic alias";
    problem ??= publisherPropertiesProblem(properties);
  });
  return problem;
}
