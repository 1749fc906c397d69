/**
 * How an unknown device becomes a Thing without anybody typing a token into it.
 *
 * An operator makes a claim code (`claims.ts`): short-lived, for so many devices, kept as a hash.
 * In come devices that know the code and nothing else, over MQTT or HTTP. What they send goes to
 * no stream: a bounded sample of it is kept in memory (`pending-device.ts`), and a person looks at
 * it and accepts or refuses. Out goes, for an accepted device, a Thing with a token of its own,
 * told to the device alone; until the device is heard under that token the code still lets it in
 * as that Thing, so that its messages flow at once. A code that ended opens nothing to anybody.
 * Restart: codes and decisions stand, what waits for a decision is seen again when it sends again.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import { printable } from "../../kernel/printable.ts";
import type { Store } from "../../ports/store.ts";
import type { Principal } from "../access.ts";
import type { Thing, Things } from "../directory.ts";
import type { ThingDraft } from "../thing-draft.ts";
import { Claims } from "./claims.ts";
import { type Arrival, PendingDevice } from "./pending-device.ts";
import { PendingDevices } from "./pending-devices.ts";

export type Claimant = Extract<Principal, { kind: "claimant" }>;

/** Who comes with a claim code, or why it opens nothing to them. */
export type Entrance =
  | { readonly ok: true; readonly claimant: Claimant }
  | { readonly ok: false; readonly problem: string };

/** What an accepted device is told, and nobody else. */
export interface Credentials {
  readonly thing: string;
  readonly username: string;
  readonly token: string;
  readonly publish: readonly string[];
}

/** A device's open connection. */
export interface ClaimantLine {
  /** Of two with the same the newer one stays [MQTT-3.1.4-3]. */
  readonly clientId: string;
  readonly address: string;
  /** For its credentials. */
  listens(): boolean;
  /** It is a Thing now. */
  accepted(): void;
  end(text: string): void;
}

interface Lines {
  readonly claimant: Claimant;
  readonly open: Set<ClaimantLine>;
}

export interface Acceptance extends Partial<Omit<ThingDraft, "name">> {
  readonly name?: string | undefined;
  /** The code stays its password; only for a code that is for one device. */
  readonly keepsCode?: boolean | undefined;
}

interface OnboardingOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly things: Things;
  /** A decision could not be kept. */
  readonly onFailed: (error: unknown) => void;
}

/** The user name of a device that has none of its own yet. */
export const claimUserName = "claim";

const settled = { hasOwnToken: true } as const;
const sweepMs = 1_000;
const nameCharactersMax = 128;

export class Onboarding {
  readonly claims: Claims;
  readonly pending: PendingDevices;
  readonly #options: OnboardingOptions;
  /** By claim and device: one may publish on one connection and listen on another. */
  readonly #lines = new Map<string, Lines>();
  /** Tokens of accepted devices that were not heard under them yet; made anew after a restart. */
  readonly #tokens = new Map<string, Promise<string>>();
  readonly #rotating = new Set<string>();
  readonly #sweep: NodeJS.Timeout;
  readonly #forget: () => void;

  private constructor(options: OnboardingOptions, claims: Claims) {
    this.#options = options;
    this.claims = claims;
    this.pending = new PendingDevices(options);
    this.#forget = options.things.onClosed((id) => this.#onClosed(id));
    for (const { claim, device, thing } of claims.unsettled()) this.#await(claim, device, thing);
    this.#sweep = setInterval(() => this.#tidy(), sweepMs).unref();
  }

  static async open(options: OnboardingOptions): Promise<Onboarding> {
    return new Onboarding(options, await Claims.open(options));
  }

