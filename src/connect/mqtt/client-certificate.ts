import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../../things/certificate.ts";

/** Undefined where there is none, or none that an authority named here has issued. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const { fingerprint256, subject } = certificate;
  return { fingerprint256, subject: subject.split("\n").reverse().join(", ") };
}
