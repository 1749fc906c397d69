import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransferFormat } from "../../market/formats.ts";
import type { Transfer } from "../../market/transfer.ts";
import { dataAddressOf, fetchedAt } from "./data-address.ts";

const doors = {
  baseUrl: () => "https://seller.example",
  mqttUrl: () => "mqtt://seller.example:1883",
  signer: { did: "did:web:seller.example" },
};
const key = { token: "abc", expiresInMs: 60_000 };
const edc = "https://w3id.org/edc/v0.0.1/ns/";

function transfer(format: TransferFormat): Transfer {
  const [pid, agreement] = ["urn:uuid:pid", "urn:uuid:one"];
  return {
    ...{ pid, agreement, format, role: "consumer", state: "REQUESTED", consumerPid: pid },
    ...{ counterpart: "did:web:seller.example", address: "https://seller.example/dsp" },
    startedAt: "2026-11-22T00:00:00Z",
  };
}

test("data address - what is written is read back, in every format", () => {
  const http = transfer("HttpData-PULL");
  assert.deepEqual(fetchedAt(dataAddressOf(http, key, doors), http, 1_000), {
    source: {
      url: "https://seller.example/data/urn%3Auuid%3Aone",
      authorization: "Bearer abc",
      expiresAt: 61_000,
    },
  });
  const mqtt = transfer("Mqtt5-PULL");
  const { stream } = fetchedAt(dataAddressOf(mqtt, key, doors), mqtt, 1_000) as never;
  assert.deepEqual(stream, {
    endpoint: "mqtt://seller.example:1883",
    username: "urn:uuid:one",
    token: "abc",
    expiresAt: 61_000,
    isShared: true,
  });
});

test("data address - Eclipse EDC finds the endpoint among the properties, and writes it there", () => {
  const http = transfer("HttpData-PULL");
  const written = dataAddressOf(http, key, doors).endpointProperties ?? [];
  const endpoint = written.find(({ name }) => name === `${edc}endpoint`);
  assert.equal(endpoint?.value, "https://seller.example/data/urn%3Auuid%3Aone");
  const properties = {
    ...{ endpoint: "https://edc.example/public", authorization: "a.b.c", authType: "bearer" },
  };
  const theirs = {
    "@type": "DataAddress",
    endpointType: "https://w3id.org/idsa/v4.1/HTTP",
    endpointProperties: Object.entries(properties).map(([name, value]) => {
      return { "@type": "EndpointProperty", name: `${edc}${name}`, value } as const;
    }),
  } as const;
  assert.deepEqual(
    fetchedAt({ ...theirs, endpointProperties: [...theirs.endpointProperties] }, http, 0),
    {
      source: { url: "https://edc.example/public", authorization: "a.b.c" },
    },
  );
});

test("data address - one without an endpoint is refused, saying what it lacks", () => {
  const http = transfer("HttpData-PULL");
  const { endpoint: _, endpointProperties: __, ...bare } = dataAddressOf(http, key, doors);
  assert.throws(
    () => fetchedAt(bare, http, 0),
    /no https:\/\/w3id.org\/idsa\/v4.1\/HTTP with endpoint/,
  );
});
