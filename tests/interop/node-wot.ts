/**
 * A Thing behind a node, used by Eclipse Thingweb's node-wot as it uses any Thing: it is given the
 * Description and a credential, nothing else. node-wot brings 140 packages, so it is installed by
 * whoever runs this: `npm install --prefix FOLDER @node-wot/core@0.8.16
 * @node-wot/binding-http@0.8.16 @node-wot/binding-mqtt@0.8.16`, then
 * `NODE_WOT=FOLDER npm run interop:node-wot`.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { connectMqtt } from "../../src/client/mqtt.ts";
import { nodeOptions, startTestNode, until } from "../two-nodes.ts";

interface Output {
  value(): Promise<unknown>;
}
interface ConsumedThing {
  readProperty(name: string): Promise<Output>;
  writeProperty(name: string, value: unknown): Promise<void>;
  observeProperty(name: string, listener: (value: Output) => void): Promise<unknown>;
  subscribeEvent(name: string, listener: (value: Output) => void): Promise<unknown>;
  invokeAction(name: string, input: unknown): Promise<unknown>;
}
interface Servient {
  addClientFactory(factory: unknown): void;
  addCredentials(credentials: Record<string, object>): void;
  start(): Promise<{ consume(td: object): Promise<ConsumedThing> }>;
  shutdown(): Promise<void>;
}

const folder = process.env["NODE_WOT"];
const options = folder === undefined ? { skip: "NODE_WOT names no folder with node-wot" } : {};

for (const bindings of [["http", "mqtt"], ["http"], ["mqtt"]]) {
  test(
    `node-wot - uses a Thing through the node over ${bindings.join(" and ")}`,
    options,
    async (t) => {
      const from = createRequire(join(resolve(folder ?? ""), "package.json"));
      const { Servient } = from("@node-wot/core") as { Servient: new () => Servient };
      const data = await mkdtemp(join(tmpdir(), "comity-node-wot-"));
      const { node, http, token } = await startTestNode(
        await nodeOptions(data, { name: "city", title: "The city" }),
      );
      // Over MQTT alone a value can be read where its device retains it, which its owner knows.
      const retained = {
        href: `${node.mqttUrl}/pump/level`,
        op: ["readproperty"],
        "mqv:controlPacket": "subscribe",
        "mqv:filter": "pump/level",
        "mqv:retain": true,
      };
      const { token: secret } = await http.addThing({
        name: "pump",
        subscribe: ["pump/+/set", "pump/stop"],
        td: {
          title: "Pump",
          properties: {
            pressure: { type: "number", unit: "bar", readOnly: true },
            level: { type: "number", readOnly: true, forms: [retained] },
            speed: { type: "integer" },
          },
          actions: { stop: { input: { type: "object" } } },
          events: { leak: { data: { type: "string" } } },
        },
      });
      const td = await http.thing("pump");
      const servient = new Servient();
      for (const binding of bindings) {
        const factories = from(`@node-wot/binding-${binding}`) as Record<string, new () => unknown>;
        const Factory = factories[`${binding[0]?.toUpperCase()}${binding.slice(1)}ClientFactory`]!;
        servient.addClientFactory(new Factory());
      }
      servient.addCredentials({ [String(td["id"])]: { username: "token", password: token } });
      const thing = await (await servient.start()).consume(td);
      const device = await connectMqtt({ url: node.mqttUrl, username: "pump", password: secret });
      t.after(async () => {
        await servient.shutdown();
        await device.end();
        await node.close();
        await rm(data, { recursive: true });
      });

      const told: string[] = [];
      for (const filter of ["pump/+/set", "pump/stop"]) {
        await device.subscribe(filter, {}, ({ topic, payload }) => {
          told.push(`${topic} ${payload.toString()}`);
        });
      }
      await device.publish("pump/pressure", "3.5", { qos: 1 });
      if (bindings.includes("http")) {
        assert.equal(await (await thing.readProperty("pressure")).value(), 3.5);
      }
      await device.publish("pump/level", "2.5", { qos: 1, retain: true });
      assert.equal(await (await thing.readProperty("level")).value(), 2.5);
      const seen: unknown[] = [];
      const see = async (output: Output): Promise<unknown> => seen.push(await output.value());
      await thing.observeProperty("pressure", (output) => void see(output));
      await thing.subscribeEvent("leak", (output) => void see(output));
      await until("the value is observed", async () => {
        await device.publish("pump/pressure", "4.5", { qos: 1 });
        return seen.includes(4.5);
      });
      await until("the event is", async () => {
        await device.publish("pump/leak", '"drip"', { qos: 1 });
        return seen.includes("drip");
      });
      await thing.writeProperty("speed", 1500);
      await thing.invokeAction("stop", { now: true });
      await until("the Thing is told", () => told.length === 2);
      assert.deepEqual(told, ["pump/speed/set 1500", 'pump/stop {"now":true}']);
    },
  );
}
