import type { DropReason, FlowCounts } from "../../flow/counts.ts";
import type { Gate } from "../../flow/gate.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import type { Tally } from "../../flow/parcel-queue.ts";
import type { LeftOver, Subscription } from "../../flow/subscription.ts";
import type { LogPlace, Run } from "../../flow/run.ts";
import { layout5 } from "../../flow/run.ts";
import { encodeAcknowledgement } from "../../wire/mqtt/encode.ts";
import { packetType, type ProtocolVersion, reason } from "../../wire/mqtt/protocol.ts";
import type { Layout } from "../../wire/mqtt/publish.ts";
import { type Attachment, fitting } from "./attachment.ts";
import { Backlog, type BacklogOptions, countIn } from "./backlog.ts";
import { Inflight, kept, type SentMessages } from "./inflight.ts";
import { leftOver } from "./left-over.ts";
import { RestoredShares } from "./restored-shares.ts";

export interface OutgoingOptions extends Pick<BacklogOptions, "clock" | "wanted"> {
  /** Of what waits, and of what is sent and not acknowledged. */
  readonly budget: QueueBudget;
  readonly onDropped: (messages: number, why: DropReason) => void;
  /** Where how its runs left is counted. */
  readonly counts?: FlowCounts;
  /** The agreement all of it leaves under; absent for this organisation's own clients. */
  readonly under?: { readonly gate: Gate; readonly tally: Tally };
  /** Something was acknowledged, or waits. */
  readonly onChanged?: () => void;
}

const inflightMax = 65_000;

