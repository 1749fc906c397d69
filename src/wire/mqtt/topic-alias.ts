import { Cursor, varintLength, writeVarint } from "./cursor.ts";
import type { ScannedRun } from "./packet-stream.ts";
import { skipProperty } from "./properties.ts";
import { ProtocolError, reason } from "./protocol.ts";
import {
  innerProperties,
  type Layout,
  propertiesAt,
  publisherPropertiesProblem,
  type PublishPlace,
  walkPublishes,
} from "./publish.ts";

const aliasProperty = 0x23;

/** The packets (version 5) with a topic alias, with their topic or with an empty one. */
export function withAlias(
  packets: Buffer,
  layout: Layout,
  alias: number,
  keepsTopic: boolean,
): Buffer {
  const added = Buffer.from([aliasProperty, alias >> 8, alias & 0xff]);
  const parts: Buffer[] = [];
  walkPublishes(packets, layout, (place) => {
    const topic = keepsTopic ? packets.subarray(place.topicAt, place.topicEnd) : noTopic;
    parts.push(
      rebuilt(packets, place, topic, Buffer.concat([added, innerProperties(packets, place)])),
    );
  });
  return Buffer.concat(parts);
}

/**
 * What a client's topic aliases mean, for one connection (§3.3.2.3.4). Aliases are hop by hop: what
 * goes on has its topic and no alias.
 */
export class IncomingAliases {
  readonly #most: number;
  readonly #topics = new Map<number, Buffer>();

  /** `maximum`: the Topic Alias Maximum the client was told. */
  constructor(maximum: number) {
    this.#most = maximum;
  }

  /** The run as runs with topics of their own; itself where no packet has an alias. */
  resolve(run: ScannedRun): readonly ScannedRun[] {
    const layout = { version: 5, withIds: run.ids.length > 0 } as const;
    const found: { packet: Buffer; topic: Buffer; place: PublishPlace; id: number | undefined }[] =
      [];
    let isPlain = true;
    walkPublishes(run.packets, layout, (place, index) => {
      const properties = propertiesAt(run.packets, place);
      const problem = publisherPropertiesProblem(properties);
      if (problem !== undefined) {
        throw new ProtocolError(reason.protocolError, `PUBLISH with ${problem}`);
      }
      const { topicAlias } = properties;
      if (topicAlias !== undefined) isPlain = false;
      const topic = this.#topicOf(run, topicAlias);
      const packet = run.packets.subarray(place.start, place.end);
      found.push({ packet, topic, place: { ...place }, id: run.ids[index] });
    });
    if (isPlain) return [run];
    const runs: ScannedRun[] = [];
    for (let from = 0; from < found.length;) {
      const { topic } = found[from]!;
      let to = from + 1;
      while (to < found.length && found[to]!.topic.equals(topic)) to++;
      const part = found.slice(from, to);
      const packets = part.map(({ place }) =>
        rebuilt(run.packets, place, topic, withoutAlias(innerProperties(run.packets, place))),
      );
      runs.push({
        ...run,
        packets: Buffer.concat(packets),
        count: part.length,
        payloadBytes: part.reduce((sum, { place }) => sum + place.end - place.payloadAt, 0),
        topic,
        ids: run.ids.length === 0 ? run.ids : part.map(({ id }) => id!),
      });
      from = to;
    }
    return runs;
  }

  #topicOf(run: ScannedRun, alias: number | undefined): Buffer {
    if (alias === undefined) {
      if (run.topic.length > 0) return run.topic;
      throw new ProtocolError(reason.protocolError, "PUBLISH with neither a topic nor an alias");
    }
    if (alias > this.#most) {
      const text = `topic alias ${alias}; at most ${this.#most} are taken`; // [MQTT-3.3.2-9]
      throw new ProtocolError(reason.topicAliasInvalid, text);
    }
    if (run.topic.length > 0) {
      const topic = Buffer.from(run.topic);
      this.#topics.set(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known !== undefined) return known;
    throw new ProtocolError(reason.protocolError, `topic alias ${alias} was never given a topic`);
  }
}

const noTopic = Buffer.alloc(0);

/** A packet's properties were read before: only the alias is looked for, between the others. */
function withoutAlias(inner: Buffer): Buffer {
  const cursor = new Cursor(inner);
  while (cursor.left > 0) {
    const from = cursor.at;
    const id = skipProperty(cursor);
    if (id === aliasProperty)
      return Buffer.concat([inner.subarray(0, from), inner.subarray(cursor.at)]);
  }
  return inner;
}

function rebuilt(packets: Buffer, place: PublishPlace, topic: Buffer, inner: Buffer): Buffer {
  const id = place.idAt === -1 ? noTopic : packets.subarray(place.idAt, place.idAt + 2);
  const payloadLength = place.end - place.payloadAt;
  const propertiesLength = varintLength(inner.length) + inner.length;
  const length = 2 + topic.length + id.length + propertiesLength + payloadLength;
  const out = Buffer.allocUnsafe(1 + varintLength(length) + length);
  out[0] = packets[place.start]!;
  let at = writeVarint(out, 1, length);
  at = out.writeUInt16BE(topic.length, at);
  at += topic.copy(out, at);
  at += id.copy(out, at);
  at = writeVarint(out, at, inner.length);
  at += inner.copy(out, at);
  packets.copy(out, at, place.payloadAt, place.end);
  return out;
}
