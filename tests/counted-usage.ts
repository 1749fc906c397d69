import { noUsage, type UsagePort } from "../src/ports/usage.ts";

/** A usage port that knows no agreement: what it is told is counted, and nothing is kept. */
export function countedUsage(acknowledge = async (): Promise<void> => {}): {
  readonly usage: UsagePort;
  /** Messages, by reason. */
  readonly refused: Record<string, number>;
  readonly handed: { messages: number; payloadBytes: number };
} {
  const refused: Record<string, number> = {};
  const handed = { messages: 0, payloadBytes: 0 };
  const usage: UsagePort = {
    acknowledged: () => noUsage,
    acknowledge,
    acknowledgedBefore: async () => 0,
    handedOver: () => ({
      add(messages, payloadBytes) {
        handed.messages += messages;
        handed.payloadBytes += payloadBytes;
      },
    }),
    refused(_agreement, reason, messages) {
      refused[reason] = (refused[reason] ?? 0) + messages;
    },
  };
  return { usage, refused, handed };
}
