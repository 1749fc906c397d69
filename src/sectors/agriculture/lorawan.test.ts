import assert from "node:assert/strict";
import { test } from "node:test";
import type { SectorMessage } from "../sector.ts";
import { LorawanReader } from "./lorawan-source.ts";

/** In the shape of The Things Stack's v3 JSON. */
function thingsStack(decoded: object, more: object = {}): object {
  return {
    end_device_ids: {
      device_id: "probe-7",
      dev_eui: "A84041000181C061",
      application_ids: { application_id: "farm" },
    },
    received_at: "2026-07-06T10:00:01.5Z",
    uplink_message: {
      f_port: 2,
      f_cnt: 41,
      received_at: "2026-07-06T10:00:01.2Z",
      decoded_payload: decoded,
      locations: { user: { latitude: -33.85, longitude: 151.07, source: "SOURCE_REGISTRY" } },
      ...more,
    },
  };
}

/** In the shape of ChirpStack v4's JSON. */
function chirpStack(object: object | undefined, fCnt = 7): object {
  return {
    deduplicationId: "c1f6",
    time: "2026-07-06T10:00:00.250+00:00",
    deviceInfo: {
      deviceName: "probe/8",
      devEui: "a84041000181c062",
      tags: { lat: "-33.84", lon: "151.06" },
    },
    fCnt,
    fPort: 2,
    data: "AQIDBA==",
    ...(object === undefined ? {} : { object }),
  };
}

function read(reader: LorawanReader, message: unknown) {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return reader.read({ bytes: Buffer.from(text), from: "lora/up" });
}

test("LoRaWAN - a Things Stack uplink becomes an AgriParcelRecord in the model's units", () => {
  const decoded = { water_SOIL: "38.20", temp_SOIL: "21.50", conduct_SOIL: 240, Bat: 3.6 };
  const { messages, faults } = read(new LorawanReader(), thingsStack(decoded));
  assert.deepEqual(faults, []);
  assert.deepEqual(messages, [
    {
      topic: "probe-7",
      payload: {
        type: "AgriParcelRecord",
        id: "urn:ngsi-ld:AgriParcelRecord:a84041000181c061",
        observedAt: "2026-07-06T10:00:01.200Z",
        hasDevice: "urn:ngsi-ld:Device:a84041000181c061",
        location: { type: "Point", coordinates: [151.07, -33.85] },
        ...{ soilMoistureVwc: 0.382, soilTemperature: 21.5, soilMoistureEc: 0.24 },
      },
    },
  ] satisfies SectorMessage[]);
});

test("LoRaWAN - a ChirpStack event likewise, its place from the device's tags", () => {
  const object = { soilMoisture: 17.25, humidity: 61, temperature: 24.1 };
  const { messages } = read(new LorawanReader(), chirpStack(object));
  const [message] = messages;
  assert.equal(message?.topic, "probe%2F8", "no slash of a name opens a level");
  const { payload } = message;
  const { soilMoistureVwc, relativeHumidity, airTemperature, location } = payload as never;
  assert.deepEqual([soilMoistureVwc, relativeHumidity, airTemperature], [0.1725, 0.61, 24.1]);
  assert.deepEqual(location, { type: "Point", coordinates: [151.06, -33.84] });
});

test("LoRaWAN - an uplink that the server sends again is one", () => {
  const reader = new LorawanReader();
  assert.equal(read(reader, chirpStack({ vwc: 20 })).messages.length, 1);
  assert.equal(read(reader, chirpStack({ vwc: 20 })).messages.length, 0);
  assert.equal(read(reader, chirpStack({ vwc: 20 }, 8)).messages.length, 1);
});

test("LoRaWAN - what cannot be measured is left out and named, the rest stays", () => {
  const reading = read(new LorawanReader(), thingsStack({ temp_SOIL: 185, water_SOIL: 30 }));
  assert.deepEqual(reading.faults, [{ code: "value", text: "probe-7: soilTemperature is 185" }]);
  const { payload } = reading.messages[0]!;
  assert.deepEqual(
    [(payload as never)["soilMoistureVwc"], (payload as never)["soilTemperature"]],
    [0.3, undefined],
  );
  const none = read(new LorawanReader(), thingsStack({ door: "open" }));
  assert.deepEqual([none.messages.length, none.faults[0]?.code], [0, "unknown"]);
});

test("LoRaWAN - a message that is no uplink is refused by what it is", () => {
  for (const [message, problem] of [
    ["21.5", /no JSON object/],
    [{ temperature: 21 }, /no uplink of The Things Stack or ChirpStack/],
    [chirpStack(undefined), /without a decoded payload/],
    [{ ...chirpStack({ vwc: 1 }), time: "noon" }, /without a time/],
    [{ ...chirpStack({ vwc: 1 }), deviceInfo: { devEui: "x" } }, /no uplink of/],
  ] as const) {
    assert.throws(() => read(new LorawanReader(), message), {
      code: "SOURCE_INVALID",
      message: problem,
    });
  }
});
