import type { Effect, Overview, World, WorldAgreement, WorldNode } from "../client/world.ts";
import { formatAmount } from "../kernel/amount.ts";
import type { Happening } from "../kernel/journal.ts";
import type { Place } from "../kernel/place.ts";
import type { Agreement } from "../market/agreement.ts";
import { readRules, termsOf } from "../market/policy.ts";
import type { ApiDeps } from "./deps.ts";
import type { FlowFacts } from "./streams-api.ts";
import type { ApiLimits } from "./limits.ts";
import { overviewFrom } from "./overview-check.ts";
import { mergeWorld, type PeerPart } from "./world-merge.ts";

const gatherMs = 1_000;
const peerTimeoutMs = 2_000;
/** A peer that told nothing for so long is shown as offline. */
const offlineMs = 4_000;
const happeningsMax = 50;
const effectsMax = 10_000;

interface PeerState {
  overview: Overview | undefined;
  /** Monotonic time of the last answer. */
  toldAt: number;
  asking: boolean;
}

/**
 * The world as this node sees it: its own part, and its peers' as they tell it. Peers are asked
 * once a second while somebody watches, and not at all otherwise.
 */
export class WorldView {
  readonly #deps: ApiDeps;
  readonly #limits: ApiLimits;
  readonly #effects = new Map<string, Effect>();
  readonly #peers = new Map<string, PeerState>();
  readonly #watchers = new Set<(world: World) => void>();
  #timer: NodeJS.Timeout | undefined;
  #gatheredAt = -Infinity;

  constructor(deps: ApiDeps, limits: ApiLimits) {
    this.#deps = deps;
    this.#limits = limits;
  }

  setEffect(agreement: string, effect: Effect): void {
    if (this.#effects.size >= effectsMax && !this.#effects.has(agreement)) return;
    this.#effects.set(agreement, effect);
  }

  /** This node's own part. */
  async overview(): Promise<Overview> {
    const { clock, journal, traffic, products, agreements } = this.#deps;
    const flows = new Map(traffic.flows().map((flow) => [flow.agreement, flow]));
    const sectors = new Map((await products.list()).map((product) => [product.id, product.sector]));
    return {
      at: clock.now(),
      node: this.#node(),
      agreements: (await agreements.list()).map((agreement) =>
        this.#agreement(agreement, flows.get(agreement.id), sectors.get(agreement.product)),
      ),
      happenings: journal.latest().slice(-happeningsMax),
    };
  }

  /** Own part and peers', gathered anew where nobody watches. */
  async world(): Promise<World> {
    if (this.#now() - this.#gatheredAt >= gatherMs) {
      await Promise.race([this.#gather(), waitMs(peerTimeoutMs)]);
    }
    return this.#assemble();
  }

  /** Calls back with the world, now and once a second; returns what ends it. */
  watch(watcher: (world: World) => void): () => void {
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => void this.#tick(), gatherMs).unref();
    this.world().then(
      (world) => this.#watchers.has(watcher) && watcher(world),
      (error: unknown) => this.#failed(error),
    );
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    try {
      void this.#gather();
      const world = await this.#assemble();
      for (const watcher of this.#watchers) watcher(world);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { journal, clock } = this.#deps;
    const text = `The world could not be shown: ${String(error)}`;
    journal.record({ at: clock.now(), kind: "world.failed", text });
  }

  async #gather(): Promise<void> {
    this.#gatheredAt = this.#now();
    const known = await this.#deps.peers.list();
    const dids = new Set(known.map((peer) => peer.did));
    for (const did of this.#peers.keys()) if (!dids.has(did)) this.#peers.delete(did);
    await Promise.all(known.map((peer) => this.#ask(peer.did)));
  }

  async #ask(did: string): Promise<void> {
    const state = this.#peers.get(did) ?? {
      overview: undefined,
      toldAt: -Infinity,
      asking: false,
    };
    this.#peers.set(did, state);
    if (state.asking) return;
    state.asking = true;
    try {
      const told: unknown = await this.#deps.peers.overview(did, peerTimeoutMs);
      const overview = overviewFrom(told, did);
      if (!overview) return;
      state.overview = overview;
      state.toldAt = this.#now();
    } catch {
      // not reachable or not showing itself: it counts as offline once offlineMs have passed
    } finally {
      state.asking = false;
    }
  }

  async #assemble(): Promise<World> {
    const known = await this.#deps.peers.list();
    const now = this.#now();
    const peers: PeerPart[] = known.map((peer) => {
      const state = this.#peers.get(peer.did);
      const online = state !== undefined && now - state.toldAt < offlineMs;
      return { peer, overview: state?.overview, online };
    });
    return mergeWorld(await this.overview(), peers);
  }

  #node(): WorldNode {
    const { node, things, traffic } = this.#deps;
    const { did, name, title, country, currency, place } = node;
    const shown = things.list().slice(0, this.#limits.thingsPerOverviewMax);
    return {
      did,
      name,
      title,
      country,
      currency,
      place,
      url: node.httpUrl(),
      online: true,
      messagesPerSecond: traffic.messagesPerSecond(),
      things: shown.map((thing) => {
        const seen = things.seen.of(thing.id);
        const { id, title, kind } = thing;
        return {
          id,
          title,
          kind,
          ...(thing.place && { place: latLon(thing.place) }),
          ...(seen && { lastAt: seen.at, last: seen.summary }),
        };
      }),
    };
  }

  #agreement(
    agreement: Agreement,
    flow: FlowFacts | undefined,
    sector: string | undefined,
  ): WorldAgreement {
    const { id, provider, consumer, product, title, state } = agreement;
    const effect = this.#effects.get(id);
    const ended = state === "ended";
    const { topics: _topics, ...terms } = termsOf(readRules(agreement.policy));
    return {
      id,
      provider,
      consumer,
      product,
      title,
      sector: (agreement.role === "provider" ? sector : undefined) ?? "other",
      state,
      link: ended ? "ended" : (flow?.link ?? "down"),
      ratePerSecond: ended ? 0 : (flow?.ratePerSecond ?? 0),
      messages: flow?.messages ?? 0,
      amount: formatAmount(flow?.amountMicro ?? 0n),
      currency: agreement.price.currency,
      delivery: agreement.delivery,
      terms,
      ...(flow?.latencyMs !== undefined && { latencyMs: flow.latencyMs }),
      ...(effect && { effect }),
      ...(agreement.ended && { endedReason: agreement.ended.reason }),
    };
  }

  #now(): number {
    return this.#deps.clock.monotonic();
  }
}

/** What is new since the last look, so that each happening is told once. */
export function newHappenings(
  seen: Set<string>,
  happenings: readonly Happening[],
): readonly Happening[] {
  const found = happenings.filter((happening) => !seen.has(keyOf(happening)));
  seen.clear();
  for (const happening of happenings) seen.add(keyOf(happening));
  return found;
}

function keyOf({ at, kind, text }: Happening): string {
  return `${at} ${kind} ${text}`;
}

function latLon(place: Place): Place {
  return { lat: place.lat, lon: place.lon };
}

async function waitMs(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
