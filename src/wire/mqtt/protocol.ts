/**
 * MQTT on the wire, both versions: 3.1.1 (ISO/IEC 20922, protocol level 4) and 5.0 (level 5).
 * Bytes come in as the socket gives them; `packet-stream.ts` cuts them into control packets and
 * runs of PUBLISH packets; `decode.ts` and `encode.ts` turn packets into typed values and back.
 * Pure: no sockets, no sessions, no clock.
 */
export type ProtocolVersion = 4 | 5;

export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** Packet identifiers are 1 to this (§2.2.1). */
export const packetIdMax = 65_535;

/** After the greatest comes 1. */
export function packetIdAfter(id: number): number {
  return id === packetIdMax ? 1 : id + 1;
}

/** Reason codes that this implementation sends or names (MQTT 5.0 §2.4). */
export const reason = {
  success: 0x00,
  normalDisconnection: 0x00,
  grantedQos1: 0x01,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedVersion: 0x84,
  clientIdNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  qosNotSupported: 0x9b,
  sharedSubscriptionsNotSupported: 0x9e,
  subscriptionIdsNotSupported: 0xa1,
} as const;

/** The sender broke the protocol: its connection ends with this reason code. */
export class ProtocolError extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number, message: string) {
    super(message);
    this.name = "ProtocolError";
    this.reasonCode = reasonCode;
  }
}

export function malformed(message: string): ProtocolError {
  return new ProtocolError(reason.malformedPacket, message);
}
