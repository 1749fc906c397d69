import { MqttClient } from "../client/mqtt.ts";
import type { MqttClientOptions } from "../client/types.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { attachProperties, type LinkTerms, termsIn } from "../wire/link/attach.ts";
import { agreementOfLinkTopic, encodeControl, linkTopic } from "../wire/link/control.ts";
import type { PacketSink, ScannedRun } from "../wire/mqtt/packet-stream.ts";

/** Why an attachment is over; a reason code where the provider gave one (MQTT 5.0 §2.4). */
export interface AttachmentEnd {
  readonly why: string;
  readonly reasonCode?: number | undefined;
}

type AttachRequest = Parameters<typeof attachProperties>[0];

/** So that a connection outlives the moment in which one agreement ends and another begins. */
const idleMs = 250;
const dollar = 0x24;

/**
 * One connection to a provider's node, for every agreement that is attached to it. Which of them
 * a packet belongs to is said in the stream itself: by the last packet on a `$link/` topic.
 */
export class LinkConnection {
  /** Resolves when the provider has let this node in. */
  readonly connected: Promise<void>;
  readonly isShared: boolean;
  readonly #attached = new Map<string, Attachment>();
  /** Those whose last packets may still be on their way. */
  readonly #leaving = new Map<string, Promise<void>>();
  #client: MqttClient | undefined;
  #current: string | undefined;
  #isOver = false;
  #idle: NodeJS.Timeout | undefined;
  readonly #onOver: () => void;

  /** `only`: the agreement whose token lets it in; absent: it is shared. */
  constructor(
    options: MqttClientOptions | Promise<MqttClientOptions>,
    only: string | undefined,
    onOver: () => void,
  ) {
    this.isShared = only === undefined;
    this.#current = only;
    this.#onOver = onOver;
    this.connected = this.#connect(options);
    this.connected.catch(() => {}); // whoever attaches hears of it
  }

  attachment(agreement: string, onRun: PacketSink["onRun"]): Attachment {
    return new Attachment(this, agreement, onRun);
  }

  destroy(): void {
    clearTimeout(this.#idle);
    this.#client?.destroy();
    this.#over({ why: "closed" });
  }

  /** Once what was published before is on its way. */
  async end(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#client?.end();
  }

  /** Resolves with the provider's terms. */
  async open(attachment: Attachment, request: AttachRequest): Promise<LinkTerms> {
    clearTimeout(this.#idle);
    const { agreement } = attachment;
    try {
      await this.connected;
      await this.#leaving.get(agreement);
      this.#attached.set(agreement, attachment);
      const properties = attachProperties(request);
      return termsIn(await this.#client!.subscribe(linkTopic(agreement), { properties }));
    } catch (error) {
      this.forget(attachment);
      throw error;
    }
  }

  publish(agreement: string, payload: Buffer): void {
    this.#client?.publish(linkTopic(agreement), payload).catch(() => {
      // The connection is gone; the next one claims this checkpoint in its greeting.
    });
  }

  /** Nothing that comes for it is handed on from now on; the others go on. */
  async leave(attachment: Attachment): Promise<void> {
    const { agreement } = attachment;
    if (this.#attached.get(agreement) !== attachment) return;
    if (!this.isShared) {
      this.destroy();
      return;
    }
    // UNSUBACK comes behind the last packet of this attachment.
    const left = this.#client!.unsubscribe(linkTopic(agreement)).catch(() => {});
    this.#leaving.set(agreement, left);
    this.forget(attachment);
    await left;
    if (this.#leaving.get(agreement) === left) this.#leaving.delete(agreement);
  }

  forget(attachment: Attachment): void {
    if (this.#attached.get(attachment.agreement) === attachment) {
      this.#attached.delete(attachment.agreement);
    }
    if (this.#attached.size > 0 || this.#isOver) return;
    clearTimeout(this.#idle);
    if (!this.isShared) this.destroy();
    else this.#idle = setTimeout(() => this.destroy(), idleMs).unref();
  }

  async #connect(options: MqttClientOptions | Promise<MqttClientOptions>): Promise<void> {
    try {
      const client = new MqttClient(await options, (run) => this.#onRun(run));
      this.#client = client;
      if (this.#isOver) client.destroy();
      void client.closed.then((why) => this.#over({ why, reasonCode: client.reasonCode }));
      await client.connected;
    } catch (error) {
      this.#over({ why: "no connection" });
      throw error;
    }
  }

  #onRun(run: ScannedRun): void {
    if (!this.isShared) {
      this.#attached.get(this.#current!)?.onRun(run);
      return;
    }
    if (run.topic[0] === dollar) {
      const [agreement] = agreementOfLinkTopic(run.topic.toString("utf8"))?.split("/") ?? [];
      this.#current = agreement;
      if (isEmpty(run)) return;
    }
    if (this.#current !== undefined) this.#attached.get(this.#current)?.onRun(run);
  }

  #over(end: AttachmentEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    for (const attachment of this.#attached.values()) attachment.over(end);
    this.#attached.clear();
  }
}

/** One agreement on a connection, from its SUBSCRIBE until either is over. */
export class Attachment {
  readonly agreement: string;
  readonly onRun: PacketSink["onRun"];
  /** Resolves with why it is over. */
  readonly closed: Promise<AttachmentEnd>;
  readonly #connection: LinkConnection;
  readonly #closing = Promise.withResolvers<AttachmentEnd>();

  constructor(connection: LinkConnection, agreement: string, onRun: PacketSink["onRun"]) {
    this.#connection = connection;
    this.agreement = agreement;
    this.onRun = onRun;
    this.closed = this.#closing.promise;
  }

  open(request: AttachRequest): Promise<LinkTerms> {
    return this.#connection.open(this, request);
  }

  acknowledge(checkpoint: Checkpoint): void {
    const { epoch, position, messages, payloadBytes } = checkpoint;
    const said = { t: "ack", epoch, position, messages, payloadBytes } as const;
    this.#connection.publish(this.agreement, encodeControl(said));
  }

  /** At once; on a connection of its own that ends as well. */
  leave(why: string): void {
    this.over({ why });
    void this.#connection.leave(this);
  }

  /** In good order: what was acknowledged is on its way. */
  async end(): Promise<void> {
    if (this.#connection.isShared) await this.#connection.leave(this);
    else await this.#connection.end();
    this.over({ why: "ended" });
  }

  /** The provider has detached it. */
  detached(end: AttachmentEnd): void {
    this.#connection.forget(this);
    this.over(end);
  }

  over(end: AttachmentEnd): void {
    this.#closing.resolve(end);
  }
}

/** Says only whose packets follow. */
function isEmpty(run: ScannedRun): boolean {
  return run.payloadBytes === 0;
}
