import assert from "node:assert/strict";
import { test } from "node:test";
import type { GeoPolygon } from "../../kernel/polygon.ts";
import { readRules, rulesOf, termsOf } from "../policy.ts";
import { describePolicy, plainPolicy } from "./plain.ts";
import type { PolicyTerms } from "./rules.ts";

const free = { price: { amount: "0", currency: "XXX", perMessages: 1 } };
const paid = { price: { amount: "0.002", currency: "EUR", perMessages: 1 } };
const batch = { price: { amount: "5", currency: "KES", perMessages: 1000 } };
const area: GeoPolygon = {
  type: "Polygon",
  coordinates: [
    [
      [4.3, 51.8],
      [4.6, 51.8],
      [4.6, 52],
      [4.3, 51.8],
    ],
  ],
};
const ring: GeoPolygon = {
  type: "Polygon",
  coordinates: [
    [
      [-71, -34],
      [-70, -34],
      [-70, -33],
      [-71, -33],
      [-71, -34],
    ],
    [
      [-70.8, -33.8],
      [-70.6, -33.8],
      [-70.6, -33.6],
      [-70.8, -33.8],
    ],
  ],
};
const may = Date.UTC(2026, 4, 1);

const table: readonly (readonly [PolicyTerms, string])[] = [
  [free, "You may use this data free of charge."],
  [paid, "You may use this data paying 0.002 EUR per message."],
  [batch, "You may use this data paying 5 KES per 1,000 messages."],
  [
    { ...paid, topics: ["bus/7"] },
    "You may use the messages whose topic is bus/7, paying 0.002 EUR per message.",
  ],
  [
    { ...paid, topics: ["bus/7", "bus/8"] },
    "You may use the messages whose topic is one of bus/7, bus/8, paying 0.002 EUR per message.",
  ],
  [
    { ...paid, topics: ["bus/+/position"] },
    "You may use the messages whose topic fits bus/+/position, paying 0.002 EUR per message.",
  ],
  [
    { ...free, notBefore: "2027-01-01T00:00:00Z" },
    "You may use this data from 1 January 2027, free of charge.",
  ],
  [
    { ...paid, notAfter: "2027-01-01T06:30:00Z" },
    "You may use this data until 1 January 2027, 06:30 UTC, paying 0.002 EUR per message.",
  ],
  [
    { ...free, lifeSeconds: 2592000 },
    "You may use this data for 30 days after signing, free of charge.",
  ],
  [
    { ...paid, messagesMax: 1 },
    "You may use this data, at most 1 message, paying 0.002 EUR per message.",
  ],
  [
    { ...paid, messagesMax: 1000, bytesMax: 5e6 },
    "You may use this data, at most 1,000 messages and 5 MB of content, paying 0.002 EUR per message.",
  ],
  [
    { ...free, bytesMax: 1234 },
    "You may use this data, at most 1,234 bytes of content, free of charge.",
  ],
  [
    { ...free, rate: { messages: 1, seconds: 10, per: "topic" } },
    "You may use this data, at most 1 message every 10 seconds on each topic, free of charge.",
  ],
  [
    { ...free, rate: { messages: 100, seconds: 60, per: "stream" } },
    "You may use this data, at most 100 messages every minute in all, free of charge.",
  ],
  [{ ...free, purposes: ["research"] }, "You may use this data for research, free of charge."],
  [
    {
      ...free,
      purposes: ["research", "planning", "teaching"],
      recipients: ["did:web:city.example"],
      jurisdictions: ["NL", "US-CA"],
    },
    "You may use this data for planning, research or teaching, by did:web:city.example, in NL (Netherlands) or US-CA, free of charge.",
  ],
  [
    { ...paid, recipientClass: "sme" },
    "You may use this data only as a small or medium-sized enterprise, which you state to be, paying 0.002 EUR per message.",
  ],
  [
    { ...free, purposes: ["planning"], recipientClass: "public", measures: ["nda", "audit"] },
    "You may use this data for planning, only as a public sector body, which you state to be, free of charge. You keep its trade secrets by these measures: audit and nda.",
  ],
  [
    { ...free, fields: ["lat", "lon", "speed"] },
    "You may use this data free of charge. Each message shows only the fields lat, lon and speed.",
  ],
  [
    { ...free, fields: ["door"], drop: ["door.open"] },
    "You may use this data free of charge. Each message shows only the field door. The field door.open is left out.",
  ],
  [
    { ...free, drop: ["driver", "door.open"] },
    "You may use this data free of charge. The fields door.open and driver are left out.",
  ],
  [
    { ...free, round: { lon: 0.01, lat: 0.01 } },
    "You may use this data free of charge. The field lat is rounded to steps of 0.01. The field lon is rounded to steps of 0.01.",
  ],
  [
    { ...free, pseudonymise: ["vehicle"] },
    "You may use this data free of charge. The field vehicle is replaced by pseudonyms made for you alone.",
  ],
  [
    { ...free, shift: { measuredAt: 365 } },
    "You may use this data free of charge. The dates in the field measuredAt are moved by one number of days made for you alone, 365 days at most, back or forth; that hides no date from who sees a message arrive on it.",
  ],
  [
    { ...free, shift: { until: 1, from: 1 }, shiftBy: "patient" },
    "You may use this data free of charge. The dates in the fields from and until are moved by one number of days for each patient, made for you alone, 1 day at most, back or forth; that hides no date from who sees a message arrive on it.",
  ],
  [
    { ...free, dataFrom: "2026-05-01T00:00:00Z", dataUntil: "2026-06-01T00:00:00Z" },
    "You may use this data free of charge. You receive only messages that were recorded from 1 May 2026 on. You receive only messages that were recorded before 1 June 2026.",
  ],
  [
    { ...free, area },
    "You may use this data free of charge. You receive only messages that were sent from inside an area of 3 corners between 51.8° N and 52° N and between 4.3° E and 4.6° E.",
  ],
  [
    { ...free, area: ring },
    "You may use this data free of charge. You receive only messages that were sent from inside an area of 4 corners between 34° S and 33° S and between 71° W and 70° W, with 1 left out inside it.",
  ],
  [
    { ...free, when: { any: [{ topic: ["bus/1"] }, { until: may }] } },
    "You may use this data free of charge. You receive only messages that were recorded before 1 May 2026 or whose topic is bus/1.",
  ],
  [
    { ...free, when: { all: [{ topic: ["bus/#"] }, { any: [{ from: may }, { within: area }] }] } },
    "You may use this data free of charge. You receive only messages whose topic fits bus/# and (that were recorded from 1 May 2026 on or that were sent from inside an area of 3 corners between 51.8° N and 52° N and between 4.3° E and 4.6° E).",
  ],
  [
    { ...free, when: { one: [{ topic: ["bus/1", "bus/2"] }, { within: area }] } },
    "You may use this data free of charge. You receive only messages to which exactly one of these applies: whose topic is one of bus/1, bus/2; that were sent from inside an area of 3 corners between 51.8° N and 52° N and between 4.3° E and 4.6° E.",
  ],
  [
    { ...free, when: { all: [{ one: [{ topic: ["a"] }] }, { from: may, until: may + 86400000 }] } },
    "You may use this data free of charge. You receive only messages (that were recorded from 1 May 2026 on and that were recorded before 2 May 2026) and whose topic is a.",
  ],
  [
    { ...free, unless: [{ topic: ["bus/9/#"] }] },
    "You may use this data free of charge. You do not receive messages whose topic fits bus/9/#.",
  ],
  [
    { ...free, unless: [{ all: [{ topic: ["bus/9"] }, { from: may }] }, { until: 0 }] },
    "You may use this data free of charge. You do not receive messages that were recorded from 1 May 2026 on and whose topic is bus/9. You do not receive messages that were recorded before 1 January 1970.",
  ],
  [
    { ...free, noResharing: true },
    "You may use this data free of charge. You may not pass the data on to others.",
  ],
  [
    { ...free, deleteAfterSeconds: 90000 },
    "You may use this data free of charge. You delete each message within 1 day and 1 hour of receiving it.",
  ],
  [
    { ...free, attribution: "City of Rotterdam" },
    "You may use this data free of charge. You name the source as “City of Rotterdam”.",
  ],
  [
    {
      ...paid,
      topics: ["bus/#"],
      notAfter: "2027-01-01T00:00:00Z",
      messagesMax: 100000,
      purposes: ["traffic planning"],
      fields: ["lat", "lon"],
      noResharing: true,
      deleteAfterSeconds: 2592000,
    },
    "You may use the messages whose topic fits bus/#, until 1 January 2027, at most 100,000 messages, for traffic planning, paying 0.002 EUR per message. Each message shows only the fields lat and lon. You may not pass the data on to others. You delete each message within 30 days of receiving it.",
  ],
];

for (const [terms, plain] of table) {
  test(`plain - ${plain.slice(0, 90)}`, () => {
    assert.equal(plainPolicy(terms), plain);
    // what a buyer reads from the policy as it travelled is what the seller read
    assert.equal(plainPolicy(termsOf(readRules(rulesOf(terms)))), plain);
  });
}

test("plain - each promise says who sees to it", () => {
  const terms: PolicyTerms = {
    ...paid,
    topics: ["bus/#"],
    messagesMax: 1000,
    fields: ["lat"],
    purposes: ["research"],
    noResharing: true,
    unless: [{ topic: ["bus/9"] }],
  };
  assert.deepEqual(
    describePolicy(terms).map(({ kind, text }) => `${kind}: ${text}`),
    [
      "enforced: Only messages whose topic fits bus/#.",
      "enforced: Delivered at most 1,000 messages.",
      "enforced: Each message shows only the field lat.",
      "enforced: No messages whose topic is bus/9.",
      "attested: Used only for research.",
      "attested: You may not pass the data on to others.",
      "owed: You pay 0.002 EUR per message.",
    ],
  );
  assert.deepEqual(describePolicy(free), []);
});
