import type { Crash } from "../kernel/crash.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Used } from "../kernel/price.ts";
import { packetBytesMax } from "../client/mqtt.ts";
import type { Flow } from "../flow/flow.ts";
import type { EndReason } from "../flow/gate.ts";
import { layout5 } from "../flow/run.ts";
import type { Agreement } from "../market/agreement.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { LinkState } from "../meter/traffic.ts";
import type { Store } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { BlockReader, blockTopic } from "../wire/link/block.ts";
import { decodeControl, linkTopic } from "../wire/link/control.ts";
import type { ScannedRun } from "../wire/mqtt/packet-stream.ts";
import { reason } from "../wire/mqtt/protocol.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { Inbound } from "./inbound.ts";
import { Arrivals } from "./arrivals.ts";
import { LinkAddress, type LinkAddressOutside } from "./link-address.ts";
import type { Attachment } from "./link-connection.ts";
import type { LinkConnections } from "./link-connections.ts";
import { type LinkProblem, linkProblemOf } from "./link-problem.ts";
import { LinkReport } from "./link-report.ts";
import type { ReceivedLog } from "./received-log.ts";
import { RetryPace } from "./retry-pace.ts";
import { levelProblem, StreamCheck } from "./stream-check.ts";

export interface LinkOutside extends LinkAddressOutside {
  readonly flow: Flow;
  readonly store: Store;
  readonly journal: Journal;
  readonly crash: Crash;
  readonly counts: ConsumerCounts;
  /** Short name of the provider: the stream stands under `from/<name>/<product>/…`. */
  readonly nameOf: (did: string) => string;
  /** What the connection is asked to keep to, bytes a second; undefined: whatever it carries. */
  readonly budgetOf: (agreement: string) => Promise<number | undefined>;
  readonly connections: LinkConnections;
  readonly onEnded: (agreement: Agreement, reason: EndReason) => void;
  /** May so much be taken over the agreement's life? What may not is neither kept nor paid. */
  readonly affords?: (agreement: Agreement, used: Used) => "yes" | "not now" | "never";
  /** Was it "not now", and still is? */
  readonly rests?: (agreement: string) => boolean;
  /** One for each name, whichever links write to it. */
  readonly logOf: (name: string) => ReceivedLog;
  /** A longer packet from the provider ends the connection. */
  readonly packetBytesMax?: number | undefined;
  readonly uncommittedBytesMax?: number | undefined;
}

/** What lasts so long has no problem, though nothing may have come. */
const steadyMs = 10_000;

/**
 * One agreement's stream from another participant's node, on the consumer's side: connects, asks
 * to go on after the last committed checkpoint, commits, acknowledges, and starts again after
 * every break until the agreement ends.
 */
