import type { EndReason } from "../../flow/gate.ts";
import { isLoopback } from "../../kernel/loopback.ts";
import type { UsagePort } from "../../ports/usage.ts";
import type { Principal } from "../../things/access.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import { isJwt, type JwtVerdict } from "../../things/jwt.ts";
import { claimUserName, type Entrance } from "../../things/onboarding/onboarding.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import { type Authentication, type Introduction, refusal } from "./connect.ts";

export interface DoorKeepers {
  /** `--dev`: nameless clients from this machine are let in. */
  readonly dev: boolean;
  /** A Thing's or a user's credential. */
  readonly ownPrincipal: (username: string, password: string) => Principal | undefined;
  /** Whose certificate this is, which TLS has verified; absent: no certificate lets anybody in. */
  readonly certified?: (certificate: PeerCertificate) => Principal | undefined;
  /** An agreement's token. */
  readonly participant: (agreement: string, token: string) => Principal | undefined;
  /** Why an agreement delivers no more; undefined while it does, or where there is none. */
  readonly endedBecause: (agreement: string) => EndReason | undefined;
  /** Is the token another organisation's own, for this node? */
  readonly peer: (did: string, jwt: string) => Promise<boolean>;
  readonly usage: UsagePort;
  /** Who comes with a JWT; absent: they let nobody in. */
  readonly jwt?: (token: string, username: string) => Promise<JwtVerdict>;
  /** Who comes with a claim code, under a name of its own; undefined: it is none. */
  readonly claimant?: (name: string, code: string) => Entrance | undefined;
  /** Holds up who was turned away, the longer the more often. */
  readonly slow?: { wait(address: string, name?: string): Promise<void> };
}

/** Why an organisation may not attach an agreement with this token; undefined where it may. */
export type Attach = (did: string, agreement: string, token: string) => string | undefined;

/** As for CONNECT: whoever names an agreement that ended hears so. */
export function attacher(keepers: DoorKeepers): Attach {
  return (did, agreement, token) => {
    const principal = keepers.participant(agreement, token);
    if (principal?.kind === "participant" && principal.did === did) return undefined;
    const ended = keepers.endedBecause(agreement);
    keepers.usage.refused(agreement, ended ?? "no-agreement", 1);
    return ended === undefined ? "the token is wrong" : `the agreement has ended: ${ended}`;
  };
}

/** Who an MQTT CONNECT is: one of our own, another organisation under an agreement, or nobody. */
export function authenticator(keepers: DoorKeepers) {
  return (introduction: Introduction): Authentication | Promise<Authentication> => {
    const { username, password, remoteAddress, clientId, certificate } = introduction;
    const certified = certificate && keepers.certified?.(certificate);
    if (certified !== undefined) {
      const fits = fitsCertificate(keepers, certified, introduction);
      if (fits) return { ok: true, principal: certified };
      const text = "the certificate is of another Thing than the user name and the token";
      return later(keepers, remoteAddress, username ?? "", refusal(reason.notAuthorized, text));
    }
    if (username === undefined && isJwt(password) && keepers.jwt) {
      return jwtAuthentication(keepers, keepers.jwt, password, "", remoteAddress); // §3.1.2.9
    }
    if (username === undefined || password === undefined) {
      if (keepers.dev && isLoopback(remoteAddress))
        return { ok: true, principal: { kind: "anonymous" } };
      const text = certificate
        ? `no Thing has the certificate of ${certificate.subject}`
        : "this node needs a user name and a password";
      return refusal(reason.notAuthorized, text);
    }
    const wait = (answer: Authentication) => later(keepers, remoteAddress, username, answer);
    if (username.startsWith("did:")) {
      return peerAuthentication(keepers, username, password).then((known) =>
        known.ok ? known : wait(known),
      );
    }
    const own = keepers.ownPrincipal(username, password);
    if (own !== undefined) return { ok: true, principal: own };
    const name = username === claimUserName ? clientId : username;
    const claimant = keepers.claimant?.(name, password);
    if (claimant?.ok === true) return { ok: true, principal: claimant.claimant };
    if (claimant !== undefined) {
      return wait(refusal(reason.notAuthorized, claimant.problem));
    }
    const participant = keepers.participant(username, password);
    if (participant !== undefined) return { ok: true, principal: participant };
    if (keepers.jwt && isJwt(password)) {
      return jwtAuthentication(keepers, keepers.jwt, password, username, remoteAddress);
    }
    // An agreement's id is known to its two parties alone: who names it may hear how it stands.
    const ended = keepers.endedBecause(username);
    if (ended !== undefined) {
      keepers.usage.refused(username, ended, 1);
      return refusal(reason.notAuthorized, `the agreement has ended: ${ended}`);
    }
    keepers.usage.refused(username, "no-agreement", 1);
    const wrong = refusal(reason.badUserNameOrPassword, "the user name or the token is wrong");
    return wait(wrong);
  };
}

/** Whatever else it says of itself has to say the same: a name, and a token under it. */
function fitsCertificate(
  keepers: DoorKeepers,
  certified: Principal,
  { username, password }: Introduction,
): boolean {
  if (certified.kind !== "thing") return false;
  if (password === undefined) return username === undefined || username === certified.id;
  const own = keepers.ownPrincipal(username ?? "", password);
  return own?.kind === "thing" && own.id === certified.id;
}

/** Codes and tokens are not to be tried out as fast as the line carries them. */
function later(
  { slow }: DoorKeepers,
  remoteAddress: string,
  name: string,
  answer: Authentication,
): Authentication | Promise<Authentication> {
  return slow === undefined ? answer : slow.wait(remoteAddress, name).then(() => answer);
}

async function jwtAuthentication(
  keepers: DoorKeepers,
  verify: NonNullable<DoorKeepers["jwt"]>,
  token: string,
  username: string,
  remoteAddress: string,
): Promise<Authentication> {
  const verdict = await verify(token, username);
  if (verdict.ok) return verdict;
  const refused = refusal(reason.badUserNameOrPassword, verdict.problem);
  return later(keepers, remoteAddress, username, refused);
}

async function peerAuthentication(
  keepers: DoorKeepers,
  did: string,
  jwt: string,
): Promise<Authentication> {
  if (await keepers.peer(did, jwt)) return { ok: true, principal: { kind: "peer", did } };
  return refusal(reason.badUserNameOrPassword, "the participant or its token is not known here");
}
