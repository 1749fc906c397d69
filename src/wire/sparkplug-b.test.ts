import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeSparkplug,
  encodeSparkplug,
  type Metric,
  rawOf,
  type RawValue,
  valueAs,
} from "./sparkplug-b.ts";
import { datatype } from "./sparkplug-datatype.ts";

const vectors = new URL(
  "../../../shared/fixtures/sparkplug-b/generated_payload_vectors.json",
  import.meta.url,
);

interface Vector {
  readonly name: string;
  readonly base64: string;
  readonly metricCount: number;
}

test(
  "Sparkplug B - payloads made by another implementation are read",
  { skip: existsSync(vectors) ? false : "the fixtures (../shared) are not there" },
  () => {
    const all = JSON.parse(readFileSync(vectors, "utf8")) as Vector[];
    const decoded = new Map(
      all.map(({ name, base64 }) => [name, decodeSparkplug(Buffer.from(base64, "base64"))]),
    );
    for (const { name, metricCount } of all) {
      assert.equal(decoded.get(name)?.metrics.length, metricCount, name);
    }
    const birth = decoded.get("NBIRTH_V1")!;
    assert.deepEqual(
      birth.metrics.map(({ name, alias, datatype: type }) => [name, alias, type]),
      [
        ["bdSeq", 1n, datatype.uint64],
        ["Node Control/Rebirth", 2n, datatype.boolean],
        ["Temperature", 100n, datatype.double],
      ],
    );
    const temperature = birth.metrics[2]!;
    assert.equal(valueAs(temperature.raw!, datatype.double), 21.5);
    const data = decoded.get("NDATA_V1")!;
    assert.deepEqual(
      [data.seq, data.metrics[0]?.alias, data.metrics[0]?.name],
      [1, 100n, undefined],
    );
    assert.equal(decoded.get("NDATA_GAP")?.seq, 5);
    for (const { name, base64 } of all) {
      const again = Buffer.from(encodeSparkplug(decoded.get(name)!));
      assert.equal(again.toString("base64"), base64, `${name} is written as it was`);
    }
  },
);

/** As a decoder makes them: with a prototype. */
function value<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const raw: fc.Arbitrary<RawValue> = fc.oneof(
  value({ as: fc.constant("int" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  value({ as: fc.constant("long" as const), value: fc.bigInt(0n, 2n ** 64n - 1n) }),
  value({ as: fc.constant("double" as const), value: fc.double() }),
  value({ as: fc.constant("boolean" as const), value: fc.boolean() }),
  value({ as: fc.constant("string" as const), value: fc.string() }),
  value({ as: fc.constant("bytes" as const), value: fc.uint8Array() }),
);
const metric: fc.Arbitrary<Metric> = fc.record(
  {
    name: fc.string(),
    alias: fc.bigInt(0n, 2n ** 64n - 1n),
    timestamp: fc.nat(),
    datatype: fc.nat(34),
    isHistorical: fc.constant(true),
    isNull: fc.constant(true),
    properties: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer()), {
      noNullPrototype: true,
    }),
    raw,
  },
  { requiredKeys: [], noNullPrototype: true },
);

test("Sparkplug B - what is written is read, whatever it is", () => {
  const members = {
    timestamp: fc.nat(),
    seq: fc.nat(255),
    metrics: fc.array(metric, { maxLength: 20 }),
  };
  const payload = fc.record(members, { noNullPrototype: true });
  fc.assert(
    fc.property(payload, (one) => {
      assert.deepEqual(decodeSparkplug(encodeSparkplug(one)), one);
    }),
  );
});

test("Sparkplug B - signed integers come in two's complement, large ones stay whole", () => {
  assert.equal(valueAs({ as: "int", value: 0xffff_ffff }, datatype.int8), -1);
  assert.equal(valueAs({ as: "int", value: 0xffff_ffff }, datatype.uint32), 4_294_967_295);
  assert.equal(valueAs({ as: "long", value: 2n ** 64n - 5n }, datatype.int64), -5);
  assert.equal(valueAs({ as: "long", value: 2n ** 63n }, datatype.uint64), 2n ** 63n);
  assert.equal(valueAs({ as: "string", value: "7" }, datatype.int32), undefined);
});

test("Sparkplug B - a value is carried by the field of its datatype, or not at all", () => {
  const values = [
    ...([
      [-5, datatype.int16],
      [-5, datatype.int32],
      [200, datatype.uint8],
    ] as const),
    ...([
      [-7, datatype.int64],
      ["18446744073709551611", datatype.uint64],
    ] as const),
    ...([
      [21.5, datatype.double],
      [true, datatype.boolean],
      ["on", datatype.text],
    ] as const),
  ];
  for (const [said, type] of values) {
    const [metric] = decodeSparkplug(
      encodeSparkplug({ metrics: [{ datatype: type, raw: rawOf(said, type)! }] }),
    ).metrics;
    assert.equal(String(valueAs(metric!.raw!, type)), String(said), `as ${type}`);
  }
  for (const [said, type] of [
    ...([
      [300, datatype.uint8],
      [-1, datatype.uint64],
      [1.5, datatype.int32],
    ] as const),
    ...([
      ["x", datatype.int64],
      ["1", datatype.double],
      [1, datatype.boolean],
    ] as const),
    ...([
      ["aGk=", datatype.bytes],
      [2 ** 63, datatype.int64],
    ] as const),
  ]) {
    assert.equal(rawOf(said, type), undefined, `${said} as ${type}`);
  }
});

test("Sparkplug B - truncated, foreign and endless bytes are refused by what is wrong with them", () => {
  const whole = encodeSparkplug({ seq: 1, metrics: [{ name: "temperature", datatype: 10 }] });
  assert.throws(
    () => decodeSparkplug(whole.subarray(0, whole.length - 4)),
    /no Sparkplug B payload/,
  );
  assert.throws(() => decodeSparkplug(Buffer.from('{"temperature":21}')), /no Sparkplug B payload/);
  const wrongSeq = Buffer.from([0x18, 0x80, 0x02]);
  assert.throws(() => decodeSparkplug(wrongSeq), /its sequence number is 256/);
  assert.throws(() => decodeSparkplug(new Uint8Array(4_194_305)), /at most 4194304 are read/);
  const many = new Uint8Array(40_002).map((_, index) => (index % 2 === 0 ? 0x12 : 0));
  assert.throws(() => decodeSparkplug(many), /it has over 20000 metrics/);
  // a key without its value: field 9 of a metric, field 1 in it
  const keyAlone = Buffer.from([0x12, 0x05, 0x4a, 0x03, 0x0a, 0x01, 0x61]);
  assert.throws(() => decodeSparkplug(keyAlone), /1 properties have 0 values/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeSparkplug(bytes);
      } catch (thrown) {
        assert.equal((thrown as Error).constructor.name, "SparkplugInvalid");
      }
    }),
  );
});
