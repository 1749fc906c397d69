import type { TLSSocket } from "node:tls";

/** What TLS has verified of who is at the other end. */
export interface ClientCertificate {
  /** SHA-256 of the certificate, as hexadecimal in pairs with colons. */
  readonly fingerprint256: string;
  /** `CN=…, O=…`, the most specific first. */
  readonly subject: string;
}

/** Undefined where there is none, or none that an authority named here has issued. */
export function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const { fingerprint256, subject } = certificate;
  return { fingerprint256, subject: subject.split("\n").reverse().join(", ") };
}
