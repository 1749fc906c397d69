import { topicProblem } from "../../kernel/topic.ts";
import { mayPublish, type Principal } from "../../things/access.ts";
import type { Connect } from "../../wire/mqtt/decode.ts";
import type { Properties } from "../../wire/mqtt/properties.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import type { ClientTakes } from "./client.ts";
import type { MqttLimits } from "./limits.ts";

/** Why a client was not let in, or who it is. */
export type Authentication =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reasonCode: number; readonly problem: string };

/** What is known of who knocks before it is decided who it is. */
export interface Introduction {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly remoteAddress: string;
  readonly clientId: string;
  /** What TLS has verified; absent: it came without. */
  readonly certificate?: PeerCertificate | undefined;
}

export type Authenticate = (introduction: Introduction) => Authentication | Promise<Authentication>;

/** Never rejects. Everything that one CONNECT is let in or turned away by, save for the limits. */
export function admission(
  connect: Connect,
  from: Pick<Introduction, "remoteAddress" | "certificate">,
  authenticate: Authenticate,
): Authentication | Promise<Authentication> {
  const { username, clientId } = connect;
  const password = connect.password?.toString("utf8");
  const known = authenticate({ username, password, clientId, ...from });
  // At once where it is decided from memory, as it is for all but other organisations' nodes.
  return known instanceof Promise
    ? known.then(
        (later) => admitted(connect, later),
        () => refusal(reason.serverUnavailable, "who it is cannot be found out now"),
      )
    : admitted(connect, known);
}

function admitted(connect: Connect, known: Authentication): Authentication {
  const { will, properties } = connect;
  if (!known.ok) return known;
  if (properties.authenticationMethod !== undefined) {
    return refusal(reason.badAuthenticationMethod, "enhanced authentication is not offered");
  }
  const problem = will && topicProblem(will.topic);
  if (problem !== undefined) {
    return refusal(reason.topicNameInvalid, `the will's topic ${problem}`);
  }
  // A will is for streams; of a device that no stream takes anything from it is not looked at.
  const hasWill = will !== undefined && known.principal.kind !== "claimant";
  if (hasWill && !mayPublish(known.principal, will.topic)) {
    return refusal(reason.notAuthorized, `the will's topic ${will.topic} is not allowed`);
  }
  if (connect.clientId === "" && connect.version === 4 && !connect.cleanStart) {
    const text = "an empty client identifier needs a clean session"; // [MQTT-3.1.3-8]
    return refusal(reason.clientIdNotValid, text);
  }
  return known;
}

/** What the client says it accepts: messages under way, and bytes of one packet. */
export function takenBy({ properties }: Connect): ClientTakes {
  return {
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    packetBytesMax: properties.maximumPacketSize ?? Infinity,
  };
}

/** Seconds a session outlives its connection; 3.1.1 knows only none and for ever. */
export function sessionExpiry(connect: Connect): number {
  if (connect.version === 4) return connect.cleanStart ? 0 : Infinity;
  const seconds = connect.properties.sessionExpirySeconds ?? 0;
  return seconds === 0xffff_ffff ? Infinity : seconds;
}

/** How long it may be silent, times one and a half; 0: for ever [MQTT-3.2.2-21]. */
export function keepAliveSeconds(connect: Connect, { keepAliveSecondsMax }: MqttLimits): number {
  const asked = connect.keepAliveSeconds;
  const isBounded = connect.version === 5 && keepAliveSecondsMax < 65_535;
  if (!isBounded || (asked > 0 && asked <= keepAliveSecondsMax)) return asked;
  return keepAliveSecondsMax;
}

/** What a client that is let in is told of this server. */
export function welcome(
  connect: Connect,
  limits: MqttLimits,
  clientId: string,
  keepsSession: boolean,
): Properties {
  const sessionExpirySecondsMax = keepsSession ? limits.sessionExpirySecondsMax : 0;
  const asked = connect.properties.sessionExpirySeconds ?? 0;
  // It is told when its session is kept for less than it asked (§3.2.2.3.2).
  const keepAlive = keepAliveSeconds(connect, limits);
  const isCapped = asked > sessionExpirySecondsMax;
  return {
    maximumPacketSize: limits.packetBytesMax,
    topicAliasMaximum: limits.topicAliasMaximum,
    ...(limits.receiveMaximum < 65_535 ? { receiveMaximum: limits.receiveMaximum } : {}),
    ...(keepAlive === connect.keepAliveSeconds ? {} : { serverKeepAlive: keepAlive }),
    ...(keepsSession ? {} : { sharedAvailable: 0 }),
    ...(isCapped ? { sessionExpirySeconds: sessionExpirySecondsMax } : {}),
    ...(connect.clientId === "" ? { assignedClientId: clientId } : {}), // [MQTT-3.1.3-7]
  };
}

export function refusal(reasonCode: number, problem: string): Authentication {
  return { ok: false, reasonCode, problem };
}
