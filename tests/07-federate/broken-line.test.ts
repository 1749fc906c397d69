import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";
import { readWholeLog } from "./recorded.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };
const keepAliveSeconds = 1;
/** One and a half keep-alive times, how often either side looks, and a slow machine. */
const noticedWithinMs = keepAliveSeconds * 1500 + 1000 + 2500;

type Way = "to the consumer" | "to the provider";

/** A line that can lose every byte, and every end, without either side being told. */
class Line {
  readonly #server = createServer((near) => this.#carry(near));
  readonly #sockets = new Set<Socket>();
  #silent: readonly Way[] = [];
  /** Where the provider's door is, once it has one. */
  port = 0;

  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing passes on those ways, and no new connection is made. */
  pull(ways: readonly Way[]): void {
    this.#silent = ways;
  }

  mend(): void {
    this.#silent = [];
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #carry(near: Socket): void {
    if (this.#silent.length > 0) {
      near.destroy();
      return;
    }
    const far = connect(this.port, "127.0.0.1");
    this.#pass(near, far, "to the provider");
    this.#pass(far, near, "to the consumer");
  }

  #pass(from: Socket, to: Socket, way: Way): void {
    let isLost = false;
    const passes = (): boolean => !(isLost ||= this.#silent.includes(way));
    this.#sockets.add(from);
    from.on("data", (bytes) => passes() && to.write(bytes));
    from.on("error", () => {}); // "close" follows
    from.on("close", () => passes() && to.destroy());
  }
}

const cuts: readonly (readonly Way[])[] = [
  ["to the consumer", "to the provider"],
  ["to the consumer"],
  ["to the provider"],
];

for (const ways of cuts) {
  test(`broken line - silent ${ways.join(" and ")}, noticed on both sides, resumed whole`, async (t) => {
    const line = new Line();
    const publicMqttUrl = await line.listen();
    const world = await twoNodes({ linkKeepAliveSeconds: keepAliveSeconds, publicMqttUrl });
    t.after(async () => {
      await world.close();
      line.close();
    });
    line.port = Number(new URL(world.provider.node.mqttUrl).port);
    const product = { id: "soil", title: "Soil", topics: ["soil/+"] };
    await world.share({ ...product, delivery: "logged", terms: { price } });
    const device = await world.mqtt("provider");
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      const some = Array.from({ length: count }, () => String(sent++));
      await Promise.all(some.map((text) => device.publish("soil/a", text, { qos: 1 })));
    };
    const counted = async (side: "provider" | "consumer") =>
      (await world[side].http.usage())[0]?.messages ?? 0;
    const isUp = async () => (await world.consumer.http.status()).links[0]?.state === "up";
    const others = async () => (await world.provider.http.status()).mqtt.connections - 1;
    await send(50);
    await until("the first have come", async () => (await counted("provider")) === 50);
    assert.equal(await others(), 1);

    line.pull(ways);
    const pulledAt = performance.now();
    await send(50); // into the dead line
    await Promise.all([
      until("the consumer has given it up", async () => !(await isUp()), noticedWithinMs),
      until("so has the provider", async () => (await others()) === 0, noticedWithinMs),
    ]);
    const tookMs = Math.round(performance.now() - pulledAt);
    t.diagnostic(`noticed on both sides after ${tookMs} ms, keep-alive ${keepAliveSeconds} s`);
    await send(50);
    line.mend();
    await until("it is up again", isUp, 20_000);
    await send(50);
    await until("all has come", async () => (await counted("consumer")) === 200);
    await until("all is acknowledged", async () => (await counted("provider")) === 200);
    const lines = await readWholeLog(world.consumer.http, "from/provider/soil");
    assert.deepEqual(
      lines.map(({ payload }) => payload),
      Array.from({ length: 200 }, (_, i) => String(i)),
    );
  });
}
