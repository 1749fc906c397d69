/**
 * Terms as people sell them, from one API to the other node's socket: a product is added, found,
 * agreed to and published; the last message that passes and the first that does not are seen.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NewProduct } from "../../src/client/resources.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const square = (south: number, west: number, north: number, east: number) => ({
  type: "Polygon" as const,
  coordinates: [
    [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
      [west, south],
    ],
  ],
});

type Message = readonly [topic: string, payload: string, arrives?: string];

interface Sold {
  readonly name: string;
  /** Where it depends on when: `at` is a moment that has not come yet. */
  readonly product: (at: string) => Pick<NewProduct, "terms" | "policy">;
  readonly messages: readonly Message[];
  /** After the moment has come. */
  readonly later?: readonly Message[];
  readonly refused: Readonly<Record<string, number>>;
}

const terms = (more: NewProduct["terms"]) => () => ({ terms: { price, ...more } });
const constraint = (leftOperand: string, operator: string, rightOperand: unknown) => ({
  leftOperand,
  operator,
  rightOperand,
});
const topicIs = (topic: string) => constraint("comity:topic", "isAnyOf", [topic]);
const within = (...corners: Parameters<typeof square>) =>
  constraint("spatial", "isPartOf", JSON.stringify(square(...corners)));
const permits = (condition: object) => () => ({
  policy: { permission: [{ action: "use", constraint: [condition] }] },
});

const rows: readonly Sold[] = [
  {
    name: "topics",
    product: terms({ topics: ["topics/1/#"] }),
    messages: [
      ["11/a", "a"],
      ["1/a", "b", "b"],
    ],
    refused: {}, // it is not routed there at all
  },
  {
    name: "shape",
    product: terms({ fields: ["lat", "car"], round: { lat: 0.1 }, drop: ["car.plate"] }),
    messages: [
      ["a", '{"lat":51.96,"lon":4,"car":{"plate":"X","size":2}}', '{"lat":52,"car":{"size":2}}'],
      ["a", '{"lat":"51.96"}'],
    ],
    refused: { field: 1 },
  },
  {
    name: "area",
    product: terms({ area: square(51, 4, 52, 5) }),
    messages: [
      ["a", '{"lat":52,"lon":5}', '{"lat":52,"lon":5}'],
      ["a", '{"lat":52.001,"lon":5}'],
    ],
    refused: { place: 1 },
  },
  {
    name: "rate",
    product: terms({ rate: { messages: 2, seconds: 3_600, per: "topic" } }),
    messages: [
      ["a", "1", "1"],
      ["a", "2", "2"],
      ["a", "3"],
      ["b", "4", "4"],
    ],
    refused: { rate: 1 },
  },
  {
    name: "volume",
    product: terms({ bytesMax: 10 }),
    messages: [
      ["a", "12345", "12345"],
      ["a", "67890", "67890"],
      ["a", "1"],
    ],
    refused: { volume: 1 },
  },
  {
    name: "or",
    product: permits({ or: [topicIs("or/1/#"), within(51, 4, 52, 5)] }),
    messages: [
      ["1/a", '{"lat":0,"lon":0}', '{"lat":0,"lon":0}'],
      ["2/a", '{"lat":51,"lon":4}', '{"lat":51,"lon":4}'],
      ["2/a", '{"lat":50.9,"lon":4}'],
    ],
    refused: { condition: 1 },
  },
  {
    name: "and",
    product: permits({
      and: [{ or: [topicIs("and/1/#"), topicIs("and/2/#")] }, within(0, 0, 1, 1)],
    }),
    messages: [
      ["2/a", '{"lat":1,"lon":1}', '{"lat":1,"lon":1}'],
      ["2/a", '{"lat":1.1,"lon":1}'],
      ["3/a", '{"lat":1,"lon":1}'],
    ],
    refused: { condition: 1, place: 1 },
  },
  {
    name: "xone",
    product: permits({ xone: [topicIs("xone/1/#"), topicIs("xone/+/a")] }),
    messages: [
      ["1/b", "only the one", "only the one"],
      ["2/a", "only the other", "only the other"],
      ["1/a", "both"],
      ["2/b", "neither"],
    ],
    refused: { condition: 2 },
  },
  {
    name: "forbidden",
    product: () => ({
      terms: { price, messagesMax: 2 },
      policy: {
        permission: [{ action: "use" }],
        prohibition: [{ action: "use", constraint: [topicIs("forbidden/driver")] }],
      },
    }),
    messages: [
      ["driver", "a"],
      ["car", "b", "b"],
      ["car", "c", "c"],
      ["car", "d"],
    ],
    refused: { prohibited: 1, cap: 1 },
  },
  {
    name: "data-from",
    product: (at) => ({ terms: { price, dataFrom: at } }),
    messages: [["a", "before"]],
    later: [["a", "after", "after"]],
    refused: { time: 1 },
  },
  {
    name: "data-until",
    product: (at) => ({ terms: { price, dataUntil: at } }),
    messages: [["a", "before", "before"]],
    later: [["a", "after"]],
    refused: { time: 1 },
  },
  {
    name: "not-before",
    product: (at) => ({ terms: { price, notBefore: at } }),
    messages: [["a", "before"]],
    later: [["a", "after", "after"]],
    refused: { early: 1 },
  },
];

