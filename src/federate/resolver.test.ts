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

test("did:web - strangers that answer slowly do not pile up, and who is known is still looked up", async () => {
  const waiting = new Map<string, () => void>();
  let now = 0;
  const call = ({ url }: { readonly url: string }) =>
    new Promise<{ status: number; body: string }>((resolve) => {
      const id = `did:web:${new URL(url).hostname}`;
      waiting.set(id, () =>
        resolve({ status: 200, body: JSON.stringify({ id, verificationMethod: [] }) }),
      );
    });
  const clock = { now: () => now, monotonic: () => now };
  const outbound = { call, close: () => {} } as unknown as Outbound;
  const resolver = new Resolver({ outbound, clock, localPeers: [], lookUpsMax: 2 });
  const answer = async (did: string, asked: Promise<unknown>) => {
    waiting.get(did)?.();
    return asked;
  };
  const known = "did:web:known.example";
  await answer(known, resolver.resolve(known));
  now += 10 * 60_000;
  const slow = ["did:web:a.example", "did:web:b.example"].map((did) => resolver.resolve(did));
  await assert.rejects(resolver.resolve("did:web:c.example"), {
    code: "LIMIT_REACHED",
    message: /2 strangers looked up at a time/,
  });
  await answer(known, resolver.resolve(known));
  await answer("did:web:a.example", slow[0]!);
  now += 10_000;
  await answer("did:web:c.example", resolver.resolve("did:web:c.example"));
  await answer("did:web:b.example", slow[1]!);
});