  /** Undefined where no code is this one. `name`: what the device calls itself. */
  enter(name: string, code: string): Entrance | undefined {
    const claim = this.claims.ofCode(code);
    if (claim === undefined) return undefined;
    const device = printable(name);
    if (device === "" || device.length > nameCharactersMax) {
      return refusal(`a device's name has 1 to ${nameCharactersMax} characters`);
    }
    const decided = this.claims.decided(claim.id, device);
    if (decided?.state === "refused") return refusal("an operator refused it");
    if (decided?.hasOwnToken === true) return refusal("it has a token of its own");
    const state = this.claims.stateOf(claim.id);
    const isOpen = state === "open" || (state === "used up" && decided !== undefined);
    if (!isOpen) return refusal(`the code is ${state}`);
    return { ok: true, claimant: { kind: "claimant", claim: claim.id, device } };
  }

  /** The Thing the device was accepted as; undefined while nobody has decided. */
  thingOf({ claim, device }: Claimant): Extract<Principal, { kind: "thing" }> | undefined {
    const decided = this.claims.decided(claim, device);
    const isBound = decided?.state === "accepted" && decided.hasOwnToken !== true;
    const thing = isBound ? this.#options.things.get(decided.thing) : undefined;
    return thing && { kind: "thing", ...scopeOf(thing) };
  }

  /** A message of a device that waits for a decision; `count` of one topic, the last with payload. */
  sample(
    { claim, device }: Claimant,
    from: Arrival,
    topic: string,
    payload: Uint8Array,
    count = 1,
  ): void {
    const now = this.#options.clock.now();
    const { topicPrefix } = this.claims.need(claim);
    const isOwn = topic.startsWith("$") || topic.startsWith("from/");
    const card = this.pending.of(claim, device, from.door);
    if (isOwn || !isBelow(topic, topicPrefix)) card.takeOutside(count, from, now);
    else card.take(topic, payload, count, from, now);
  }

  /** A device's connection. Returns what ends this. */
  attach(claimant: Claimant, line: ClaimantLine): () => void {
    const key = keyOf(claimant);
    const known = this.#lines.get(key) ?? { claimant, open: new Set() };
    this.#lines.set(key, known);
    for (const other of [...known.open]) {
      if (other.clientId === line.clientId) other.end("another connection took over");
    }
    known.open.add(line);
    return () => {
      known.open.delete(line);
      if (known.open.size === 0 && this.#lines.get(key) === known) this.#lines.delete(key);
    };
  }

  /** Its connections. */
  linesOf({ claim, name }: Pick<PendingDevice, "claim" | "name">): readonly ClaimantLine[] {
    return [...(this.#lines.get(keyOf({ claim, device: name }))?.open ?? [])];
  }

  /** What the device comes with from now on; the same until it was heard under it. */
  async credentials(claimant: Claimant): Promise<Credentials | undefined> {
    const bound = this.thingOf(claimant);
    if (bound === undefined) return undefined;
    const { id: thing, publish } = bound;
    let token = this.#tokens.get(thing);
    if (token === undefined) {
      token = this.#newToken(claimant, thing);
      this.#tokens.set(thing, token);
    }
    return { thing, username: thing, token: await token, publish };
  }

  /** Makes a Thing of it; THING_INVALID, STORE_CONFLICT or LIMIT_REACHED where it cannot be. */
  async accept(device: PendingDevice, wish: Acceptance = {}): Promise<Thing> {
    const { name: wished, keepsCode = false, ...rest } = wish;
    const { things } = this.#options;
    const { claim, name: own } = device;
    const name = wished ?? this.pending.suggestedName(device);
    const publish = wish.publish ?? this.#filtersOf(device, name);
    const keeps = keepsCode ? this.#keptHash(device, name) : undefined;
    const decided = { state: "accepted", thing: name, ...(keeps && settled) } as const;
    const draft = { ...rest, name, publish };
    const thing = await this.claims.accept(claim, own, decided, async (write) => {
      const made = await things.create(draft, { writes: [write], ...(keeps && { hash: keeps }) });
      // before anybody finds it accepted, who would have another token made
      if (!keeps) this.#tokens.set(name, Promise.resolve(made.token));
      return made.thing;
    });
    this.pending.drop(device);
    if (!keeps) this.#await(claim, own, name);
    for (const line of this.linesOf(device)) {
      if (keeps) line.end("it is accepted, and keeps its code: it may connect again");
      else line.accepted();
    }
    this.#tidy();
    return thing;
  }

  async refuse(device: PendingDevice): Promise<void> {
    const { claim, name } = device;
    await this.claims.refuse(claim, name);
    this.pending.drop(device);
    this.#end({ claim, device: name }, "an operator refused it");
  }

  async revoke(id: string): Promise<void> {
    await this.claims.revoke(id);
    this.#tidy();
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#forget();
  }

  /** The filters it is accepted with unless others are named; no other Thing's topics by mistake. */
  #filtersOf(device: PendingDevice, name: string): readonly string[] {
    const publish = device.filters(name);
    const shared = this.#options.things.sharedTopic({ id: name, publish });
    if (shared === undefined) return publish;
    const problem = `${shared}; name the topics it may have (--publish)`;
    throw new ComityError("THING_INVALID", { problem });
  }

  /** The hash that lets it in as it came. */
  #keptHash({ claim: id, name: own }: PendingDevice, name: string): Buffer {
    const hash = this.claims.hashForOne(id);
    if (hash !== undefined && own === name) return hash;
    const problem =
      hash === undefined
        ? "only a code for one device (--max 1) may stay its password"
        : `it comes as "${own}" and would have to be named so to keep its code`;
    throw new ComityError("THING_INVALID", { problem });
  }

  async #newToken({ claim, device }: Claimant, thing: string): Promise<string> {
    this.#rotating.add(thing);
    try {
      const { token } = await this.#options.things.rotate(thing, 0);
      this.#await(claim, device, thing);
      return token;
    } catch (error) {
      this.#tokens.delete(thing);
      throw error;
    } finally {
      this.#rotating.delete(thing);
    }
  }

