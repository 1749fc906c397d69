import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { Outbound } from "./outbound.ts";
import { didWebUrl, Resolver } from "./resolver.ts";

test("did:web - becomes the URL of its document", () => {
  assert.equal(didWebUrl("did:web:grid.example"), "https://grid.example/.well-known/did.json");
  assert.equal(
    didWebUrl("did:web:a.example%3A8443"),
    "https://a.example:8443/.well-known/did.json",
  );
  assert.equal(didWebUrl("did:web:a.example:org:grid"), "https://a.example/org/grid/did.json");
});

test("did:web - nothing else than a host, a port and plain path parts is taken", () => {
  for (const did of [
    "did:key:z6Mk",
    "did:web:",
    "did:web:a.example%2Fevil",
    "did:web:a.example@b.example",
    "did:web:a.example%3A80%2F",
    "did:web:a.example:..:x",
    "did:web:a.example:%2e%2e",
    "did:web:a.example?x",
    "web:a.example",
  ]) {
    assert.throws(() => didWebUrl(did), { code: "IDENTITY_INVALID" }, did);
  }
});

test("did:web - of a document only what is read is kept, and none of more than 64 KiB is", async (t) => {
  const did = "did:web:large.example";
  const publicKeyJwk = { kty: "OKP", crv: "Ed25519", x: "AAAA" };
  const key = { id: `${did}#1`, publicKeyJwk };
  const document = { id: did, verificationMethod: [key], assertionMethod: [key.id] };
  let padding: unknown[] = [{}, {}];
  const server = createServer((_, response) => {
    const service = [{ id: "#a", type: "Other", serviceEndpoint: padding }];
    const verificationMethod = [{ ...key, padding }];
    response.end(JSON.stringify({ ...document, verificationMethod, service, padding }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const outbound = new Outbound();
  t.after(() => {
    outbound.close();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resolver = new Resolver({ outbound, clock: systemClock, localPeers: [{ did, url }] });
  assert.deepEqual(await resolver.resolve(did), { ...document, service: [] });
  padding = Array.from({ length: 30_000 }, () => ({}));
  await assert.rejects(resolver.resolve(did, 0), /longer than 65536 bytes/);
});
