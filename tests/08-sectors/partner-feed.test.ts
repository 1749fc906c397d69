/** A sector's native feed for a partner who runs no node: what the agreement lets through, no more. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { twoNodes, type TwoNodes } from "../two-nodes.ts";

let nodes: TwoNodes;

before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

function record(device: string, soilMoistureVwc: number): string {
  return JSON.stringify({
    ...{ type: "AgriParcelRecord", id: `urn:ngsi-ld:AgriParcelRecord:${device}` },
    ...{ hasDevice: `urn:ngsi-ld:Device:${device}`, observedAt: "2026-07-06T10:00:00.000Z" },
    location: { type: "Point", coordinates: [151.0681, -33.8472] },
    ...{ soilMoistureVwc, soilTemperature: 21.5 },
  });
}

test("native feed - a partner's link has it, in the agreement's shape, until it is revoked", async () => {
  const { http } = nodes.provider;
  await http.addProduct({
    ...{ id: "soil", title: "Soil", sector: "agriculture", delivery: "logged" },
    topics: ["soil/#"],
    terms: {
      price: { amount: "0", currency: "EUR", perMessages: 1 },
      ...{ topics: ["soil/north/#"], drop: ["soilTemperature"] },
      round: { "location.coordinates": 0.01 },
    },
  });
  const { share, url } = await http.share("soil", "The neighbours");
  const body = new URLSearchParams({
    terms: share.offer,
    agree: "yes",
    name: "Ann",
    email: "a@b.example",
  });
  const page = await (await fetch(url, { method: "POST", body })).text();
  const [, line = ""] =
    /Native feed, agri-parcel-record.*?<pre[^>]*><code>(.*?)<\/code>/s.exec(page) ?? [];
  const [, token = ""] = /Bearer ([\w-]+)/.exec(line) ?? [];
  const [, feed = ""] = /(http:\S+?\/feed\/agri-parcel-record)/.exec(line) ?? [];
  assert.ok(token !== "" && feed !== "", page);
  const device = await nodes.mqtt("provider");
  await device.publish("soil/north/a1", record("a1", 0.2), { qos: 1 });
  await device.publish("soil/north/a1", record("a1", 0.21), { qos: 1 });
  await device.publish("soil/south/b1", record("b1", 0.3), { qos: 1 });
  await device.publish("soil/north/door", "open", { qos: 1 });
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(feed, { headers });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/json"]);
  const { soilTemperature: _none, ...expected } = JSON.parse(record("a1", 0.21)) as Record<
    string,
    unknown
  >;
  assert.deepEqual(await answer.json(), [
    { ...expected, location: { type: "Point", coordinates: [151.07, -33.85] } },
  ]);
  const etag = answer.headers.get("etag") ?? "";
  const again = await fetch(feed, { headers: { ...headers, "if-none-match": etag } });
  assert.equal(again.status, 304);
  const other = await fetch(feed.replace("agri-parcel-record", "gtfs-realtime"), { headers });
  assert.equal(other.status, 404);
  assert.equal((await fetch(feed)).status, 401);
  await http.revokeShare(share.id);
  assert.ok((await fetch(feed, { headers })).status >= 400);
});