  #await(claim: string, device: string, thing: string): void {
    this.#options.things.onFirstUse(thing, () => {
      this.#tokens.delete(thing);
      this.#end({ claim, device }, "it has a token of its own");
      this.claims.settle(claim, device).catch(this.#options.onFailed);
    });
  }

  /** Removed, or given another token by hand: what was on its way to the device is good no more. */
  #onClosed(thing: string): void {
    if (this.#rotating.has(thing)) return;
    this.#tokens.delete(thing);
    for (const { claim, device, thing: bound } of [...this.claims.unsettled()]) {
      if (bound !== thing) continue;
      this.#end({ claim, device }, "its credential was withdrawn");
      this.claims.settle(claim, device).catch(this.#options.onFailed);
    }
  }

  #end({ claim, device }: Pick<Claimant, "claim" | "device">, text: string): void {
    for (const line of this.linesOf({ claim, name: device })) line.end(text);
  }

  /** What ended with its code, and who has been silent for too long. */
  #tidy(): void {
    for (const { claimant } of [...this.#lines.values()]) {
      const state = this.claims.stateOf(claimant.claim);
      const isOver = state !== "open" && !(state === "used up" && this.thingOf(claimant));
      if (isOver) this.#end(claimant, `the code is ${state}`);
    }
    this.pending.tidy((device) => ({
      isOver: this.claims.stateOf(device.claim) !== "open",
      isConnected: this.linesOf(device).length > 0,
    }));
  }
}

function scopeOf({ id, publish, subscribe }: Thing) {
  return { id, publish, subscribe };
}

function keyOf({ claim, device }: Pick<Claimant, "claim" | "device">): string {
  return `${claim}/${device}`;
}

function refusal(problem: string): Entrance {
  return { ok: false, problem };
}

/** `factory` and `factory/` are one: whole levels are compared. */
function isBelow(topic: string, prefix: string | undefined): boolean {
  if (prefix === undefined) return true;
  const level = prefix.replace(/\/$/, "");
  return topic === level || topic.startsWith(`${level}/`);
}
