/** What may be delivered unsigned holds from the first connection of a node that was started again. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MqttClient } from "../../src/client/mqtt.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { layout5 } from "../../src/flow/run.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import type { Transfer } from "../../src/market/transfer.ts";
import { type UsageRow, usageRowWrite } from "../../src/meter/usage-rows.ts";
import { noUsage } from "../../src/ports/usage.ts";
import type { Checkpoint } from "../../src/ports/usage.ts";
import {
  claimProperties,
  decodeControl,
  encodeControl,
  linkTopic,
} from "../../src/wire/link/control.ts";
import { walkPublishes } from "../../src/wire/mqtt/publish.ts";
import { twoNodes, until } from "../two-nodes.ts";

const price = { amount: "0.5", currency: "EUR", perMessages: 1 };

interface Login {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Takes and acknowledges whatever comes, connects again at once, and never signs. */
class Taker {
  readonly #login: Login;
  readonly #ending = new AbortController();
  #held: Checkpoint;
  #client: MqttClient | undefined;
  connections = 0;

  constructor(login: Login, held: Checkpoint) {
    this.#login = login;
    this.#held = held;
  }

  get messages(): number {
    return this.#held.messages;
  }

  async run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#connection().catch(() => sleep(1));
    }
  }

  end(): void {
    this.#ending.abort();
    this.#client?.destroy();
  }

  async #connection(): Promise<void> {
    const topic = linkTopic(this.#login.username);
    const client = new MqttClient(this.#login, (run) =>
      walkPublishes(run.packets, layout5, (place) => {
        if (run.topic.toString("utf8") !== topic) return;
        const control = decodeControl(run.packets.subarray(place.payloadAt, place.end));
        if (control?.t !== "checkpoint") return;
        const { epoch, position, messages, payloadBytes } = control;
        this.#held = { epoch, position, messages, payloadBytes };
        void client.publish(topic, encodeControl({ t: "ack", ...this.#held })).catch(() => {});
      }),
    );
    this.#client = client;
    await client.connected;
    this.connections += 1;
    await client.subscribe(topic, { properties: claimProperties(this.#held) });
    await client.closed;
  }
}

/** As many more that deliver, each like the one that is there. */
async function addAgreements(data: string, count: number): Promise<void> {
  const store = await openEmbeddedStore({ path: join(data, "comity.db") });
  const [sold] = await store.list<Agreement>("agreement");
  const [used] = await store.list<UsageRow>("usage");
  for (let i = 0; i < count; i++) {
    const doc = { ...sold!.doc, id: `urn:uuid:${randomUUID()}` };
    await store.commit([
      { op: "add", kind: "agreement", id: doc.id, doc },
      usageRowWrite("add", doc.id, { ...used!.doc, totalMessages: 1 }),
    ]);
  }
  await store.close();
}

test("exposure - a node that was started again delivers nothing more to who does not sign", async (t) => {
  const nodes = await twoNodes({ exposureMessagesMax: 10 });
  t.after(() => nodes.close());
  const { id } = await nodes.share({
    ...{ title: "Unsigned", topics: ["unsigned/#"], delivery: "logged" },
    terms: { price },
  });
  const { data } = nodes.consumer.options;
  await nodes.consumer.node.close();
  const store = await openEmbeddedStore({ path: join(data, "comity.db") });
  const [transfer] = await store.list<Transfer>("transfer");
  await store.close();
  const { token } = transfer!.doc.stream!;
  const url = nodes.provider.node.mqttUrl;
  const taker = new Taker({ url, username: id, password: token }, noUsage);
  t.after(() => taker.end());
  void taker.run();
  const device = await nodes.mqtt("provider");
  let sent = 0;
  const publish = () => device.publish("unsigned/1", String(sent++), { qos: 1 });
  while (taker.messages <= 10) await publish();
  for (let i = 0; i < 100; i++) await publish();
  await until("it rests", async () => {
    const before = taker.messages;
    await sleep(200);
    return taker.messages === before;
  });
  const delivered = taker.messages;
  assert.ok(delivered > 10 && delivered < sent, `${delivered} of ${sent}`);
  for (let i = 0; i < 3; i++) {
    const connections = taker.connections;
    // the more agreements, the longer a start takes
    await nodes.restart("provider", {}, () => addAgreements(nodes.provider.options.data, 100));
    await until("it has connected again", () => taker.connections > connections);
    await sleep(300);
    assert.equal(taker.messages, delivered, `after start ${i + 1}`);
  }
});
