import type { PaceLimits } from "../../things/pace.ts";

/** Who publishes faster than its pace is not read from for a while. */
export interface MqttLimits extends PaceLimits {
  /** Twice as many sessions are kept, those of clients that are away included. */
  readonly connectionsMax: number;
  /** Those that have not said yet who they are; the oldest of them makes room for another. */
  readonly unauthenticatedMax: number;
  /** Of one Thing or user. */
  readonly connectionsPerPrincipalMax: number;
  /** Of another organisation under one agreement. */
  readonly connectionsPerAgreementMax: number;
  /** Of another organisation's node as itself. */
  readonly connectionsPerPeerMax: number;
  /** Of devices that come with one claim code. */
  readonly connectionsPerClaimMax: number;
  /** Attached to one of those. */
  readonly agreementsPerConnectionMax: number;
  /** Of one agreement's link, whatever its consumer asks for. */
  readonly linkBytesPerSecondMax: number;
  readonly sessionsPerPrincipalMax: number;
  /** One packet of an authenticated client; before CONNECT it is 64 KiB. */
  readonly packetBytesMax: number;
  /** Messages of QoS 1 and 2 a client may have under way without an answer. */
  readonly receiveMaximum: number;
  /** Numbers a client may give to its topics. */
  readonly topicAliasMaximum: number;
  /** A client that asks for a longer one, or for none, is told this one (version 5). */
  readonly keepAliveSecondsMax: number;
  readonly subscriptionsPerClientMax: number;
  /** What may wait for one client. */
  readonly queueBytesMax: number;
  /** What may wait for all of them: the more does, the less may wait for one. */
  readonly queuedBytesMax: number;
  /** From the first byte to a complete CONNECT. */
  readonly connectTimeoutMs: number;
  readonly sessionExpirySecondsMax: number;
}

export const mqttLimits: MqttLimits = {
  connectionsMax: 50_000,
  unauthenticatedMax: 5_000,
  connectionsPerPrincipalMax: 5_000,
  connectionsPerAgreementMax: 16,
  connectionsPerPeerMax: 16,
  connectionsPerClaimMax: 256,
  agreementsPerConnectionMax: 10_000,
  linkBytesPerSecondMax: Infinity,
  sessionsPerPrincipalMax: 10_000,
  packetBytesMax: 1_048_576,
  connectionMessagesPerSecondMax: 100_000,
  connectionBytesPerSecondMax: 67_108_864,
  principalMessagesPerSecondMax: 200_000,
  principalBytesPerSecondMax: 134_217_728,
  receiveMaximum: 65_535,
  topicAliasMaximum: 32,
  keepAliveSecondsMax: 65_535,
  subscriptionsPerClientMax: 1_000,
  queueBytesMax: 16_777_216,
  queuedBytesMax: 1_073_741_824,
  connectTimeoutMs: 10_000,
  sessionExpirySecondsMax: 7 * 24 * 3600,
};
