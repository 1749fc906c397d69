import type { Principal } from "../../things/access.ts";
import { attachRequestOf } from "../../wire/link/attach.ts";
import { agreementOfLinkTopic } from "../../wire/link/control.ts";
import { textOf } from "../../wire/mqtt/cursor.ts";
import type { Subscribe } from "../../wire/mqtt/decode.ts";
import { encodeSuback, encodeUnsuback } from "../../wire/mqtt/encode.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { qosIn } from "../../wire/mqtt/publish.ts";
import type { Attach } from "./authenticate.ts";
import type { Client, ClientLine } from "./client.ts";
import { LinkFeeds } from "./link-feeds.ts";

export type PeerPrincipal = Extract<Principal, { kind: "peer" }>;

/**
 * Another organisation's node, let in as itself: one connection for all that it receives. Each
 * agreement is attached by a SUBSCRIBE of its own with its transfer's token, has its own grant,
 * feed and end, and is detached by UNSUBSCRIBE. Publishing is for acknowledgements alone.
 */
export class PeerClient implements Client {
  readonly #line: ClientLine;
  readonly #did: string;
  readonly #attach: Attach;
  readonly #feeds: LinkFeeds;

  constructor(line: ClientLine, principal: PeerPrincipal, attach: Attach) {
    this.#line = line;
    this.#did = principal.did;
    this.#attach = attach;
    this.#feeds = new LinkFeeds(line, true);
  }

  publish(scanned: ScannedRun): void {
    const agreement = agreementOfLinkTopic(textOf(scanned.topic));
    if (agreement === undefined || qosIn(scanned.first) > 0) {
      throw new ProtocolError(reason.notAuthorized, "a link is for receiving only");
    }
    this.#feeds.acknowledge(agreement, scanned);
  }

  subscribe(subscribe: Subscribe): void {
    const { flow, limits, version } = this.#line;
    const { id } = subscribe;
    const refuse = (code: number, why: string): void => {
      const told = encodeSuback(version, id, [code], { reasonString: why });
      this.#line.reply(told, encodeSuback(version, id, [code]));
    };
    const [first, ...more] = subscribe.requests;
    if (first === undefined || more.length > 0) {
      const text = "each agreement is attached by a SUBSCRIBE of its own";
      throw new ProtocolError(reason.implementationSpecific, text);
    }
    const agreement = agreementOfLinkTopic(first.filter);
    // A feed's packets have the version 5 form.
    if (agreement === undefined || version === 4) {
      this.#line.reply(encodeSuback(version, id, [reason.topicFilterInvalid]));
      return;
    }
    if (this.#feeds.size >= limits.agreementsPerConnectionMax && !this.#feeds.has(agreement)) {
      refuse(reason.quotaExceeded, "the connection has too many agreements");
      return;
    }
    const request = attachRequestOf(subscribe.properties);
    const refused = this.#attach(this.#did, agreement, request.token ?? "");
    const gate = flow.grants.get(agreement);
    if (refused !== undefined || gate === undefined) {
      refuse(reason.notAuthorized, refused ?? "the agreement is not open yet");
      return;
    }
    const attaching = this.#feeds.attach(gate, request);
    this.#line.reply(encodeSuback(version, id, [reason.success], attaching.terms));
    attaching.open();
  }

  unsubscribe(id: number, filters: readonly string[]): void {
    const codes = filters.map((filter) => {
      const agreement = agreementOfLinkTopic(filter);
      const isGone = agreement !== undefined && this.#feeds.detach(agreement);
      return isGone ? reason.success : reason.noSubscriptionExisted;
    });
    // Behind all that was sent before: what comes after it is another attachment's.
    this.#line.reply(encodeUnsuback(this.#line.version, id, codes));
  }

  acknowledge(): void {
    throw new ProtocolError(reason.protocolError, "PUBACK for a message that never went out");
  }

  release(): void {
    throw new ProtocolError(reason.protocolError, "PUBREL for a message that never came");
  }

  close(): void {
    this.#feeds.close();
  }
}
