import type { MqttLimits } from "../connect/mqtt/limits.ts";
import type { TlsSettings } from "../connect/mqtt/tls-files.ts";
import type { OpenIdSettings } from "../federate/openid.ts";
import type { LocalPeer } from "../federate/resolver.ts";
import type { RetainedLimits } from "../flow/retained.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import type { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Place } from "../kernel/place.ts";
import type { Decisions } from "../market/decisions.ts";
import type { JwtSettings } from "../things/jwt.ts";

export interface NodeOptions {
  /** `[a-z0-9-]{1,64}`: how peers name it. */
  readonly name: string;
  readonly title: string;
  /** ISO 3166-1 alpha-2 code. */
  readonly country: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly place: Place;
  /** Its identity, at the first start only; absent: `did:web` of its public address. */
  readonly did?: string;
  /** Folder of everything that must not be lost. */
  readonly data: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Other ways for MQTT clients to come in, with the same questions about who they are. */
  readonly transports?: Transports;
  /** Where others reach it over HTTP, where that is another address than it binds. */
  readonly publicUrl?: string;
  /** `mqtt://host:port` that consumers are told; absent: the bound port on `publicUrl`'s host. */
  readonly publicMqttUrl?: string;
  /** Peers on this machine or network, which the guard against private addresses lets through. */
  readonly localPeers: readonly LocalPeer[];
  /** Origins on this machine or network that sources may fetch from: `http://127.0.0.1:8000`, `tcp://…`. */
  readonly localSources?: readonly string[];
  /** Participants of designated gatekeepers: no third parties (Data Act Art. 5(3)). */
  readonly gatekeepers?: readonly string[];
  /** What it does by itself in negotiations and transfers; absent: what its catalogue says. */
  readonly decisions?: Partial<Decisions>;
  /** With whom partners may log in to accept a link; absent: a name and an e-mail are typed. */
  readonly openid?: OpenIdSettings;
  /** Whose JWTs let an app in; absent: nobody's. */
  readonly jwt?: JwtSettings;
  /** Anonymous clients on loopback are operators. */
  readonly dev: boolean;
  readonly publicWorld: boolean;
  /** How often usage becomes a receipt. */
  readonly receiptWindowMs: number;
  /** How often partners' nodes are asked to witness the evidence log; absent: each minute. */
  readonly witnessMs?: number;
  /** Between two readings of a peer's catalogue, about; a minute where absent, 0: only when asked. */
  readonly crawlMs?: number;
  /** How often a message is held against the vocabulary it is by; absent: every ten seconds. */
  readonly markEveryMs?: number;
  /** Delivery under an agreement rests when so many messages are owed without a signature. */
  readonly exposureMessagesMax?: number;
  /** How often a provider that serves HTTP alone is asked; absent: every ten seconds. */
  readonly httpFetchEveryMs?: number;
  /** Under how many agreements one participant may receive at a time; absent: a thousand. */
  readonly agreementsPerPeerMax?: number;
  /** How often logs give up what they keep no longer; absent: every ten minutes. */
  readonly retentionMs?: number;
  /** How long a transfer's token opens the door; absent: a day. */
  readonly tokenLifetimeMs?: number;
  /** How soon a link that hears nothing is given up on both sides: one and a half times this. */
  readonly linkKeepAliveSeconds?: number;
  /** How many topics have a retained message, of how many bytes in all, and for how long. */
  readonly retained?: Partial<RetainedLimits>;
  /** How often `$SYS/broker/` is told to who subscribed; absent: every ten seconds, 0: never. */
  readonly brokerTopicsEveryMs?: number;
  readonly limits?: Partial<MqttLimits>;
  readonly logLevel?: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
  readonly crash?: Crash;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Transports {
  readonly mqtts?: Address;
  readonly ws?: Address;
  readonly wss?: Address;
  /** Path of a Unix socket. */
  readonly socket?: string;
  /** For `mqtts` and `wss`. */
  readonly tls?: TlsSettings;
  /** Pages of other places that may connect by WebSocket, such as `https://app.example`. */
  readonly origins: readonly string[];
}

export interface RunningNode {
  readonly name: string;
  readonly did: string;
  readonly httpUrl: string;
  readonly mqttUrl: string;
  /** The other ways in for MQTT clients. */
  readonly transportUrls: readonly string[];
  /** Only at the first start; later it stands in `<data>/admin-token`. */
  readonly adminToken?: string;
  /** An address that opens the console once, signed in as the first owner. */
  signInLink(): string;
  /** Resolves with STORE_FAILED when the node can keep nothing any longer and must be started anew. */
  readonly failed: Promise<ComityError>;
  /** Hands on what waits, keeps what must be kept, and ends. */
  close(): Promise<void>;
}
