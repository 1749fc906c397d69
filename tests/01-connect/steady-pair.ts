import assert from "node:assert/strict";
import { publishPacket, RawClient } from "./raw-client.ts";

const identifier = 7;

/**
 * Two clients that keep to the rules, among others that do not: what one publishes the other has
 * once, in order and as it was sent, and each answer is the one that is due.
 */
export class SteadyPair {
  readonly #publisher: RawClient;
  readonly #subscriber: RawClient;
  #round = 0;

  static async in(url: string): Promise<SteadyPair> {
    const subscriber = await RawClient.in(url, 5);
    subscriber.send({
      ...{ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "steady/#", qos: 2 }] },
      properties: { subscriptionIdentifier: identifier },
    });
    assert.deepEqual((await subscriber.next("suback")).granted, [2]);
    return new SteadyPair(await RawClient.in(url, 5), subscriber);
  }

  private constructor(publisher: RawClient, subscriber: RawClient) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
  }

  /** One message of each kind, there and acknowledged. */
  async exchange(): Promise<void> {
    const publisher = this.#publisher;
    const round = this.#round++;
    const twice = { qos: 2, messageId: 3 } as const;
    publisher.send(
      publishPacket(round === 0 ? "steady/alias" : "", `${round}`, {
        properties: { topicAlias: 1 },
      }),
      publishPacket("steady/one", `${round}`, { qos: 1, messageId: 1 }),
      publishPacket("steady/one", `${round} more`, { qos: 1, messageId: 2 }),
      publishPacket("steady/two", `${round}`, twice),
      publishPacket("steady/two", `${round}`, { ...twice, dup: true }),
    );
    const acknowledged = [await publisher.next("puback"), await publisher.next("puback")];
    assert.deepEqual(
      acknowledged.map(({ messageId }) => messageId),
      [1, 2],
    ); // [MQTT-4.6.0-2]
    for (let i = 0; i < 2; i++) assert.equal((await publisher.next("pubrec")).messageId, 3);
    publisher.send({ cmd: "pubrel", messageId: 3 });
    assert.equal((await publisher.next("pubcomp")).messageId, 3);
    await this.#take(round);
  }

  async #take(round: number): Promise<void> {
    const subscriber = this.#subscriber;
    const came = [];
    for (let i = 0; i < 4; i++) came.push(await subscriber.next("publish"));
    assert.deepEqual(
      came.map(({ topic, payload, qos, dup, retain, properties }) => [
        ...[topic, payload.toString(), qos, dup, retain, properties?.subscriptionIdentifier],
      ]),
      [
        ["steady/alias", `${round}`, 0, false, false, identifier],
        ["steady/one", `${round}`, 1, false, false, identifier],
        ["steady/one", `${round} more`, 1, false, false, identifier],
        ["steady/two", `${round}`, 2, false, false, identifier],
      ],
    );
    const ids = came.slice(1).map(({ messageId }) => messageId!);
    assert.equal(new Set(ids).size, ids.length, "identifiers under way at once differ");
    const [one, more, two] = ids as [number, number, number];
    subscriber.send(
      { cmd: "puback", messageId: one },
      { cmd: "puback", messageId: more },
      { cmd: "pubrec", messageId: two },
    );
    assert.equal((await subscriber.next("pubrel")).messageId, two);
    subscriber.send({ cmd: "pubcomp", messageId: two });
    await subscriber.settled();
    assert.deepEqual(subscriber.received, [], "nothing comes that was not sent");
  }

  destroy(): void {
    this.#publisher.destroy();
    this.#subscriber.destroy();
  }
}
