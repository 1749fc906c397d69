import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Run } from "../../flow/run.ts";
import { layout5 } from "../../flow/run.ts";
import { walkPublishes } from "../../wire/mqtt/publish.ts";
import { Inflight } from "./inflight.ts";

const layout = { version: 5, withIds: true } as const;

function fresh(): Inflight {
  const inflight = new Inflight();
  inflight.takeForm(5);
  return inflight;
}

function send(inflight: Inflight, count: number): number[] {
  const one = Run.of("t", Buffer.from("x"), { qos: 1 });
  const packets = Array.from({ length: count }, () => one.packets);
  const run = one.with(packets, layout5, count);
  const sent = inflight.send(run, 1, 0, (nextId) => run.encodeFor(5, { flags: 2, nextId }));
  return idsOf(sent);
}

function idsOf(packets: Buffer): number[] {
  const ids: number[] = [];
  walkPublishes(packets, layout, (place) => ids.push(packets.readUInt16BE(place.idAt)));
  return ids;
}

test("inflight - identifiers count up and begin again at 1 after 65,535", () => {
  const inflight = fresh();
  const seen: number[] = [];
  for (let i = 0; i < 7; i++) {
    const ids = send(inflight, 10_000);
    seen.push(...ids);
    for (const id of ids) assert.equal(inflight.acknowledge(id, 1), true);
  }
  assert.equal(seen[65_534], 65_535);
  assert.equal(seen[65_535], 1);
  assert.equal(Math.min(...seen.slice(0, 65_535)), 1);
  assert.equal(inflight.count, 0);
  assert.equal(inflight.bytes, 0);
});

test("inflight - any order of acknowledgements is taken, each once, against a plain set", () => {
  const step = fc.oneof(
    fc.record({ send: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ ack: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(65_534), (steps, start) => {
      const inflight = fresh();
      for (let left = start; left > 0; left -= 5000) {
        for (const id of send(inflight, Math.min(5000, left))) inflight.acknowledge(id, 1);
      }
      const open = new Set<number>();
      for (const step of steps) {
        if ("send" in step) for (const id of send(inflight, step.send)) open.add(id);
        else {
          const ids = [...open];
          const id = ids[step.ack % (ids.length || 1)] ?? 7;
          assert.equal(inflight.acknowledge(id, 1), open.delete(id));
          assert.equal(inflight.acknowledge(id, 1), false, "only once");
        }
        assert.equal(inflight.count, open.size);
        assert.ok(inflight.room <= 65_534 - open.size);
        assert.deepEqual(inflight.resend(0).flatMap(idsOf), [...open]);
      }
    }),
    { numRuns: 60 },
  );
});

test("inflight - what is sent again has its identifier, its order and DUP", () => {
  const inflight = fresh();
  send(inflight, 3);
  send(inflight, 2);
  for (const id of [1, 3, 4]) inflight.acknowledge(id, 1);
  const again = inflight.resend(0);
  assert.deepEqual(again.flatMap(idsOf), [2, 5]);
  for (const packet of again) assert.equal(packet[0]! & 0x0f, 0b1010);
  assert.equal(inflight.count, 2);
});

test("inflight - the oldest unacknowledged limits how many identifiers are free", () => {
  const inflight = fresh();
  assert.equal(inflight.room, 65_534);
  send(inflight, 30_000);
  send(inflight, 30_000);
  assert.equal(inflight.room, 5534);
  for (let id = 2; id <= 60_000; id++) inflight.acknowledge(id, 1);
  assert.equal(inflight.count, 1);
  assert.equal(inflight.room, 5534);
  inflight.acknowledge(1, 1);
  assert.equal(inflight.room, 65_534);
});

test("inflight - 60,000 acknowledgements from the last to the first take no quadratic time", () => {
  const inflight = fresh();
  for (let i = 0; i < 60_000; i++) send(inflight, 1);
  const start = performance.now();
  for (let id = 60_000; id > 0; id--) assert.equal(inflight.acknowledge(id, 1), true);
  assert.ok(performance.now() - start < 3000);
});
