/** The whole suite on a node of our own, and that the suite is whole. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { oneNode } from "../01-connect/one-node.ts";
import { nameOf } from "./case.ts";
import { cases, gaps, statements, Suite, versions } from "./suite.ts";

const { node } = await oneNode(
  // A maximum that a case can pass.
  { receiveMaximum: 100 },
  {
    transports: { ws: { host: "127.0.0.1", port: 0 }, origins: [] },
    // Within a case's patience.
    brokerTopicsEveryMs: 500,
  },
);
const webSocketUrl = node.transportUrls.find((url) => url.startsWith("ws:")) ?? "";
const ways = { TCP: node.mqttUrl, WebSocket: webSocketUrl };

for (const version of versions) {
  const own = cases.filter((one) => one.version === version);

  test(`${version} - every statement has a test or a reason why not`, () => {
    assert.deepEqual(gaps(statements[version], own), []);
  });

  for (const [way, url] of Object.entries(ways)) {
    const held = new Suite({ url, webSocketUrl });
    // Each case waits for a broker more than it works.
    suite(`${version} by ${way}`, { concurrency: 24 }, () => {
      for (const one of own) {
        test(`${version} by ${way} - ${nameOf(one)}`, async (t) => {
          const verdict = await held.verdict(one);
          if (verdict.kind === "skipped") t.skip(verdict.reason);
          if (verdict.kind === "failed") assert.fail(verdict.problem);
        });
      }
    });
  }
}

test("suite - tells statements without a test, tests without a statement, and both at once", () => {
  const run = async (): Promise<void> => {};
  const one = { clauses: ["MQTT-1", "MQTT-3", "MQTT-9"], title: "", version: "5.0", run } as const;
  const listed = {
    "MQTT-1": "tested",
    "MQTT-2": "not tested",
    "MQTT-3": { says: "tested", unobservable: "and not" },
    "MQTT-4": { says: "not tested", unobservable: "for a reason" },
  };
  assert.deepEqual(gaps(listed, [one]), [
    "MQTT-9 has a test, and is not in the list of statements",
    "MQTT-2 has neither a test nor a reason why not",
    "MQTT-3 has a test, and a reason why it cannot have one",
  ]);
});
