import type { Gate } from "../../flow/gate.ts";
import type { Lane, Lanes } from "../../flow/lanes.ts";
import { LinkFeed } from "../../flow/open-feed.ts";
import { type LinkRequest, type LinkTerms, termsProperties } from "../../wire/link/attach.ts";
import { decodeControl, encodeControl, linkTopic } from "../../wire/link/control.ts";
import { encodePublish } from "../../wire/mqtt/encode.ts";
import type { Properties } from "../../wire/mqtt/properties.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { walkPublishes } from "../../wire/mqtt/publish.ts";
import type { ClientLine } from "./client.ts";

interface Attached {
  readonly feed: LinkFeed;
  readonly lane: Lane;
}

/** Named once SUBACK is on its way. */
export interface Attaching {
  readonly terms: Properties;
  open(): void;
}

/**
 * The agreements attached to one connection, each with its own feed on a lane of its own. An end
 * of one, or a refusal, is said on its topic and leaves the others as they are.
 */
export class LinkFeeds {
  readonly #line: ClientLine;
  readonly #lanes: Lanes;
  readonly #isShared: boolean;
  readonly #attached = new Map<string, Attached>();

  /** `isShared`: more than one agreement may be attached. */
  constructor(line: ClientLine, isShared: boolean) {
    this.#line = line;
    this.#lanes = line.lanes;
    this.#isShared = isShared;
  }

  get size(): number {
    return this.#attached.size;
  }

  has(agreement: string): boolean {
    return this.#attached.has(agreement);
  }

  /** The last SUBSCRIBE counts, whatever the one before is still waiting for. */
  attach(gate: Gate, request: LinkRequest): Attaching {
    const { flow, limits } = this.#line;
    const { agreement } = gate.grant;
    this.detach(agreement);
    const terms = termsOf(request, limits.linkBytesPerSecondMax);
    const lane = this.#lanes.open({
      ...terms,
      agreement,
      clock: flow.outside.clock,
      queueBytesMax: limits.queueBytesMax,
      isShared: this.#isShared,
      onDropped: (messages) => flow.counts.drop("queue-full", messages),
    });
    const { claimed } = request;
    const onFailed = (why: string): void => this.#failed(agreement, why);
    const feed = new LinkFeed({ flow, gate, outbox: lane.outbox, claimed, onFailed });
    this.#attached.set(agreement, { feed, lane });
    return { terms: termsProperties(terms), open: () => void feed.open() };
  }

  /** What came on the agreement's topic; only acknowledgements are for this side. */
  acknowledge(agreement: string, scanned: ScannedRun): void {
    const layout = { version: this.#line.version, withIds: scanned.ids.length > 0 };
    walkPublishes(scanned.packets, layout, (place) => {
      const control = decodeControl(scanned.packets.subarray(place.payloadAt, place.end));
      if (control?.t !== "ack") return;
      const { epoch, position, messages, payloadBytes } = control;
      const said = { epoch, position, messages, payloadBytes };
      this.#attached.get(agreement)?.feed.acknowledge(said);
    });
  }

  /** Nothing more of it leaves, what waits in its lane included. */
  detach(agreement: string): boolean {
    const attached = this.#attached.get(agreement);
    if (attached === undefined) return false;
    this.#attached.delete(agreement);
    attached.feed.close();
    attached.lane.close();
    return true;
  }

  close(): void {
    for (const agreement of [...this.#attached.keys()]) this.detach(agreement);
  }

  #failed(agreement: string, why: string): void {
    this.detach(agreement);
    if (!this.#isShared) {
      this.#line.end(reason.implementationSpecific, why);
      return;
    }
    const payload = encodeControl({ t: "detached", text: why });
    this.#line.outbox.pushControl(encodePublish(5, { topic: linkTopic(agreement), payload }));
  }
}

function termsOf(asked: LinkRequest, paceMax: number): LinkTerms {
  const { encoding } = asked;
  const pace = Math.min(asked.bytesPerSecondMax ?? Infinity, paceMax);
  return { encoding, bytesPerSecondMax: pace === Infinity ? undefined : pace };
}