/** What goes out to one client: what it was sent and has not acknowledged, and what waits. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #backlog: Backlog;
  #inflight = new Inflight();
  /** Sent on an earlier connection and not again yet. */
  #resending: Buffer[] = [];
  #attached: Attachment | undefined;
  /** Of what waits and is under way, as the budget knows it. */
  #toldBytes = 0;
  readonly #restored = new RestoredShares();
  /** Messages given up for this client. */
  dropped = 0;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    const { clock, budget, wanted } = options;
    this.#backlog = new Backlog({
      clock,
      budget,
      onDropped: (messages) => this.#dropped(messages, "queue-full"),
      ...(wanted ? { wanted } : {}),
      // What a log cannot give now is asked for again when there is next something to send.
      onRead: (failure) => {
        if (failure === undefined) this.#drain();
        this.#tellQueued();
      },
    });
  }

  /** Messages it was sent and has not acknowledged. */
  get inflight(): number {
    return this.#inflight.count;
  }

  /** Of messages that wait for their turn or their client. */
  get waitingBytes(): number {
    return this.#backlog.bytes;
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.#inflight.count === 0 && this.#backlog.isEmpty;
  }

  /** A connection takes it up; what is not acknowledged is sent again. */
  attach(attachment: Attachment): void {
    const { version, packetBytesMax } = attachment;
    this.#attached = attachment;
    this.#inflight.takeForm(version);
    const again = this.#inflight.resend(this.#options.clock.monotonic());
    const isTooLarge = (packet: Buffer): boolean =>
      packet.length > packetBytesMax && packet[0]! >> 4 === packetType.publish;
    for (const packet of again) if (isTooLarge(packet)) this.#giveUp(packet);
    this.#resending = again.filter((packet) => !isTooLarge(packet));
    this.#drain();
    this.#tellQueued();
  }

  detach(): void {
    this.#attached = undefined;
  }

  clear(): void {
    this.#backlog.clear();
    this.#inflight = new Inflight();
    this.#resending = [];
    this.#attached = undefined;
    this.#tellQueued();
  }

  /** Where the client stands in the log: all before it is acknowledged or was not for it. */
  positionIn(log: string, end: number): number {
    const under = this.#inflight.lowest(log) ?? end;
    return Math.min(under, this.waitsFrom(log, end));
  }

  /** The same, of what was not sent yet. */
  waitsFrom(log: string, end: number): number {
    return this.#backlog.lowest(log) ?? end;
  }

  sent(): SentMessages {
    const { version } = this.#inflight.layout;
    const waiting = this.#backlog.shared().map((one) => kept(one, one.run));
    return { version, messages: this.#inflight.messages(), waiting };
  }

  /** Of shares, what was restored and is not acknowledged; undefined: nothing. */
  sentRestored(): SentMessages | undefined {
    return this.#restored.among(() => this.sent());
  }

  /** As it stood when the node stopped; nothing was sent or waits yet. */
  restore(
    sent: SentMessages | undefined,
    waiting: readonly (readonly [log: LogPlace["log"], from: number, to: number])[],
    subscriptionOf: (filter: string) => Subscription | undefined,
  ): void {
    if (sent !== undefined) {
      this.#inflight.restore(sent, subscriptionOf);
      this.#restored.add(sent);
    }
    for (const [log, from, to] of waiting) this.#backlog.addStretch(log, from, to);
    for (const { filter, run, since } of sent?.waiting ?? []) {
      const subscription = subscriptionOf(filter);
      if (subscription !== undefined) this.#backlog.put({ run, subscription, retain: 0, since });
    }
    this.#tellQueued();
  }

  /** Messages that waited for a subscription that is no more. */
  forget(subscription: Subscription): LeftOver[] {
    const forgotten = this.#backlog.forget(subscription);
    this.#tellQueued();
    return leftOver(forgotten, this.#options.clock);
  }

  /** Of shared subscriptions, whether they still stand or not, all that is not acknowledged. */
  shared(): LeftOver[] {
    return leftOver([...this.#inflight.shared(), ...this.#backlog.shared()], this.#options.clock);
  }

  /** What would leave at once of messages with that QoS. */
  roomFor(qos: 0 | 1 | 2): number {
    const attached = this.#attached;
    if (attached === undefined) return 0;
    if (qos === 0)
      return attached.outbox.queuedBytes < this.#options.budget.shareBytesMax / 2 ? Infinity : 0;
    return this.#backlog.isEmpty ? this.#room(attached, 0) : 0;
  }

  queueRoomFor(run: Run): number {
    return countIn(this.#options.budget.shareBytesMax - this.#backlog.bytes, run);
  }

  /** Messages under way and waiting; what the socket has not taken counts as messages of 128 bytes. */
  get load(): number {
    const unsent = (this.#attached?.outbox.queuedBytes ?? 0) >> 7;
    return this.#inflight.count + this.#backlog.length + unsent;
  }

  /** `retain`: it is a retained message, sent for a new subscription. */
  send(run: Run, subscription: Subscription, retain: 0 | 1): void {
    const attached = this.#attached;
    if (Math.min(run.qos, subscription.qos) > 0) this.#sendOrKeep(run, subscription, retain);
    else if (attached === undefined) {
      // Nothing of QoS 0 waits for who is away.
      if (run.place !== undefined) this.#backlog.skip(run.place);
      return;
    } else if (this.#backlog.goesFirst(run, subscription, retain)) {
      this.#backlog.add(run, subscription, retain, false);
    } else return this.#sendQos0(attached, run, subscription, retain);
    this.#tellQueued();
  }

  #sendOrKeep(run: Run, subscription: Subscription, retain: 0 | 1): void {
    const attached = this.#attached;
    let rest = run;
    if (attached !== undefined && this.#backlog.isEmpty) {
      const room = this.#room(attached, run.packets.length);
      if (room >= run.count) {
        this.#sendQos12(attached, run, subscription, retain);
        return;
      }
      if (room > 0) {
        this.#sendQos12(attached, run.first(room), subscription, retain);
        rest = run.after(room);
      }
    }
    this.#backlog.add(rest, subscription, retain, attached === undefined);
    this.#options.onChanged?.();
    if (attached !== undefined) this.#drain();
  }

  /** PUBACK. */
  acknowledge(id: number): void {
    this.#done(id, 1);
  }

  /** PUBREC: answered with PUBREL, unless the client will not have the message [MQTT-4.3.3-4]. */
  received(id: number, reasonCode: number): void {
    const attached = this.#attached;
    if (attached === undefined) return;
    if (reasonCode >= 0x80) {
      this.#done(id, 2);
      return;
    }
    const isOpen = this.#inflight.received(id);
    const code = isOpen ? reason.success : reason.packetIdNotFound; // §3.6.2.1
    const { version, outbox } = attached;
    outbox.pushControl(encodeAcknowledgement(version, packetType.pubrel, id, code));
  }

  /** PUBCOMP. */
  completed(id: number): void {
    this.#done(id, 2);
  }

  #done(id: number, qos: 1 | 2): void {
    if (!this.#inflight.acknowledge(id, qos)) return;
    this.#options.onChanged?.();
    this.#drain();
    this.#tellQueued();
  }

  #tellQueued(): void {
    const bytes = this.#backlog.bytes + this.#inflight.bytes;
    this.#options.budget.add(bytes - this.#toldBytes);
    this.#toldBytes = bytes;
  }

  /** How many of the run may leave now (§4.9). */
  #room(attached: Attachment, packetBytes: number): number {
    const { count, room, bytes } = this.#inflight;
    const most = Math.min(attached.receiveMaximum, inflightMax) - count;
    const isTooMuch = count > 0 && bytes + packetBytes > this.#options.budget.shareBytesMax;
    return isTooMuch ? 0 : Math.max(0, Math.min(most, room));
  }

  #sendQos0(attached: Attachment, run: Run, subscription: Subscription, retain: 0 | 1): void {
    const { version } = attached;
    const added = identifierFor(version, subscription);
    const fits = this.#fitting(attached, run, 0, added);
    if (fits === undefined) return;
    const flags = retainFlag(run, subscription, retain);
    const isForAll = flags === 0 && added === undefined;
    const packets = isForAll
      ? fits.encoded(version)
      : fits.encodeFor(version, { flags, ...(added ? { added } : {}) });
    if (packets !== fits.packets) this.#countEncoding(isForAll);
    this.#push(attached, packets, fits, version === 5 ? layout5 : layout4, true);
  }

  #sendQos12(
    attached: Attachment,
    run: Run,
    subscription: Subscription,
    retain: 0 | 1,
    isRestored = false,
  ): void {
    const qos = Math.min(run.qos, subscription.qos) as 1 | 2; // [MQTT-3.8.4-8]
    const { version } = attached;
    const added = identifierFor(version, subscription);
    const fits = this.#fitting(attached, run, qos, added);
    if (fits === undefined) return;
    const flags = (qos << 1) | retainFlag(run, subscription, retain);
    this.#countEncoding(false);
    const shared = subscription.share && { subscription, run: fits.own() };
    if (shared !== undefined && isRestored) this.#restored.sentAs(shared.run);
    const packets = this.#inflight.send(
      fits,
      qos,
      this.#options.clock.monotonic(),
      (nextId) => fits.encodeFor(version, { flags, nextId, ...(added ? { added } : {}) }),
      shared,
    );
    this.#push(attached, packets, fits, this.#inflight.layout, false);
  }

  #countEncoding(isForAll: boolean): void {
    const { counts } = this.#options;
    if (counts === undefined) return;
    if (isForAll) counts.reencodedRuns++;
    else counts.copiedRuns++;
  }

  #dropped(messages: number, why: DropReason): void {
    this.dropped += messages;
    this.#options.onDropped(messages, why);
  }

  #push(attached: Attachment, packets: Buffer, run: Run, layout: Layout, droppable: boolean): void {
    const { outbox, aliases } = attached;
    const under = this.#options.under;
    const parcel = {
      packets,
      count: run.count,
      payloadBytes: run.payloadBytes,
      layout,
      gate: under?.gate,
      tally: under?.tally,
      droppable,
    };
    if (aliases === undefined) outbox.push(parcel);
    else aliases.push(outbox, parcel, run);
  }

  /** Without the messages that are too large for the client: they are given up. */
  #fitting(
    attached: Attachment,
    run: Run,
    qos: 0 | 1 | 2,
    added: Buffer | undefined,
  ): Run | undefined {
    const fits = fitting(run, attached, qos, added);
    const tooLarge = run.count - (fits?.count ?? 0);
    if (tooLarge > 0) this.#dropped(tooLarge, "packet-too-large");
    return fits;
  }

  /** A message that the client took before and does not now is as if it had taken it. */
  #giveUp(packet: Buffer): void {
    this.#inflight.giveUp(packet); // [MQTT-3.1.2-25]
    this.#dropped(1, "packet-too-large");
  }

  #drain(): void {
    const attached = this.#attached;
    if (attached === undefined) return;
    this.#sendAgain(attached);
    while (this.#resending.length === 0) {
      const next = this.#backlog.first();
      if (next === undefined) return;
      const { run, subscription, retain, since } = next;
      const isQos0 = run.qos === 0;
      if (!isQos0 && this.#room(attached, run.packets.length) < run.count) return;
      this.#backlog.shift();
      const current = run.waited(this.#options.clock.monotonic() - since);
      const isRestored = this.#restored.take(run);
      if (current === undefined) continue;
      if (isQos0) this.#sendQos0(attached, current, subscription, retain);
      else this.#sendQos12(attached, current, subscription, retain, isRestored);
    }
  }

  #sendAgain({ outbox, receiveMaximum }: Attachment): void {
    if (this.#resending.length === 0) return;
    let sent = 0;
    const open = (): number => this.#inflight.count - this.#resending.length + sent;
    while (sent < this.#resending.length && open() < receiveMaximum) {
      outbox.pushControl(this.#resending[sent++]!);
    }
    this.#resending = this.#resending.slice(sent);
  }
}

const layout4: Layout = { version: 4, withIds: false };

/** Only version 5 has any. */
function identifierFor(version: ProtocolVersion, { identifier }: Subscription): Buffer | undefined {
  return version === 5 ? identifier : undefined;
}

/** Set where it is a retained message, and where the client asked for it as published. */
function retainFlag(run: Run, { retainAsPublished }: Subscription, retain: 0 | 1): 0 | 1 {
  return run.retain && retainAsPublished === true ? 1 : retain;
}
