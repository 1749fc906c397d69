import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { assertCallable, Outbound } from "./outbound.ts";
import { isPublicAddress } from "./public-address.ts";

test("address - private, local, mapped and translated ones are not public", () => {
  for (const address of [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "not an address",
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
  for (const address of [
    "1.1.1.1",
    "172.32.0.1",
    "192.167.1.1",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
  ]) {
    assert.equal(isPublicAddress(address), true, address);
  }
});

test("address - is refused before anything is sent, but for the one origin that is trusted", () => {
  for (const url of [
    "http://example.com/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://localhost/",
    "https://db.internal/",
    "https://user:secret@example.com/",
    "ftp://example.com/",
    "nonsense",
  ]) {
    assert.throws(() => assertCallable(url, undefined), { code: "ADDRESS_FORBIDDEN" }, url);
  }
  assert.equal(assertCallable("https://example.com/x", undefined).host, "example.com");
  const trusted = "http://127.0.0.1:8081";
  assert.equal(assertCallable(`${trusted}/dsp`, trusted).pathname, "/dsp");
  assert.throws(() => assertCallable("http://127.0.0.1:8082/dsp", trusted));
});

test("outbound - a redirect is not followed, a long answer is cut, a slow one given up", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/redirect") response.writeHead(302, { location: "/big" }).end();
    else if (request.url === "/big") response.end("x".repeat(5000));
    // any other path never answers
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const origin = `http://127.0.0.1:${address.port}`;
  const outbound = new Outbound();
  t.after(() => {
    outbound.close();
    server.closeAllConnections();
    server.close();
  });
  const call = (path: string) =>
    outbound.call({
      method: "GET",
      url: `${origin}${path}`,
      trustedOrigin: origin,
      bytesMax: 1000,
      timeoutMs: 300,
    });
  await assert.rejects(call("/redirect"), /redirects/);
  await assert.rejects(call("/big"), /longer than 1000 bytes/);
  await assert.rejects(call("/never"), /took too long/);
});

test("outbound - a name with a private address among others is not connected to", async (t) => {
  const outbound = new Outbound((_hostname, _options, done) => {
    done(null, [
      { address: "1.1.1.1", family: 4 },
      { address: "10.0.0.5", family: 4 },
    ]);
  });
  t.after(() => outbound.close());
  const call = { method: "GET", url: "https://rebound.example/" } as const;
  await assert.rejects(outbound.call(call), { code: "ADDRESS_FORBIDDEN" });
});
