import assert from "node:assert/strict";
import { test } from "node:test";
import { MqttClient } from "../client/mqtt.ts";
import { credentialProblem, streamLookup } from "./stream-address.ts";

const forbidden = { code: "ADDRESS_FORBIDDEN" };

test("stream address - only a public host and port over mqtt: is connected to", () => {
  for (const endpoint of [
    "mqtts://example.com:8883",
    "http://example.com",
    "mqtt://127.0.0.1:6379",
    "mqtt://[::1]:1883",
    "mqtt://[::ffff:10.0.0.1]:1883",
    "mqtt://169.254.169.254:80",
    "mqtt://localhost:22",
    "mqtt://localhost.:22",
    "mqtt://db.internal",
    "mqtt://user:secret@example.com",
    "mqtt://example.com:0",
    "mqtt://example.com/path",
    "mqtt://example.com?x",
    "mqtt://exa%6dple.com",
    "mqtt:example.com",
    "nonsense",
  ]) {
    assert.throws(() => streamLookup(endpoint, undefined), forbidden, endpoint);
  }
  assert.throws(() => streamLookup("mqtts://example.com", undefined), /mqtts: is not offered yet/);
  assert.ok(streamLookup("mqtt://example.com:1883", undefined));
  assert.ok(streamLookup("mqtt://1.1.1.1", undefined));
});

test("stream address - a local peer may be on this machine and on its own host, nowhere else", () => {
  const base = "http://10.0.0.7:8080";
  assert.equal(streamLookup("mqtt://127.0.0.1:1883", base), undefined);
  assert.equal(streamLookup("mqtt://[::1]:1883", base), undefined);
  assert.equal(streamLookup("mqtt://10.0.0.7:1883", base), undefined);
  assert.ok(streamLookup("mqtt://example.com:1883", base));
  assert.throws(() => streamLookup("mqtt://10.0.0.8:1883", base), forbidden);
});

test("stream address - a name that leads to a private address is not connected to", async () => {
  const lookup = streamLookup("mqtt://rebound.example:1883", undefined, (_name, _options, done) =>
    done(null, [
      { address: "1.1.1.1", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ]),
  );
  const client = new MqttClient({ url: "mqtt://rebound.example:1883", lookup });
  await assert.rejects(client.connected, /leads to 127\.0\.0\.1, a private address/);
});

test("stream address - a token has nothing that could be another protocol's line", () => {
  assert.equal(credentialProblem("eyJhbGciOi.J9-_~+/="), undefined);
  for (const token of ["", "a b", "a\r\nSET x 1\r\n", "\0", "ü"]) {
    assert.match(credentialProblem(token) ?? "", /visible ASCII/);
  }
  assert.match(credentialProblem("x".repeat(5000)) ?? "", /longer/);
});
