import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CompactSign } from "jose";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";

type Signed = { payload: string; signatures: { protected: string; signature: string }[] };

/** Somebody who publishes vocabularies and says whatever a test wants; no node of ours. */
export class ScriptedIssuer {
  readonly did: string;
  readonly url: string;
  /** By `<sector>/<version>`, as it answers; the list says the hashes beside it. */
  readonly documents = new Map<string, { hash: string; signed: Signed }>();
  readonly #server: ReturnType<typeof createServer>;
  readonly #key: KeyObject;

  private constructor(server: ReturnType<typeof createServer>, key: KeyObject) {
    const { port } = server.address() as AddressInfo;
    this.#server = server;
    this.#key = key;
    this.did = `did:web:localhost%3A${port}`;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async open(): Promise<ScriptedIssuer> {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const issuer = new ScriptedIssuer(server, privateKey);
    const { did, documents } = issuer;
    server.on("request", (request, response) => {
      const [, first, sector = "", version] = (request.url ?? "").split("/");
      const say = (value: unknown) => response.end(JSON.stringify(value));
      if (first === ".well-known") {
        const publicKeyJwk = publicKey.export({ format: "jwk" });
        const node = { id: `${did}#node`, type: "ComityNode", serviceEndpoint: issuer.url };
        const verificationMethod = [{ id: `${did}#key`, publicKeyJwk }];
        return say({ id: did, verificationMethod, service: [node] });
      }
      if (version !== undefined) return say(documents.get(`${sector}/${version}`)?.signed);
      const vocabularies = [...documents].map(([name, { hash }]) => {
        const [of, number] = name.split("/");
        return { sector: of, version: number, hash };
      });
      return say({ issuer: did, vocabularies });
    });
    return issuer;
  }

  /** Signs and publishes it in one place of its list; returns its hash. */
  async publish(document: object, key = this.#key): Promise<string> {
    const whole = { v: 1, issuer: this.did, issuedAt: "2026-11-23T08:00:00Z", ...document };
    const { sector, version } = whole as unknown as { sector: string; version: string };
    const hash = canonicalHash(whole);
    const header = { alg: "EdDSA", kid: `${this.did}#key`, typ: "comity-commission+jws" };
    const sign = new CompactSign(canonicalBytes(whole)).setProtectedHeader(header);
    const [protectedHeader = "", payload = "", signature = ""] = (await sign.sign(key)).split(".");
    const signed = { payload, signatures: [{ protected: protectedHeader, signature }] };
    this.documents.set(`${sector}/${version}`, { hash, signed });
    return hash;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
