import type { LookupFunction } from "node:net";

/** What the MQTT client in `mqtt.ts` offers to links, the command line and the world's devices. */
export interface MqttClientOptions {
  /** `mqtt://host:port` */
  readonly url: string;
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string;
  readonly keepAliveSeconds?: number;
  readonly cleanStart?: boolean;
  /** Published by the server where the connection ends without a DISCONNECT. */
  readonly will?: MqttWill;
  /** MQTT 5 session expiry, seconds. */
  readonly sessionExpirySeconds?: number;
  /** A longer packet from the server ends the connection. */
  readonly packetBytesMax?: number;
  /** How the host's name is looked up; absent: as this machine does. */
  readonly lookup?: LookupFunction | undefined;
}

export interface MqttWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

export interface InboundMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly userProperties: readonly (readonly [string, string])[];
}

export interface PublishOptions {
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
  readonly userProperties?: readonly (readonly [string, string])[];
}
