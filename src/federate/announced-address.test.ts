import assert from "node:assert/strict";
import { test } from "node:test";
import { announcedMqttUrl, assertAnnounceable } from "./announced-address.ts";

const bound = "mqtt://127.0.0.1:1883";

test("announced address - consumers are told the public host, not the one that is bound", () => {
  const publicUrl = "https://rotterdam.example";
  assert.equal(announcedMqttUrl({}, bound), bound);
  assert.equal(announcedMqttUrl({ publicUrl }, bound), "mqtt://rotterdam.example:1883");
  const publicMqttUrl = "mqtt://mqtt.rotterdam.example:8884";
  assert.equal(announcedMqttUrl({ publicUrl, publicMqttUrl }, bound), publicMqttUrl);
  const v6 = announcedMqttUrl({ publicUrl: "http://[2a00::7]:8080" }, bound);
  assert.equal(v6, "mqtt://[2a00::7]:1883");
});

test("announced address - what leads others to themselves is refused by its option", () => {
  const publicUrl = "https://rotterdam.example";
  for (const host of ["127.0.0.1", "127.3.2.1", "0.0.0.0", "localhost", "[::]", "[::1]"]) {
    assert.throws(() => assertAnnounceable({ publicUrl: `http://${host}:8080` }), {
      code: "CONFIG_INVALID",
      message: /--public-url/,
    });
    assert.throws(() => assertAnnounceable({ publicUrl, publicMqttUrl: `mqtt://${host}:1` }), {
      code: "CONFIG_INVALID",
      message: /--public-mqtt/,
    });
  }
  for (const wrong of ["http://a:1", "mqtt://a", "mqtt://a:1/path", "a:1"]) {
    assert.throws(() => assertAnnounceable({ publicMqttUrl: wrong }), /is not mqtt:/, wrong);
  }
  assertAnnounceable({ publicUrl });
  assertAnnounceable({ publicUrl, publicMqttUrl: "mqtt://[2a00::7]:1883" });
  assertAnnounceable({ publicMqttUrl: bound }); // behind no public URL only this machine is told
});
