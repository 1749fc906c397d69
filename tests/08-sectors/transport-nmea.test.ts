import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import ais from "ggencoder";
import { messagePartIn, positionReportIn } from "../../src/wire/nmea/ais.ts";
import { ownPositionIn, parseSentence } from "../../src/wire/nmea/sentence.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { oracle } from "./transport-data.ts";

const { AisDecode, AisEncode } = ais;

function reportIn(line: string) {
  const { payload, fillBits } = messagePartIn(parseSentence(line));
  return positionReportIn(payload, fillBits);
}

/** NMEA 0183: all characters between the first and the star, by exclusive or. */
function sentence(body: string): string {
  const sum = Array.from(body).reduce((all, one) => all ^ one.charCodeAt(0), 0);
  return `!${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
}

const recorded = [
  "!AIVDM,1,1,,A,133REv0P00P=K?TMDH6P0?vN289>,0*46",
  "!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24",
  "!AIVDM,1,1,,B,1>O5`4wP01:F?39b6mD>4?w81P00,0*0D",
];

test("ais - sentences that ships have sent are read as another decoder reads them", () => {
  for (const line of recorded) {
    const [ours, theirs] = [reportIn(line), new AisDecode(line)];
    assert.ok(theirs.valid && ours !== undefined);
    assert.deepEqual([ours.type, ours.mmsi], [theirs.aistype, Number(theirs.mmsi)]);
    if (ours.place === undefined) continue;
    assert.ok(Math.abs(ours.place.lat - theirs.lat) < 1e-5, `${ours.place.lat} ${theirs.lat}`);
    assert.ok(Math.abs(ours.place.lon - theirs.lon) < 1e-5, `${ours.place.lon} ${theirs.lon}`);
    if (ours.knots !== undefined) assert.ok(Math.abs(ours.knots - theirs.sog) < 0.06);
    if (ours.course !== undefined) assert.ok(Math.abs(ours.course - theirs.cog) < 0.06);
  }
  const known = reportIn(recorded[1]!);
  assert.deepEqual(known?.place, { lat: 57.660353, lon: 11.832977 });
  assert.equal(known?.mmsi, 265_547_250);
});

test("ais - what another encoder says of any ship anywhere is read back", () => {
  const ship = fc.record({
    aistype: fc.constantFrom(1 as const, 18 as const),
    mmsi: fc.integer({ min: 100_000_000, max: 799_999_999 }).map(String),
    // what AIS can say: ten thousandths of a minute
    lat: fc.integer({ min: -54e6, max: 54e6 }).map((n) => n / 600_000),
    lon: fc.integer({ min: -108e6, max: 108e6 }).map((n) => n / 600_000),
    sog: fc.integer({ min: 0, max: 1_022 }).map((tenths) => tenths / 10),
    cog: fc.integer({ min: 0, max: 3_599 }).map((tenths) => tenths / 10),
    hdg: fc.integer({ min: 0, max: 359 }),
    accuracy: fc.constant(1),
    navstatus: fc.constant(5),
    smi: fc.constant(0),
    rot: fc.constant(0),
  });
  fc.assert(
    fc.property(ship, (said) => {
      const { nmea } = new AisEncode(said);
      const read = reportIn(nmea);
      assert.equal(read?.mmsi, Number(said.mmsi));
      assert.ok(Math.abs(read.place!.lat - said.lat) < 2e-6);
      assert.ok(Math.abs(read.place!.lon - said.lon) < 2e-6);
      assert.ok(Math.abs(read.knots! - said.sog) < 0.11);
      assert.ok(Math.abs(read.course! - said.cog) < 0.11);
      assert.equal(read.heading, said.hdg);
      assert.equal(read.second, undefined);
    }),
  );
});