let nodes: TwoNodes;
const agreements = new Map<string, string>();
const received = new Map<string, string[]>();

/** All of them are published first, so that the moment is waited for once. */
before(async () => {
  nodes = await twoNodes();
  const app = await nodes.mqtt("consumer");
  await app.subscribe("from/provider/+/#", {}, ({ topic, payload }) => {
    const [, , product = ""] = topic.split("/");
    received.set(product, [...(received.get(product) ?? []), payload.toString()]);
  });
  const at = Date.now() + 4_000;
  for (const { name, product } of rows) {
    const made = { id: name, title: name, topics: [`${name}/#`], delivery: "live" } as const;
    await nodes.provider.http.addProduct({ ...made, ...product(new Date(at).toISOString()) });
  }
  const { offers } = await nodes.consumer.http.findPage({ fresh: true, limit: 100 });
  for (const { offer, product } of offers) {
    agreements.set(product, (await nodes.consumer.http.agree(offer)).id);
  }
  await until("all links are up", async () => {
    const { links } = await nodes.consumer.http.status();
    return links.filter(({ state }) => state === "up").length === rows.length;
  });
  const device = await nodes.mqtt("provider");
  const publish = async (name: string, messages: readonly Message[] = []) => {
    for (const [topic, payload] of messages) {
      await device.publish(`${name}/${topic}`, payload, { qos: 1 });
    }
  };
  for (const { name, messages } of rows) await publish(name, messages);
  assert.ok(Date.now() < at, "this machine is too slow for the moment that was chosen");
  await until("the moment has come", () => Date.now() > at);
  for (const { name, later } of rows) await publish(name, later);
});

after(() => nodes.close());

for (const { name, messages, later = [], refused } of rows) {
  test(`sold terms - ${name}: the last that passes and the first that does not`, async () => {
    const expected = [...messages, ...later].flatMap(([, , arrives]) => arrives ?? []);
    const counted = async () => {
      const { usage } = await nodes.provider.http.agreement(agreements.get(name) ?? "");
      return usage?.refused ?? {};
    };
    await until("what passes has come", () => (received.get(name) ?? []).length >= expected.length);
    const total = (counts: object) => Object.values(counts).reduce((sum, one) => sum + one, 0);
    await until("the rest is counted", async () => total(await counted()) >= total(refused));
    assert.deepEqual(received.get(name), expected);
    assert.deepEqual(await counted(), refused);
  });
}

test("sold terms - a policy is offered as it is, told in words, found and signed alike", async () => {
  const product = await nodes.provider.http.product("forbidden");
  assert.match(product.plain, /at most 2 messages/);
  assert.match(product.plain, /forbidden\/driver/);
  const [found] = await nodes.consumer.http.find("forbidden");
  const policy = product.policy as { "@id": string; prohibition: unknown };
  assert.equal(found?.offer, policy["@id"]);
  assert.equal(found?.plain, product.plain);
  const signed = await nodes.consumer.http.agreement(agreements.get("forbidden") ?? "");
  const { prohibition } = signed.policy as { prohibition: unknown };
  assert.deepEqual(prohibition, policy.prohibition);
  assert.deepEqual(signed.promises, product.promises);
});

test("sold terms - what cannot be offered is refused by name, and nothing is kept", async () => {
  const permission = [{ action: "use", constraint: [constraint("count", "lteq", "5")] }];
  for (const [more, code, named] of [
    [
      { terms: { price, messagesMax: 6 }, policy: { permission } },
      "PRODUCT_INVALID",
      /messagesMax/,
    ],
    [
      { terms: { price }, policy: { permission: [{ action: "sell" }] } },
      "POLICY_UNENFORCEABLE",
      /sell/,
    ],
    [{ terms: { price, fields: ["a"], round: { b: 1 } } }, "PRODUCT_INVALID", /"b"/],
    [{ terms: {} }, "PRODUCT_INVALID", /price/],
    [{}, "PRODUCT_INVALID", /price/],
  ] as const) {
    const product = { id: "never", title: "Never", topics: ["never/#"], ...more };
    await assert.rejects(nodes.provider.http.addProduct(product), (error: unknown) => {
      return error instanceof ComityError && error.code === code && named.test(error.message);
    });
  }
  await assert.rejects(nodes.provider.http.product("never"), { code: "NOT_FOUND" });
});
