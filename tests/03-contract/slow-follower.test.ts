/** Who reads an agreement's stream slowly: nothing of a log is missed, of what is live the oldest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { followEvents, followFrames } from "../01-connect/event-reader.ts";
import { until } from "../two-nodes.ts";
import { openCustomer } from "./customer.ts";

const price = { amount: "0", currency: "EUR", perMessages: 1 };
const many = 8000;
const big = "x".repeat(2000);
const ways = { "Sse-PULL": followEvents, "WebSocket-PULL": followFrames } as const;

for (const [format, follow] of Object.entries(ways)) {
  for (const delivery of ["live", "logged"] as const) {
    test(`${format} - a slow reader of what is ${delivery}`, async (t) => {
      const product = { id: "buses", title: "Buses", topics: ["bus/#"], terms: { price } };
      const opened = await openCustomer({ ...product, delivery });
      t.after(() => opened.close());
      const { endpoint, headers } = await opened.transfer(format);
      const reader = await follow(t, endpoint.replace(/^ws/, "http"), headers);
      await opened.device.publish("bus/1", "first", { qos: 1 });
      await until("it flows", () => reader.messages.length === 1);
      reader.pause();
      for (let n = 0; n < many; n += 1000) {
        const sending = Array.from({ length: 1000 }, (_, i) =>
          opened.device.publish("bus/1", `${n + i} ${big}`, { qos: 1 }),
        );
        await Promise.all(sending);
      }
      reader.resume();
      const got = (): number[] =>
        reader.payloads.slice(1).map((text) => Number.parseInt(text!, 10));
      await until("the newest came", () => got().at(-1) === many - 1);
      const told = reader.told("dropped").reduce((sum, { messages }) => sum + messages!, 0);
      const refused = (await opened.provider.http.status()).refusals["queue-full"] ?? 0;
      assert.equal(told, refused);
      assert.equal(got().length, many - told);
      assert.deepEqual(
        got(),
        got().toSorted((a, b) => a - b),
      );
      if (delivery === "logged") assert.equal(told, 0);
      else assert.ok(told > 0, "more than may wait");
      assert.equal(reader.lastId !== undefined, delivery === "logged");
    });
  }
}
