import { Type } from "typebox";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const amount = Type.Number({ minimum: 0 });
const byReason = Type.Record(text, count);

export const Top = Type.Object({
  name: text,
  version: text,
  uptimeSeconds: count,
  flow: Type.Object({
    messagesIn: count,
    messagesInPerSecond: amount,
    payloadBytesIn: count,
    messagesOutPerSecond: amount,
    runsIn: count,
    singleRunsIn: count,
    messagesPerRun: amount,
    reencodedRuns: count,
    copiedRuns: count,
    dropped: byReason,
    withheld: byReason,
    subscriptions: count,
  }),
  mqtt: Type.Object({
    connections: count,
    connectionsMost: count,
    accepted: count,
    refused: byReason,
    slowed: byReason,
    ended: byReason,
    sessions: count,
    sessionsAway: count,
    sessionsExpired: count,
    messagesIn: count,
    messagesOut: count,
    payloadBytesIn: count,
    payloadBytesOut: count,
    bytesIn: count,
    bytesOut: count,
    packetsIn: count,
    packetsOut: count,
    queuedBytes: count,
  }),
  retained: Type.Object({ messages: count, bytes: count, notKept: count, expired: count }),
  memory: Type.Object({ residentBytes: count, heapBytes: count }),
  cpuSeconds: amount,
  clients: Type.Array(
    Type.Object({
      client: text,
      who: text,
      address: text,
      connectedSeconds: count,
      messagesIn: count,
      messagesOut: count,
      bytesIn: count,
      bytesOut: count,
      queuedBytes: count,
      inflight: count,
      dropped: count,
    }),
  ),
  topics: Type.Array(
    Type.Object({ topic: text, messagesPerSecond: amount, payloadBytesPerSecond: amount }),
  ),
  agreements: Type.Array(
    Type.Object({
      agreement: text,
      link: Type.Union([Type.Literal("up"), Type.Literal("down"), Type.Literal("ended")]),
      messagesPerSecond: amount,
      messages: count,
      lagMs: Type.Optional(Type.Number()),
      withheld: byReason,
    }),
  ),
});
