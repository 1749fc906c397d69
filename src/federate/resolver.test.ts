import assert from "node:assert/strict";
import { test } from "node:test";
import { didWebUrl } from "./resolver.ts";

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
