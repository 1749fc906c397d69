import type { LogLine } from "../client/resources.ts";

/** What two nodes hold of one logged stream, compared position by position. */
export interface Comparison {
  readonly compared: number;
  /** Positions that the provider has and the consumer has not; numbers that devices skipped. */
  readonly lost: number;
  /** Positions, or a device's numbered messages, that the consumer has more than once. */
  readonly twice: number;
}

/**
 * Positions must be the same on both sides up to where the consumer's log ends. The devices'
 * own numbers (`seq`, topic by topic) must in addition run on without a gap, so that a message
 * the provider never logged is found as well; a number that starts again is a device restarted.
 */
export function compareLogs(
  provider: readonly LogLine[],
  consumer: readonly LogLine[],
): Comparison {
  const first = consumer[0]?.position;
  const last = consumer.at(-1)?.position;
  if (first === undefined || last === undefined) return { compared: 0, lost: 0, twice: 0 };
  const positions = new Set<number>();
  const messages = new Set<string>();
  const numbers = new Map<string, number>();
  let lost = 0;
  let twice = 0;
  for (const line of consumer) {
    const { seq, time } = stampOf(line);
    const repeated = positions.has(line.position) || messages.has(`${line.topic} ${seq} ${time}`);
    positions.add(line.position);
    if (seq === undefined) {
      twice += repeated ? 1 : 0;
      continue;
    }
    messages.add(`${line.topic} ${seq} ${time}`);
    if (repeated) {
      twice += 1;
      continue;
    }
    const before = numbers.get(line.topic);
    if (before !== undefined && seq > before + 1) lost += seq - before - 1;
    numbers.set(line.topic, seq);
  }
  for (const { position } of provider) {
    if (position >= first && position <= last && !positions.has(position)) lost += 1;
  }
  return { compared: consumer.length, lost, twice };
}

function stampOf({ payload }: LogLine): { seq?: number; time?: string } {
  try {
    const { seq, time } = JSON.parse(payload ?? "") as { seq?: unknown; time?: unknown };
    return {
      ...(typeof seq === "number" && { seq }),
      ...(typeof time === "string" && { time }),
    };
  } catch {
    return {};
  }
}