test("nmea - whatever the line, a sentence or an NmeaError", () => {
  const line = fc.oneof(fc.string(), fc.string().map(sentence), fc.constantFrom(...recorded));
  fc.assert(
    fc.property(line, fc.nat({ max: 80 }), (text, cut) => {
      try {
        reportIn(text.slice(0, cut));
      } catch (error) {
        assert.equal((error as Error).name, "NmeaError", String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("nmea - minutes beyond 59 and days that no month has are no position, whatever the checksum", () => {
  const own = (lat: string, time: string, date: string) =>
    ownPositionIn(parseSentence(sentence(`GPRMC,${time},A,${lat},N,00500.00,E,,,${date},,`)));
  assert.deepEqual(own("4859.90", "235959", "280225"), {
    ...{ lat: 48.9983333, lon: 5, at: Date.UTC(2025, 1, 28, 23, 59, 59) },
  });
  assert.throws(() => own("4860.00", "120000", "280225"), { name: "NmeaError", code: "form" });
  for (const date of ["300225", "310425", "000125", "011325"]) {
    assert.throws(() => own("4859.90", "120000", date), { name: "NmeaError", code: "form" }, date);
  }
  assert.throws(() => own("4859.90", "240000", "280225"), { name: "NmeaError", code: "form" });
});

let nodes: TwoNodes;
/** A receiver that says over TCP what it hears. */
let receiver: Server;
const listeners: Socket[] = [];
before(async () => {
  receiver = createServer((socket) => listeners.push(socket)).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  nodes = await twoNodes({ localSources: [`tcp://${addressOf(receiver)}`] });
});
after(async () => {
  await nodes.close();
  receiver.close();
});

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  return `127.0.0.1:${address.port}`;
}

test("transport - ships' sentences over MQTT become positions at another organisation", async () => {
  const { provider } = nodes;
  const { template } = await provider.http.sector("transport");
  await nodes.share({
    id: "harbour",
    title: "Ships in the harbour",
    topics: ["harbour/#"],
    sector: "transport",
    ...template.product,
    terms: template.terms,
  });
  await provider.http.addSource({
    id: "receiver",
    kind: "nmea",
    from: { way: "topic", address: "ais/+" },
    topic: "harbour",
  });
  const seen: [string, Record<string, unknown>][] = [];
  const reader = await nodes.mqtt("consumer");
  await reader.subscribe("from/provider/harbour/#", { qos: 1 }, ({ topic, payload }) => {
    seen.push([topic, JSON.parse(Buffer.from(payload).toString("utf8"))]);
  });
  const ship = { aistype: 1, mmsi: "244660920", sog: 10, cog: 90, hdg: 91, accuracy: 1 } as const;
  const more = { navstatus: 5, smi: 0, rot: 0 };
  const at = (lat: number, lon: number) => new AisEncode({ ...ship, ...more, lat, lon }).nmea;
  const other = new AisEncode({ ...ship, ...more, mmsi: "244000001", lat: 51.9, lon: -4.12 });
  const [, , , , , whole = ""] = other.nmea.split(",");
  const parts = [whole.slice(0, 12), whole.slice(12)];
  const inParts = parts.map((payload, i) => sentence(`AIVDM,2,${i + 1},7,A,${payload},0`));
  const wrong = at(51.9, 4.13).replace(/..$/, "00");
  const lines = [
    at(51.9, 4.1),
    wrong,
    inParts[1]!, // without the first
    ...inParts,
    at(53.9, 4.1), // 222 km in no time
    sentence("GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230326,003.1,W").replace("!", "$"),
    "noise",
  ];
  const client = await nodes.mqtt("provider");
  await client.publish("ais/pier", Buffer.from(lines.join("\r\n")), { qos: 1 });
  const state = async () => (await provider.http.sources())[0] ?? assert.fail("no source");
  await until("it is published", async () => (await state()).messages === 3);
  const { faults, messages, failures } = await state();
  assert.equal(failures, 0);
  assert.deepEqual(faults, { checksum: 1, fragment: 1, position: 1, form: 1 });
  await until("they arrived", () => seen.length === messages);
  const [topic, first] = seen[0]!;
  assert.equal(topic, "from/provider/harbour/harbour/vessels/244660920");
  const { lastKnownPositionUpdatedAt: time, ...rest } = first;
  assert.ok(Math.abs(Date.parse(time as string) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    type: "FleetVehicleStatus",
    id: "244660920",
    location: { type: "Point", coordinates: [4.1, 51.9] },
    bearing: 90,
    speed: 18.52,
    ais: { mmsi: 244_660_920, class: "A", heading: 91, navigationStatus: 5 },
  });
  const parted = seen.find(([where]) => where.endsWith("/vessels/244000001"))?.[1];
  assert.deepEqual(parted?.["location"], { type: "Point", coordinates: [-4.12, 51.9] });
  const own = seen.find(([where]) => where.endsWith("/receivers/pier"))?.[1];
  assert.deepEqual(own?.["location"], { type: "Point", coordinates: [11.5166667, 48.1173] });
  assert.equal(own?.["lastKnownPositionUpdatedAt"], "2026-03-23T12:35:19.000Z");
  // what came as sentences leaves as vehicles of a feed
  const { node, token } = nodes.consumer;
  const path = "/sectors/transport/gtfs-realtime?filter=from/provider/harbour/%23";
  const headers = { authorization: `Bearer ${token}` };
  const feed = await fetch(new URL(path, node.httpUrl), { headers });
  const { entity } = oracle(Buffer.from(await feed.arrayBuffer()));
  const places = entity.map(({ vehicle }) => {
    const { latitude, longitude } = vehicle!.position;
    return [latitude, longitude].map((degrees) => degrees.toFixed(4)).join(" ");
  });
  assert.deepEqual(places.toSorted(), ["48.1173 11.5167", "51.9000 -4.1200", "51.9000 4.1000"]);
});

test("transport - lines over TCP are read as they come, cut anywhere, and again after a break", async () => {
  const { http } = nodes.provider;
  const from = { way: "tcp", address: addressOf(receiver) } as const;
  await http.addSource({ id: "tcp", kind: "nmea", from, everySeconds: 1, topic: "coast" });
  const state = async () =>
    (await http.sources()).find(({ id }) => id === "tcp") ?? assert.fail("no source");
  await until("it is connected", () => listeners.length === 1);
  const line = `${recorded[1]}\r\n`;
  listeners[0]!.write(line.slice(0, 20));
  await new Promise((resolve) => listeners[0]!.write(line.slice(20), resolve));
  await until("one ship", async () => (await state()).messages === 1);
  listeners[0]!.destroy();
  await until("it says so", async () => (await state()).failures === 1);
  assert.match((await state()).lastError?.text ?? "", /PEER_UNREACHABLE: .*closed the connection/);
  await until("it is connected again", () => listeners.length === 2);
  listeners[1]!.write(`${recorded[0]}\r\n${recorded[2]}\r\n`);
  await until("it is read again", async () => (await state()).failures === 0);
  const other = { way: "tcp", address: "127.0.0.1:1" } as const;
  await http.addSource({ id: "forbidden", kind: "nmea", from: other, topic: "coast" });
  const forbidden = (await http.sources()).find(({ id }) => id === "forbidden");
  assert.match(forbidden?.lastError?.text ?? "", /ADDRESS_FORBIDDEN: .*--local-source/);
});
