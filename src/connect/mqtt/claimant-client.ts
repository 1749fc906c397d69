import { Run } from "../../flow/run.ts";
import { problemOf } from "../../kernel/errors.ts";
import { topicProblem } from "../../kernel/topic.ts";
import type { Arrival } from "../../things/onboarding/pending-device.ts";
import type { Claimant, Onboarding } from "../../things/onboarding/onboarding.ts";
import { textOf } from "../../wire/mqtt/cursor.ts";
import type { Subscribe } from "../../wire/mqtt/decode.ts";
import { encodeAcknowledgement, encodeSuback, encodeUnsuback } from "../../wire/mqtt/encode.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { packetType, ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { locate, newPlace, qosIn } from "../../wire/mqtt/publish.ts";
import type { Client, ClientLine, ClientTakes } from "./client.ts";
import { OwnClient, type OwnDoor } from "./own-client.ts";
import { Session } from "./session.ts";

/** Where an accepted device hears its user name and its token, and nobody else hears anything. */
const credentialsTopic = "$claim/credentials";

export interface ClaimantDoor extends OwnDoor {
  readonly onboarding: Onboarding;
  readonly takes: ClientTakes;
  readonly address: string;
  readonly clientId: string;
}

/**
 * A device that knows a claim code and nothing else. What it publishes is looked at by a person
 * and reaches no stream, and it may subscribe to its credentials alone. Accepted, it is its Thing
 * on this very connection, within the Thing's topics, until it comes with the token it was told.
 */
export class ClaimantClient implements Client {
  readonly #line: ClientLine;
  readonly #claimant: Claimant;
  readonly #door: ClaimantDoor;
  readonly #from: Arrival;
  readonly #session: Session;
  readonly #detach: () => void;
  #own: OwnClient | undefined;
  /** The QoS it hears its credentials with; undefined: it does not listen for them. */
  #credentialsQos: 0 | 1 | undefined;

  constructor(line: ClientLine, claimant: Claimant, door: ClaimantDoor) {
    this.#line = line;
    this.#claimant = claimant;
    this.#door = door;
    this.#from = { door: "MQTT", address: door.address };
    const { flow, budget, outbox, version } = line;
    this.#session = new Session("claimant", claimant, flow.router, {
      clock: flow.outside.clock,
      budget,
      onDropped: (messages) => flow.counts.drop("queue-full", messages),
    });
    this.#session.attach({ outbox, version, ...door.takes });
    this.#detach = door.onboarding.attach(claimant, {
      clientId: door.clientId,
      address: door.address,
      listens: () => this.#credentialsQos !== undefined,
      accepted: () => {
        this.#becomeOwn();
        this.#tellCredentials();
      },
      end: (text) => line.end(reason.administrativeAction, text),
    });
    this.#becomeOwn();
  }

  publish(scanned: ScannedRun, now: number): void {
    if (this.#own !== undefined) this.#own.publish(scanned, now);
    else this.#sample(scanned);
  }

  subscribe(subscribe: Subscribe): void {
    const { version } = this.#line;
    const retained: ((() => void) | undefined)[] = [];
    let isListening = false;
    const codes = subscribe.requests.map((request) => {
      if (request.filter === credentialsTopic) {
        isListening = true;
        this.#credentialsQos = request.qos === 0 ? 0 : 1;
        return this.#credentialsQos;
      }
      const granted = this.#own?.grant(request, subscribe.properties.subscriptionId);
      retained.push(granted?.sendRetained);
      return granted?.code ?? reason.notAuthorized;
    });
    this.#line.reply(encodeSuback(version, subscribe.id, codes));
    for (const send of retained) send?.();
    if (isListening) this.#tellCredentials();
  }

  unsubscribe(id: number, filters: readonly string[]): void {
    const codes = filters.map((filter) => {
      const isOwn = filter === credentialsTopic;
      const was = isOwn ? this.#credentialsQos !== undefined : this.#session.unsubscribe(filter);
      if (isOwn) this.#credentialsQos = undefined;
      return was ? reason.success : reason.noSubscriptionExisted;
    });
    this.#line.reply(encodeUnsuback(this.#line.version, id, codes));
  }

  acknowledge(id: number): void {
    this.#session.outgoing.acknowledge(id);
  }

  received(id: number, reasonCode: number): void {
    this.#session.outgoing.received(id, reasonCode);
  }

  completed(id: number): void {
    this.#session.outgoing.completed(id);
  }

  release(id: number): void {
    const { outbox, version } = this.#line;
    if (this.#own !== undefined) this.#own.release(id);
    else outbox.pushControl(encodeAcknowledgement(version, packetType.pubcomp, id));
  }

  close(): void {
    this.#own?.close();
    this.#detach();
    this.#session.end();
  }

  #becomeOwn(): void {
    const thing = this.#door.onboarding.thingOf(this.#claimant);
    if (thing === undefined) return;
    this.#session.resumeAs(thing);
    this.#own = new OwnClient(this.#line, thing, this.#session, this.#door);
  }

  /** Also again, at every SUBSCRIBE, until the device was heard under its own token. */
  #tellCredentials(): void {
    const qos = this.#credentialsQos;
    if (qos === undefined || this.#own === undefined) return;
    this.#door.onboarding.credentials(this.#claimant).then(
      (credentials) => {
        if (credentials === undefined) return;
        const payload = Buffer.from(JSON.stringify(credentials));
        const run = Run.of(credentialsTopic, payload, { qos: 1 });
        this.#session.receive(run, { filter: credentialsTopic, receiver: this.#session, qos });
      },
      (failure: unknown) => this.#line.end(reason.implementationSpecific, problemOf(failure)),
    );
  }

  /** Taken, looked at, and thrown away: in version 5 the answer says that nobody receives it. */
  #sample({ topic: topicBytes, packets, count, ids, first }: ScannedRun): void {
    const { outbox, version } = this.#line;
    const topic = textOf(topicBytes);
    const problem = topicProblem(topic);
    if (problem !== undefined) {
      throw new ProtocolError(reason.topicNameInvalid, `a topic ${problem}`);
    }
    const place = newPlace();
    const layout = { version, withIds: ids.length > 0 };
    for (let at = 0; at < packets.length; at = place.end) locate(packets, layout, at, place);
    const payload = packets.subarray(place.payloadAt, place.end);
    this.#door.onboarding.sample(this.#claimant, this.#from, topic, payload, count);
    const type = qosIn(first) === 2 ? packetType.pubrec : packetType.puback;
    for (const id of ids) {
      outbox.pushControl(encodeAcknowledgement(version, type, id, reason.noMatchingSubscribers));
    }
  }
}