export class Link {
  readonly agreement: Agreement;
  readonly report: LinkReport;
  readonly #outside: LinkOutside;
  readonly #arrivals: Arrivals;
  readonly #log: ReceivedLog | undefined;
  readonly #controlTopic: Buffer;
  readonly #blockTopic: Buffer;
  #attachment: Attachment | undefined;
  #blocks: BlockReader | undefined;
  #inbound: Inbound | undefined;
  #cut = false;
  /** What comes is not taken any more, and the attachment is about to end. */
  #resting = false;
  #closed = false;
  /** From before it is attached until after that is over: there is one at a time. */
  #running = false;
  readonly #check: StreamCheck;
  readonly #pace = new RetryPace();
  readonly #address: LinkAddress;
  /** The attachment ended by a problem that the next one will have as well. */
  #stuck = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(agreement: Agreement, outside: LinkOutside) {
    this.agreement = agreement;
    this.#outside = outside;
    const stands = `from/${outside.nameOf(agreement.provider)}/${agreement.product}`;
    this.#arrivals = new Arrivals(outside.flow, `${stands}/`);
    this.report = new LinkReport(agreement.id, outside);
    this.#controlTopic = Buffer.from(linkTopic(agreement.id));
    this.#blockTopic = Buffer.from(blockTopic(agreement.id));
    this.#check = new StreamCheck(agreement.topics, `${stands}/`);
    this.#log = agreement.delivery === "logged" ? outside.logOf(stands) : undefined;
    this.#address = new LinkAddress(agreement, outside);
  }

  get state(): LinkState {
    return this.report.state;
  }

  /** What keeps the stream away, until some comes again or a connection lasts. */
  get problem(): LinkProblem | undefined {
    return this.report.problem;
  }

  /** Settles when the provider has said where the stream is, or first failed to. */
  get ready(): Promise<void> {
    return this.#address.known;
  }

  get lagMs(): number | undefined {
    return this.report.lagMs;
  }

  /** Over the agreement's life. */
  get used(): Used {
    return this.#inbound?.used ?? { messages: 0, bytes: 0 };
  }

  start(): void {
    if (this.#closed || this.#cut || this.#running) return;
    if (this.#rests) return this.report.rests(this.#name);
    this.#resting = false;
    this.#running = true;
    clearTimeout(this.#retry);
    void this.#run();
  }

  /** It rested, and may go on. */
  resume(): void {
    this.report.solved();
    this.#pace.progressed();
    this.start();
  }

  /** Takes the link down and leaves it down. */
  cut(): void {
    this.#cut = true;
    clearTimeout(this.#retry);
    this.#leave("it was cut");
  }

  mend(): void {
    this.#cut = false;
    this.#pace.progressed();
    this.start();
  }

  /** Attached anew, as with another budget; nothing is lost by it. */
  reattach(why: string): void {
    this.#pace.progressed();
    this.#leave(why);
  }

  /** The agreement has ended: nothing more is taken, and what is stored is still acknowledged. */
  async end(): Promise<void> {
    this.report.is("ended");
    void this.#finish();
    await this.#inbound?.settled();
  }

  async #finish(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#leaveInOrder();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#leave("closed");
    await this.#inbound?.settled();
  }

  #leave(why: string): void {
    const attachment = this.#attachment;
    this.#attachment = undefined;
    attachment?.leave(why);
  }

  async #run(): Promise<void> {
    let why: string;
    this.#stuck = false;
    try {
      why = await this.#attached();
    } catch (error) {
      why = problemOf(error);
      this.#onBroken(error);
    }
    this.#attachment = undefined;
    this.#running = false;
    this.report.down(`${this.#name} broke: ${why}`);
    if (this.#closed || this.#cut || this.#rests) return;
    this.#retry = setTimeout(() => this.start(), this.#pace.nextMs(this.#stuck));
  }

  /** One attachment, from its greeting to its end; resolves with why it ended. */
  async #attached(): Promise<string> {
    const { id } = this.agreement;
    const { counts, connections } = this.#outside;
    // Whatever the last one still had under way is part of the claim.
    await this.#inbound?.settled();
    const claimed = await counts.last(id);
    const bytesPerSecondMax = await this.#outside.budgetOf(id);
    const { address, lookup } = await this.#find();
    if (this.#closed || this.#cut) return "closed";
    const inbound = this.#newInbound(claimed);
    const connection = connections.to(this.agreement, address, lookup);
    const attachment = connection.attachment(id, (run) => this.#onWire(run, inbound, attachment));
    this.#attachment = attachment;
    this.#inbound = inbound;
    this.#blocks = new BlockReader(
      (run) => this.#onRun(run, inbound, attachment),
      this.#outside.packetBytesMax ?? packetBytesMax,
    );
    const token = connection.isShared ? address.token : undefined;
    try {
      this.report.terms = await attachment.open({ claimed, token, bytesPerSecondMax });
    } catch (error) {
      const { isShared } = connection;
      if (!this.#closed && (await this.#address.renewed(error, isShared))) return problemOf(error);
      throw error;
    }
    if (this.#attachment !== attachment || this.#closed) {
      attachment.leave("closed");
      return "closed";
    }
    this.report.up(`${this.#name} is up`);
    const steady = setTimeout(() => this.report.solved(), steadyMs).unref();
    const { why: problem, reasonCode } = await attachment.closed;
    clearTimeout(steady);
    if (reasonCode === undefined) return problem;
    throw new ComityError("CONNECT_FAILED", { url: address.endpoint, problem, reasonCode });
  }

  async #find(): ReturnType<LinkAddress["find"]> {
    try {
      return await this.#address.find();
    } catch (error) {
      const isSaidLater =
        error instanceof ComityError &&
        (linkProblemOf(error) !== undefined || error.code === "AGREEMENT_ENDED");
      if (!isSaidLater && !this.#closed) {
        const text = `The stream ${this.agreement.title} cannot be fetched yet`;
        this.report.stuck("waiting", `${text}: ${problemOf(error)}`);
      }
      throw error;
    }
  }

  #onBroken(error: unknown): void {
    if (!(error instanceof ComityError) || this.#closed) return;
    if (error.code === "AGREEMENT_ENDED") void this.end();
    const kind = linkProblemOf(error);
    if (kind !== undefined) this.#stop(kind, `${this.#name} is refused: ${problemOf(error)}`);
  }

  #newInbound(committed: Checkpoint | undefined): Inbound {
    return new Inbound({
      ...{ agreement: this.agreement.id, log: this.#log, committed },
      store: this.#outside.store,
      crash: this.#outside.crash,
      uncommittedBytesMax: this.#outside.uncommittedBytesMax,
      writesFor: (checkpoint) => this.#outside.counts.writesFor(this.agreement.id, checkpoint),
      onCommitted: (checkpoint, added) => this.#onCommitted(checkpoint, added),
      onNewEpoch: ({ position }, first) => {
        const text = `${this.#peer} was restored: ${this.agreement.title} goes on from position`;
        this.report.say("link.restored", `${text} ${first}; up to ${position} was had before`);
      },
      onFailure: (failure) => {
        const text = `What came from ${this.#peer} cannot be stored or handed on`;
        this.#stop("failed", `${text}: ${problemOf(failure)}`);
      },
    });
  }

  /** What came, packets or blocks of them. */
  #onWire(scanned: ScannedRun, inbound: Inbound, attachment: Attachment): void {
    if (!this.#takesFrom(attachment)) return;
    this.report.wireBytes += scanned.packets.length;
    if (!scanned.topic.equals(this.#blockTopic)) {
      if (this.#blocks !== undefined && this.#blocks.heldBytes > 0) {
        this.#onFault("packets between two blocks that share one");
      } else this.#onRun(scanned, inbound, attachment);
      return;
    }
    try {
      const problem = levelProblem(scanned);
      if (problem !== undefined) return this.#onFault(problem);
      walkPublishes(scanned.packets, layout5, (place) => {
        if (!this.#takesFrom(attachment)) return;
        this.#blocks?.push(scanned.packets.subarray(place.payloadAt, place.end));
      });
    } catch (error) {
      this.#onFault(problemOf(error));
    }
  }

  #onRun(scanned: ScannedRun, inbound: Inbound, attachment: Attachment): void {
    // After a problem the rest of what came with it is not looked at.
    if (!this.#takesFrom(attachment)) return;
    this.report.packetBytes += scanned.packets.length;
    try {
      if (scanned.topic.equals(this.#controlTopic)) {
        const problem = levelProblem(scanned);
        if (problem === undefined) this.#onControl(scanned, inbound, attachment);
        else this.#onFault(problem);
        return;
      }
      const problem =
        this.#check.problem(scanned) ??
        inbound.take(scanned.packets, scanned.count, scanned.payloadBytes);
      if (problem !== undefined) this.#onFault(problem);
      else if (this.#log === undefined) this.#arrivals.takeRun(scanned);
    } catch (failure) {
      // What another organisation sends never ends this process.
      this.#stop("failed", `${this.#name} cannot be taken in: ${problemOf(failure)}`);
    }
  }

  #onFault(problem: string): void {
    this.#stop("fault", `${this.#peer} sent for ${this.agreement.title}: ${problem}`);
  }

  #onControl(scanned: ScannedRun, inbound: Inbound, attachment: Attachment): void {
    walkPublishes(scanned.packets, layout5, (place) => {
      if (!this.#takesFrom(attachment)) return;
      const control = decodeControl(scanned.packets.subarray(place.payloadAt, place.end));
      if (control?.t === "checkpoint") {
        const { t: _, at, behind, ...checkpoint } = control;
        const { clock } = this.#outside;
        this.report.lagMs = Math.max(0, clock.now() - at);
        this.report.behind = behind;
        const used = { messages: checkpoint.messages, bytes: checkpoint.payloadBytes };
        const affords = this.#outside.affords?.(this.agreement, used) ?? "yes";
        // Nothing more is taken; who set the limit ends the agreement.
        if (affords === "never") return void this.#finish();
        if (affords === "not now") return this.#rest();
        const problem = inbound.checkpoint(checkpoint, at);
        if (problem === undefined) return;
        this.#stop("disagrees", `Counts for ${this.agreement.title} disagree: ${problem}`);
      } else if (control?.t === "end") void this.#onEnd(control.reason, inbound);
      else if (control?.t === "detached") {
        attachment.detached({ why: control.text, reasonCode: reason.implementationSpecific });
      }
    });
  }

  /** What came since the last checkpoint comes again; of a logged stream nothing is lost. */
  #rest(): void {
    this.#resting = true;
    this.report.rests(this.#name);
    void this.#leaveInOrder();
  }

  async #leaveInOrder(): Promise<void> {
    await this.#inbound?.settled();
    await this.#attachment?.end();
  }

  get #rests(): boolean {
    return this.#outside.rests?.(this.agreement.id) === true;
  }

  #takesFrom(attachment: Attachment): boolean {
    return attachment === this.#attachment && !this.#closed && !this.#resting;
  }

  async #onEnd(reason: EndReason, inbound: Inbound): Promise<void> {
    await inbound.settled();
    // The acknowledgement is on its way before it ends.
    this.report.is("ended");
    await this.#finish();
    this.#outside.onEnded(this.agreement, reason);
  }

  #onCommitted(checkpoint: Checkpoint, added: Buffer | undefined): void {
    this.#pace.progressed();
    this.report.solved();
    const log = this.#log?.added;
    if (log && added && added.length > 0) this.#arrivals.takePackets(added, log);
    this.#attachment?.acknowledge(checkpoint);
  }

  /** Ends the attachment, and tries again ever less often: the next would end as this one does. */
  #stop(problem: LinkProblem, text: string): void {
    this.#stuck = true;
    this.#leave(text);
    this.report.stuck(problem, text);
  }

  get #peer(): string {
    return this.#outside.nameOf(this.agreement.provider);
  }

  get #name(): string {
    return `The link from ${this.#peer} for ${this.agreement.title}`;
  }
}
