/** One product with many terms between two real nodes: signed, told alike, and obeyed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";

const terms = {
  price: { amount: "0.001", currency: "EUR", perMessages: 1 },
  topics: ["bus/7/#", "bus/8/#"],
  fields: ["lat", "lon", "car"],
  round: { lat: 0.01 },
  pseudonymise: ["car"],
  lifeSeconds: 86_400,
  bytesMax: 1_000_000,
  area: {
    type: "Polygon" as const,
    coordinates: [
      [
        [4, 51],
        [5, 51],
        [5, 52],
        [4, 52],
        [4, 51],
      ],
    ],
  },
  purposes: ["traffic planning"],
  noResharing: true,
  deleteAfterSeconds: 2_592_000,
  attribution: "Rotterdam",
};

test("policy - what is offered is what both sides signed, are told, and what is delivered", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const agreement = await world.share({
    id: "buses",
    title: "Buses",
    topics: ["bus/#"],
    delivery: "live",
    terms,
  });
  const product = await world.provider.http.product("buses");
  const bought = await world.consumer.http.agreement(agreement.id);
  const sold = await world.provider.http.agreement(agreement.id);
  const [found] = await world.consumer.http.find("buses");
  assert.match(
    product.plain,
    /^You may use the messages whose topic fits one of bus\/7\/#, bus\/8\/#, for 1 day after signing, at most 1 MB of content, for traffic planning, paying 0.001 EUR per message\. /,
  );
  for (const told of [bought, sold, found]) {
    assert.deepEqual([told?.plain, told?.promises], [product.plain, product.promises]);
  }
  assert.deepEqual(bought.topics, terms.topics);

  const received: { topic: string; value: Record<string, unknown> }[] = [];
  const app = await world.mqtt("consumer");
  await app.subscribe("from/provider/buses/#", {}, ({ topic, payload }) =>
    received.push({ topic, value: JSON.parse(payload.toString()) as Record<string, unknown> }),
  );
  const device = await world.mqtt("provider");
  await until("the link is up", async () => {
    const { links } = await world.consumer.http.status();
    return links[0]?.state === "up";
  });
  const position = { lat: 51.923, lon: 4.48, car: "XY-12", driver: "Anna" };
  for (const [topic, message] of [
    ["bus/9/position", position],
    ["bus/7/position", { ...position, lat: 50.9 }],
    ["bus/7/position", { driver: "Anna" }],
    ["bus/7/position", position],
    ["bus/8/position", position],
  ] as const) {
    await device.publish(topic, JSON.stringify(message), { qos: 1 });
  }
  await until("two messages came", async () => received.length >= 2);
  const [first, second] = received;
  assert.deepEqual(
    received.map(({ topic }) => topic),
    ["from/provider/buses/bus/7/position", "from/provider/buses/bus/8/position"],
  );
  assert.deepEqual({ ...first?.value, car: "?" }, { lat: 51.92, lon: 4.48, car: "?" });
  assert.match(String(first?.value["car"]), /^[\w-]{22}$/);
  assert.equal(first?.value["car"], second?.value["car"]);
  const { refusals } = await world.provider.http.status();
  assert.equal(refusals["place"], 2);
});

test("policy - an offer whose life would be over is not agreed to", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const soon = new Date(Date.now() + 400).toISOString();
  const { id } = await world.provider.http.addProduct({
    id: "soon",
    title: "Soon",
    topics: ["soon/#"],
    delivery: "live",
    terms: { ...terms, topics: ["soon/a"], notAfter: soon },
  });
  const offers = await world.consumer.http.find(id);
  await until("its time has come", async () => Date.now() > Date.parse(soon));
  await assert.rejects(world.consumer.http.agree(offers[0]?.offer ?? ""), /it ended at/);
});
