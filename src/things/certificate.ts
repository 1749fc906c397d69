/** What TLS has verified of who is at the other end. */
export interface PeerCertificate {
  /** SHA-256 of the certificate, as hexadecimal in pairs with colons. */
  readonly fingerprint256: string;
  /** `CN=…, O=…`, the most specific first. */
  readonly subject: string;
}

/** By which a Thing is known: one certificate, or whatever certificate has this subject. */
export type ThingCertificate = Partial<PeerCertificate>;

/** As Node writes it, from any way people do; undefined where it is none. */
function fingerprintIn(text: string): string | undefined {
  const digits = text.replaceAll(":", "").toUpperCase();
  if (!/^[0-9A-F]{64}$/.test(digits)) return undefined;
  return digits.replace(/..(?!$)/g, "$&:");
}

/** As it is kept; a text where it cannot be one. */
export function certificateIn(asked: ThingCertificate): ThingCertificate | string {
  const { fingerprint256, subject } = asked;
  if ((fingerprint256 === undefined) === (subject === undefined)) {
    return "its certificate is told by fingerprint256 or by subject";
  }
  if (subject !== undefined) return subject === "" ? "the subject is empty" : { subject };
  const known = fingerprintIn(fingerprint256 ?? "");
  return known === undefined
    ? "fingerprint256 is no SHA-256 in hexadecimal"
    : { fingerprint256: known };
}

/** Things by their certificate: a certificate of its own goes before a subject. */
export class CertificateIndex {
  readonly #things = new Map<string, string>();

  of({ fingerprint256, subject }: PeerCertificate): string | undefined {
    return this.#things.get(`print ${fingerprint256}`) ?? this.#things.get(`name ${subject}`);
  }

  /** The Thing that has it already. */
  holder(certificate: ThingCertificate): string | undefined {
    return this.#things.get(keyOf(certificate));
  }

  add(certificate: ThingCertificate | undefined, thing: string): void {
    if (certificate !== undefined) this.#things.set(keyOf(certificate), thing);
  }

  remove(certificate: ThingCertificate | undefined): void {
    if (certificate !== undefined) this.#things.delete(keyOf(certificate));
  }
}

function keyOf({ fingerprint256, subject }: ThingCertificate): string {
  return fingerprint256 === undefined ? `name ${subject}` : `print ${fingerprint256}`;
}
