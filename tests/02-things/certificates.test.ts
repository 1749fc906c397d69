/** A Thing that comes with its certificate over TLS, in place of a token. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { X509Certificate } from "node:crypto";
import { connectAsync, type MqttClient } from "mqtt";
import { authority, issue, noOpenssl } from "../01-connect/certificates.ts";
import { nodeOptions, startTestNode } from "../two-nodes.ts";

const skip = noOpenssl();
if (skip !== undefined) test("certificates", { skip }, () => {});
else await run();

async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "comity-certificates-"));
  const strangers = await mkdtemp(join(folder, "strangers-"));
  const fleet = authority(folder, "fleet");
  const own = issue(folder, "localhost", fleet);
  const [truck, tram, nobody] = ["truck", "tram", "nobody"].map((n) => issue(folder, n, fleet));
  const foreign = issue(strangers, "tram", authority(strangers, "stranger"));
  const { node, http } = await startTestNode(
    await nodeOptions(join(folder, "node"), {
      ...{ name: "depot", title: "Depot" },
      transports: {
        ...{ origins: [], mqtts: { host: "127.0.0.1", port: 0 } },
        tls: { ...own, clientAuthorities: fleet.certificate },
      },
    }),
  );
  after(async () => {
    await node.close();
    await rm(folder, { recursive: true });
  });
  const url = node.transportUrls.find((one) => one.startsWith("mqtts:")) ?? "";

  function comes(
    from: typeof own | undefined,
    more: { readonly username?: string; readonly password?: string } = {},
  ): Promise<MqttClient> {
    return connectAsync(url.replace("127.0.0.1", "localhost"), {
      ...{ protocolVersion: 5, reconnectPeriod: 0, ca: readFileSync(fleet.certificate), ...more },
      ...(from && { key: readFileSync(from.key), cert: readFileSync(from.certificate) }),
    });
  }

  const print = new X509Certificate(readFileSync(truck!.certificate)).fingerprint256;
  const lower = print.replaceAll(":", "").toLowerCase();
  const added = await http.addThing({ name: "truck-1", certificate: { fingerprint256: lower } });
  await http.addThing({ name: "tram-1", certificate: { subject: "CN=tram, O=Fleet" } });
  const { token } = await http.addThing({ name: "other" });

  test("certificates - by fingerprint and by subject a Thing comes in, to its own topics", async () => {
    assert.deepEqual(added.thing.certificate, { fingerprint256: print });
    for (const [from, name, foreignTopic] of [
      [truck, "truck-1", "tram-1/x"],
      [tram, "tram-1", "truck-1/x"],
    ] as const) {
      const client = await comes(from);
      await client.publishAsync(`${name}/x`, "here", { qos: 1 });
      await assert.rejects(client.publishAsync(foreignTopic, "x", { qos: 1 }), /Not authorized/);
      await client.endAsync();
      const known = (await http.things()).find(({ id }) => id === name);
      assert.equal(known?.last, "here");
    }
  });

  test("certificates - one that is nobody's, or of another authority, lets nobody in", async () => {
    await assert.rejects(comes(nobody), { code: 0x87 });
    await assert.rejects(comes(undefined), { code: 0x87 });
    await assert.rejects(comes(foreign)); // its subject is tram-1's
  });

  test("certificates - a name and a token beside one have to be of the same Thing", async () => {
    const right = { username: "truck-1", password: added.token };
    for (const more of [{}, { username: "truck-1" }, right]) {
      await (await comes(truck, more)).endAsync();
    }
    await assert.rejects(comes(truck, { username: "other", password: token }), { code: 0x87 });
    await assert.rejects(comes(truck, { ...right, password: token }), { code: 0x87 });
    await (await comes(nobody, { username: "other", password: token })).endAsync();
  });

  test("certificates - one certificate is one Thing's, and what is none is refused", async () => {
    const invalid = { code: "THING_INVALID" };
    const add = (certificate: object) => http.addThing({ name: "second", certificate });
    await assert.rejects(add({ fingerprint256: print }), invalid);
    await assert.rejects(add({ fingerprint256: "AB:CD" }), invalid);
    await assert.rejects(add({}), invalid);
    await assert.rejects(add({ fingerprint256: print, subject: "CN=x" }), invalid);
  });

  test("certificates - a removed Thing's connection ends, and its certificate is free", async () => {
    const client = await comes(tram);
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await http.removeThing("tram-1");
    await closed;
    await assert.rejects(comes(tram), { code: 0x87 });
    await http.addThing({ name: "tram-2", certificate: { subject: "CN=tram, O=Fleet" } });
    await (await comes(tram)).endAsync();
  });
}
