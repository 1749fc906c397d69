/** The same door by every transport: TLS, WebSocket, a Unix socket. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync, utimesSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { connectAsync, type IClientOptions } from "mqtt";
import { WebSocket } from "ws";
import { startNode } from "../../src/node.ts";
import { until } from "../two-nodes.ts";
import { authority, issue, noOpenssl } from "./certificates.ts";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const skip = noOpenssl();
const folder = await mkdtemp(join(tmpdir(), "comity-transports-"));
after(() => rm(folder, { recursive: true, force: true }));

const host = "127.0.0.1";
const any = { host, port: 0 };
const path = join(folder, "mqtt.sock");

if (skip !== undefined) test("transports", { skip }, () => {});
else await run();

async function run(): Promise<void> {
  const fleet = authority(folder, "fleet");
  const stranger = authority(folder, "stranger");
  const own = issue(folder, "localhost", fleet);
  const truck = issue(folder, "truck", fleet);
  const expired = issue(folder, "expired", fleet, -1);
  const foreign = issue(folder, "foreign", stranger);
  const tls = { ...own, clientAuthorities: fleet.certificate };
  const { node, http, options } = await oneNode(
    { connectTimeoutMs: 1500 },
    {
      transports: {
        ...{ mqtts: any, ws: any, wss: any, socket: path, tls },
        origins: ["https://app.example"],
      },
    },
  );
  const urlOf = (scheme: string): string => {
    const found = node.transportUrls.find((url) => url.startsWith(`${scheme}:`));
    assert.ok(found !== undefined, `${scheme} is served`);
    return found;
  };
  const ca = readFileSync(fleet.certificate);
  const clientOf = ({ key, certificate }: typeof own) => ({
    key: readFileSync(key),
    cert: readFileSync(certificate),
  });
  const port = Number(new URL(urlOf("mqtts")).port);
  const secure = async (more: ConnectionOptions = {}): Promise<TLSSocket> => {
    const socket = connectTls({ host, port, ca, servername: "localhost", ...more });
    await once(socket, "secureConnect");
    return socket;
  };

  for (const scheme of ["mqtts", "ws", "wss"]) {
    test(`${scheme} - MQTT.js publishes and subscribes, small and large, both versions`, async (t) => {
      for (const protocolVersion of [4, 5] as const) {
        const options: IClientOptions = { protocolVersion, ca, rejectUnauthorized: true };
        const client = await connectAsync(urlOf(scheme).replace(host, "localhost"), options);
        t.after(() => client.end(true));
        const seen: Buffer[] = [];
        client.on("message", (_, payload) => seen.push(payload));
        await client.subscribeAsync(`${scheme}/#`, { qos: 2 });
        const payloads = ["small", "x".repeat(300_000)].map((text) => Buffer.from(text));
        for (const payload of payloads)
          await client.publishAsync(`${scheme}/a`, payload, { qos: 2 });
        await until("both come", () => seen.length === 2);
        assert.deepEqual(seen, payloads);
        await client.endAsync();
      }
    });
  }

  test("a Unix socket is its owner's alone and speaks MQTT", async (t) => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const client = await RawClient.in(connect(path), 5);
    t.after(() => client.destroy());
    await client.subscribe({ topic: "unix", qos: 1 });
    client.send(publishPacket("unix", "here", { qos: 1, messageId: 1 }));
    assert.equal((await client.next("publish")).payload.toString(), "here");
  });

  test("a Unix socket that another process listens on is not taken from it", async () => {
    const data = join(folder, "second");
    const transports = { socket: path, origins: [] };
    const second = { ...options, data, http: any, mqtt: any, transports };
    await assert.rejects(startNode(second), /--mqtt-socket .*another process listens/);
    const client = await RawClient.in(connect(path), 5);
    client.destroy();
  });

  test("a port that is taken is told with its option", async () => {
    const data = join(folder, "third");
    const ws = { host, port: Number(new URL(urlOf("ws")).port) };
    const third = { ...options, data, http: any, mqtt: any, transports: { ws, origins: [] } };
    await assert.rejects(startNode(third), /in use/);
  });

  test("status tells each way in, its key exchanges and when the certificate ends", async () => {
    const { listeners } = (await http.status()).mqtt;
    assert.deepEqual(
      listeners.map(({ transport }) => transport),
      ["tcp", "unix", "ws", "tls", "wss"],
    );
    const { keyExchanges, clientCertificates, certificateEnds } = listeners[3]!;
    assert.equal(keyExchanges?.[0], "X25519MLKEM768");
    assert.equal(clientCertificates, "optional");
    assert.ok(Date.parse(certificateEnds!) > Date.now());
  });

  test("TLS agrees on X25519MLKEM768 and on nothing older than 1.2", async () => {
    // A client that offers nothing else is let in, so this is what is agreed on.
    const socket = await secure({ ecdhCurve: "X25519MLKEM768" });
    assert.equal(socket.getProtocol(), "TLSv1.3");
    socket.destroy();
    await assert.rejects(secure({ ecdhCurve: "secp521r1" }));
    await assert.rejects(secure({ minVersion: "TLSv1", maxVersion: "TLSv1.1" }));
  });

  test("a client's certificate is looked at: of the fleet, expired, of strangers", async (t) => {
    for (const issued of [truck, expired, foreign]) {
      const client = await RawClient.in(await secure(clientOf(issued)), 5);
      t.after(() => client.destroy());
      await client.settled();
    }
  });

  test("where a client's certificate is required, nobody comes in without a good one", async (t) => {
    const strict = await startNode({
      ...{ ...options, data: join(folder, "strict"), http: any, mqtt: any },
      transports: { mqtts: any, tls: { ...tls, isClientRequired: true }, origins: [] },
    });
    t.after(() => strict.close());
    const { port } = new URL(strict.transportUrls[0]!);
    const attempt = async (more: ConnectionOptions): Promise<RawClient> =>
      RawClient.in(await secure({ port: Number(port), ...more }), 5);
    await assert.rejects(attempt({}));
    await assert.rejects(attempt(clientOf(expired)));
    await assert.rejects(attempt(clientOf(foreign)));
    const client = await attempt(clientOf(truck));
    t.after(() => client.destroy());
    await client.settled();
  });

  test("plain MQTT on the TLS port, and a handshake that never ends, are cut off alone", async () => {
    const plain = connect(port, host);
    plain.write(Buffer.from("100c00044d5154540502003c0000", "hex"));
    plain.resume();
    await once(plain, "close");
    const silent = new RawClient(urlOf("mqtts").replace("mqtts:", "mqtt:"), 5);
    const slow = connect(Number(new URL(urlOf("ws")).port), host);
    slow.write("GET / HTTP/1.1\r\n");
    slow.resume();
    await silent.closed;
    await once(slow, "close");
    const client = await RawClient.in(await secure(), 5);
    client.destroy();
  });

  test("a certificate that was replaced is used from then on; who is connected stays", async (t) => {
    const before = await RawClient.in(await secure(), 5);
    t.after(() => before.destroy());
    const serial = async (): Promise<string> => {
      const socket = await secure();
      const { serialNumber = "" } = socket.getPeerX509Certificate() ?? {};
      socket.destroy();
      return serialNumber;
    };
    const old = await serial();
    const next = issue(folder, "next", fleet);
    copyFileSync(next.key, own.key);
    copyFileSync(next.certificate, own.certificate);
    const now = new Date();
    utimesSync(own.certificate, now, now);
    await until("the new one is used", async () => (await serial()) !== old, 20_000);
    await before.settled();
  });

  test("[MQTT-6.0.0-1] a text frame closes the WebSocket", async () => {
    const socket = new WebSocket(urlOf("ws"), "mqtt");
    await once(socket, "open");
    assert.equal(socket.protocol, "mqtt");
    socket.send("text");
    await once(socket, "close");
  });

  test("[MQTT-6.0.0-3] another subprotocol is refused, and pages of other places", async () => {
    const attempt = async (protocol: string, origin?: string): Promise<number> => {
      const socket = new WebSocket(urlOf("ws"), protocol, origin === undefined ? {} : { origin });
      socket.on("error", () => {});
      const opened = once(socket, "open").then(() => 101);
      const refused = once(socket, "unexpected-response").then(
        ([, response]) => (response as { statusCode: number }).statusCode,
      );
      const code = await Promise.race([opened, refused]);
      socket.terminate();
      return code;
    };
    assert.equal(await attempt("mqttv3.1"), 400);
    assert.equal(await attempt("mqtt"), 101);
    assert.equal(await attempt("mqtt", "https://evil.example"), 403);
    assert.equal(await attempt("mqtt", "https://app.example"), 101);
    assert.equal(await attempt("mqtt", urlOf("ws").replace("ws:", "http:")), 101);
    const page = await fetch(urlOf("ws").replace("ws:", "http:"));
    assert.equal(page.status, 426);
  });

  test("a WebSocket whose client does not read is bounded like any other", async (t) => {
    const stalled = new WebSocket(urlOf("ws"), "mqtt");
    await once(stalled, "open");
    t.after(() => stalled.terminate());
    const mqtt = await import("mqtt-packet");
    const send = (packet: Parameters<typeof mqtt.generate>[0]): void =>
      stalled.send(mqtt.generate(packet, { protocolVersion: 5 }));
    send(connectPacket(5));
    await once(stalled, "message");
    send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "much", qos: 0 }] });
    await once(stalled, "message");
    stalled.pause();
    const writer = await RawClient.in(node.mqttUrl, 4);
    t.after(() => writer.destroy());
    const payload = "x".repeat(50_000);
    const dropped = (await http.status()).dropped;
    for (let i = 0; i < 1000; i++) {
      writer.send(publishPacket("much", payload));
      if (i % 50 === 0) await writer.settled();
    }
    await writer.settled();
    assert.ok((await http.status()).dropped > dropped, "the oldest were given up");
  });

  const noTools = spawnSync("mosquitto_pub", ["--help"]).error !== undefined;
  const skipTools = noTools ? "mosquitto's clients are not installed" : false;
  test(
    "mosquitto's clients publish over TLS with a certificate",
    { skip: skipTools },
    async (t) => {
      const client = await RawClient.in(node.mqttUrl, 5);
      t.after(() => client.destroy());
      await client.subscribe({ topic: "from-c", qos: 1 });
      const child = spawn("mosquitto_pub", [
        ...["-h", "localhost", "-p", String(port), "--cafile", fleet.certificate],
        ...["--cert", truck.certificate, "--key", truck.key],
        ...["-t", "from-c", "-m", "over TLS", "-q", "1", "-V", "5"],
      ]);
      const [code] = (await once(child, "exit")) as [number];
      assert.equal(code, 0);
      assert.equal((await client.next("publish")).payload.toString(), "over TLS");
    },
  );
}
