import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ComityError, problemOf } from "../../kernel/errors.ts";

export interface TlsSettings {
  /** Files in PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Of those who issue certificates to clients; absent: none is asked for. */
  readonly clientAuthorities?: string;
  /** A client without a certificate is not let in. */
  readonly isClientRequired?: boolean;
}

/**
 * Offered in this order: with the first, what is recorded now stays secret from a quantum computer
 * later (X25519 with ML-KEM-768, draft-ietf-tls-ecdhe-mlkem).
 */
export const keyExchanges = ["X25519MLKEM768", "X25519", "P-256"] as const;

const lookEveryMs = 10_000;

/** Key and certificate from files, read again when they change; connections that stand go on. */
export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #listeners = new Set<(options: SecureContextOptions) => void>();
  readonly #onFailed: (failure: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #read: { readonly stamp: string; readonly options: SecureContextOptions };

  /** CONFIG_INVALID where the files are missing, or do not belong together. */
  constructor(settings: TlsSettings, onFailed: (failure: unknown) => void) {
    this.#settings = settings;
    this.#onFailed = onFailed;
    this.#read = { stamp: this.#stamp(), options: this.#load() };
    this.#timer = setInterval(() => this.reload(), lookEveryMs);
    this.#timer.unref();
  }

  get options(): SecureContextOptions {
    return this.#read.options;
  }

  get clientMode(): "none" | "optional" | "required" {
    if (this.#settings.clientAuthorities === undefined) return "none";
    return this.#settings.isClientRequired === true ? "required" : "optional";
  }

  /** When the certificate ends, milliseconds since the Unix epoch. */
  get endsAt(): number {
    return new X509Certificate(this.#read.options.cert as Buffer).validToDate.getTime();
  }

  onChanged(listener: (options: SecureContextOptions) => void): void {
    this.#listeners.add(listener);
  }

  /** What cannot be read leaves what was read before in use. */
  reload(): void {
    try {
      const stamp = this.#stamp();
      if (stamp === this.#read.stamp) return;
      this.#read = { stamp, options: this.#load() };
      for (const listener of this.#listeners) listener(this.#read.options);
    } catch (failure) {
      this.#onFailed(failure);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #paths(): string[] {
    const { certificate, key, clientAuthorities } = this.#settings;
    return [certificate, key, ...(clientAuthorities === undefined ? [] : [clientAuthorities])];
  }

  #stamp(): string {
    try {
      return this.#paths.map((path) => statSync(path).mtimeMs).join(" ");
    } catch (error) {
      throw new ComityError("CONFIG_INVALID", { problem: `TLS: ${problemOf(error)}` });
    }
  }

  #load(): SecureContextOptions {
    const { certificate, key, clientAuthorities } = this.#settings;
    try {
      const options: SecureContextOptions = {
        cert: readFileSync(certificate),
        key: readFileSync(key),
        minVersion: "TLSv1.2",
        ecdhCurve: keyExchanges.join(":"),
        ...(clientAuthorities === undefined ? {} : { ca: readFileSync(clientAuthorities) }),
      };
      createSecureContext(options);
      return options;
    } catch (error) {
      const files = `--tls-cert ${certificate} with --tls-key ${key}`;
      throw new ComityError("CONFIG_INVALID", { problem: `${files}: ${problemOf(error)}` });
    }
  }
}
