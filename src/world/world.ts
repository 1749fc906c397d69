import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { AgreementResource } from "../client/resources.ts";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { matches } from "../kernel/topic.ts";
import { timeIn } from "./actors/actor.ts";
import { createActor } from "./actors/cast.ts";
import type { AgreementConfig, NodeConfig, WorldConfig } from "./config.ts";
import { Desk } from "./desk.ts";
import type { Seat } from "./desk.ts";
import { DeviceLine } from "./device-line.ts";
import { surroundings } from "./devices/device.ts";
import type { Device, Surroundings } from "./devices/device.ts";
import { devicesOf } from "./devices/fleet.ts";
import { indicatorWords } from "./indicator-words.ts";
import { NodeProcess } from "./node-process.ts";
import { choosePorts } from "./ports.ts";
import { addProducts, addSectorWork, addThings, agreeOn, deskName, thingsOf } from "./setup.ts";
import { startSimClock } from "./sim-clock.ts";
import { buildRoads } from "./simulators/roads.ts";
import { readState, writeState } from "./state.ts";
import type { NodeState, WorldState } from "./state.ts";

export interface WorldOptions {
  readonly config: WorldConfig;
  readonly folder: string;
  /** Any free ports instead of the configured ones. */
  readonly anyPorts: boolean;
  readonly clock: Clock;
  /** One line about what is being done or has gone wrong. */
  readonly say: (line: string) => void;
}

/** One node with its devices. */
export interface Member {
  readonly config: NodeConfig;
  readonly state: NodeState;
  readonly node: NodeProcess;
  readonly devices: readonly Device[];
  lines: DeviceLine[];
  desk: Desk | undefined;
}

/** One agreement with who acts on it. */
export interface Deal {
  readonly config: AgreementConfig;
  readonly provider: Member;
  readonly consumer: Member;
  readonly logged: boolean;
  readonly topics: readonly string[];
  readonly currency: string;
  readonly seat: Seat;
  /** Present once it has been agreed. */
  agreement: AgreementResource | undefined;
  resumed: boolean;
  /** Messages the provider's devices have sent of this product since the start. */
  published: number;
  /** What the buyer's indicator of it tells, in words. */
  told: string;
}

const host = "127.0.0.1";
const linkTimeoutMs = 15_000;
/** Effects are told every second, what indicators say every fifth time. */
const indicatorsEvery = 5;

/** Five sovereign nodes, their devices and desks: started, set up, and ended together. */
export class World {
  readonly members: readonly Member[];
  readonly deals: readonly Deal[];
  readonly #options: WorldOptions;
  readonly #state: WorldState;
  readonly #around: Surroundings;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #effects: NodeJS.Timeout | undefined;
  #tellings = 0;
  readonly #death: PromiseWithResolvers<never>;
  readonly #abandon = (): void => {
    for (const { node } of this.members) node.abandon();
  };

  private constructor(
    options: WorldOptions,
    state: WorldState,
    members: readonly Member[],
    around: Surroundings,
    death: PromiseWithResolvers<never>,
  ) {
    this.#death = death;
    this.#around = around;
    this.#options = options;
    this.#state = state;
    this.members = members;
    const roads = buildRoads(options.config.roads);
    this.deals = options.config.agreements.map((config) => {
      const provider = this.member(config.provider);
      const consumer = this.member(config.consumer);
      const product = provider.config.products.find(({ id }) => id === config.product);
      return {
        config,
        provider,
        consumer,
        logged: product?.delivery === "logged",
        topics: product?.topics ?? [],
        currency: provider.config.currency,
        agreement: undefined,
        resumed: false,
        published: 0,
        told: "",
        seat: {
          actor: createActor(config.actor, config.settings, roads),
          root: `from/${config.provider}/${config.product}`,
          sentAt: sendingTime(product?.clock && around[product.clock]),
          heard: 0,
          latencyMs: undefined,
        },
      };
    });
  }

  /** Reads what an earlier start left, chooses ports, and prepares everything; nothing runs yet. */
  static async prepare(options: WorldOptions): Promise<World> {
    const { config, folder } = options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const state = readState(folder);
    await choosePorts(host, options, state);
    const around = surroundingsOf(options);
    const localPeers = config.nodes.map(({ name }) => {
      const { did, http } = nodeState(state, name);
      return { did, url: `http://${host}:${http}` };
    });
    const death = Promise.withResolvers<never>();
    death.promise.catch(() => {}); // once all is set up, a death is told and nothing else
    const members = config.nodes.map((node): Member => {
      const own = nodeState(state, node.name);
      const settings = {
        name: node.name,
        title: node.title,
        country: node.country,
        currency: node.currency,
        place: node.place,
        did: own.did,
        data: resolve(folder, node.name),
        http: { host, port: own.http },
        mqtt: { host, port: own.mqtt },
        localPeers: localPeers.filter(({ did }) => did !== own.did),
        publicWorld: true,
        receiptWindowMs: config.receiptWindowMs,
      };
      const process = new NodeProcess(settings, (dead, how) => {
        options.say(`The node ${dead.name} died (${how}). Its last lines:`);
        for (const line of dead.lastLines) options.say(`    ${line}`);
        const problem = `it died (${how}) while the world was being set up`;
        death.reject(new ComityError("NODE_FAILED", { name: dead.name, problem }));
      });
      const devices = devicesOf(node, around);
      return { config: node, state: own, node: process, devices, lines: [], desk: undefined };
    });
    writeState(folder, state);
    return new World(options, state, members, around, death);
  }

  member(name: string): Member {
    const found = this.members.find(({ config }) => config.name === name);
    if (!found) throw new Error(`no node is called ${name}`);
    return found;
  }

  /** From nothing to streams that flow and are acted on; fails when a node dies meanwhile. */
  async start(): Promise<void> {
    process.once("exit", this.#abandon);
    this.#starting = this.#start();
    await Promise.race([this.#starting, this.#death.promise]);
  }

  async #start(): Promise<void> {
    const { say, folder } = this.#options;
    say(`Starting ${this.members.length} nodes …`);
    await Promise.all(this.members.map(({ node }) => node.start()));
    say("Adding Things, what reads them, and products …");
    await Promise.all(this.members.map((member) => this.#furnish(member)));
    writeState(folder, this.#state);
    say("Making the nodes known to one another …");
    await Promise.all(this.members.map((member) => this.#introduce(member)));
    say(`Negotiating ${this.deals.length} agreements …`);
    await Promise.all(this.deals.map((deal) => this.#agree(deal)));
    say("Connecting devices and desks …");
    await Promise.all(this.members.map((member) => this.#connect(member)));
    await this.#linked();
    this.#around.sun.begin();
    this.#around.traffic.begin();
    for (const { lines } of this.members) for (const line of lines) line.run();
    this.#effects = setInterval(() => void this.#tellEffects(), 1000);
  }

  /** The devices fall silent; what they had to send is delivered. */
  pauseDevices(): void {
    for (const { lines } of this.members) for (const line of lines) line.pause();
  }

  /** Messages of devices that are not yet acknowledged. */
  get waiting(): number {
    let waiting = 0;
    for (const { lines } of this.members) for (const line of lines) waiting += line.counts.waiting;
    return waiting;
  }

  /** Everything that was started is ended, in order; may be called at any time, and again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#disconnect();
    await Promise.allSettled(this.members.map(({ node }) => node.stop()));
    // A start that was under way fails now that its nodes are gone; what it opened meanwhile ends.
    await this.#disconnect();
    await Promise.allSettled([this.#starting]);
    await this.#disconnect();
    clearInterval(this.#effects);
    process.off("exit", this.#abandon);
  }

  async #disconnect(): Promise<void> {
    const lines = this.members.flatMap((member) => member.lines);
    const desks = this.members.flatMap(({ desk }) => desk ?? []);
    await Promise.allSettled([...lines, ...desks].map((connection) => connection.stop()));
  }

  async #furnish(member: Member): Promise<void> {
    const { http } = member.node;
    const own = this.#seatsOf(member).flatMap(({ actor }) => actor.own);
    await addThings(http, thingsOf(member.devices, own), member.state);
    await addSectorWork(http, member.config);
    await addProducts(http, member.config);
  }

  async #introduce(member: Member): Promise<void> {
    for (const other of this.members) {
      if (other !== member) await member.node.http.addPeer(other.node.httpUrl);
    }
  }

  async #agree(deal: Deal): Promise<void> {
    const { consumer, provider, config } = deal;
    const { http } = consumer.node;
    const made = await agreeOn(config, this.#options.config, http, provider.state.did);
    const { resumed, ...agreement } = made;
    deal.agreement = agreement;
    deal.resumed = resumed;
  }

  async #connect(member: Member): Promise<void> {
    const { node, state, config } = member;
    const { clock } = this.#options;
    const logged = config.products
      .filter(({ delivery }) => delivery === "logged")
      .flatMap(({ topics }) => topics);
    member.desk = new Desk({
      url: node.mqttUrl,
      token: state.tokens[deskName] ?? "",
      seats: this.#seatsOf(member),
      clock,
    });
    // Above every number of an earlier start, as long as devices send less than 1,000 a second.
    const firstSeq = clock.now() * 1000;
    member.lines = member.devices.map((device) => {
      const token = state.tokens[device.name] ?? "";
      const onSent = (topics: readonly string[]): void => {
        for (const topic of topics) this.#published(member, topic);
      };
      return new DeviceLine({ device, url: node.mqttUrl, token, logged, firstSeq, onSent });
    });
    await Promise.all([...member.lines, member.desk].map((connection) => connection.connect()));
  }

  /** A live stream has no memory: nothing is sent before somebody receives it. */
  async #linked(): Promise<void> {
    const { clock, say } = this.#options;
    const until = clock.monotonic() + linkTimeoutMs;
    for (;;) {
      const open: Deal[] = [];
      for (const member of this.members) {
        const { links } = await member.node.http.status();
        const up = new Set(
          links.filter(({ state }) => state === "up").map(({ agreement }) => agreement),
        );
        const bought = this.deals.filter(({ consumer }) => consumer === member);
        open.push(...bought.filter(({ agreement }) => !up.has(agreement?.id ?? "")));
      }
      if (open.length === 0) return;
      if (clock.monotonic() > until) {
        for (const { config } of open) {
          say(`The link for ${config.product} to ${config.consumer} is not up yet.`);
        }
        return;
      }
      await wait(50);
    }
  }

  #published(member: Member, topic: string): void {
    for (const deal of this.deals) {
      if (deal.provider !== member) continue;
      if (deal.topics.some((filter) => matches(filter, topic))) deal.published += 1;
    }
  }

  #seatsOf(member: Member): Seat[] {
    return this.deals.filter(({ consumer }) => consumer === member).map(({ seat }) => seat);
  }

  async #tellEffects(): Promise<void> {
    const isTime = this.#tellings++ % indicatorsEvery === 0;
    await Promise.allSettled(
      this.deals.map(async (deal) => {
        const { agreement, consumer, config, seat } = deal;
        if (!agreement || !consumer.node.running) return;
        const { http } = consumer.node;
        if (isTime && config.indicator) deal.told = await indicatorWords(http, config.indicator);
        const { value, unit } = seat.actor.outcome();
        const text = `${config.sentence} ${deal.told}`.trim();
        const effect = { text, value: Math.round(value * 100) / 100, unit };
        await http.setEffect(agreement.id, effect);
      }),
    );
  }
}

function nodeState(state: WorldState, name: string): NodeState {
  const found = state.nodes[name];
  if (!found) throw new Error(`the state of ${name} is missing`);
  return found;
}

/** From the message's `time`, or, where its model has none, from the simulated time it tells. */
function sendingTime(clock: Surroundings["sun"] | undefined): Seat["sentAt"] {
  return (data) => {
    if (clock !== undefined) return clock.realTime(timeIn(data) ?? Number.NaN);
    return typeof data["time"] === "string" ? Date.parse(data["time"]) : Number.NaN;
  };
}

function surroundingsOf({ config, clock }: WorldOptions): Surroundings {
  const { sun, traffic } = config.clocks;
  const clockOf = ({ pace, startAt }: typeof sun) =>
    startSimClock(clock, pace, startAt === undefined ? undefined : Date.parse(startAt));
  return surroundings({
    clock,
    sun: clockOf(sun),
    traffic: clockOf(traffic),
    roads: buildRoads(config.roads),
    seed: config.seed,
    incidentsPerHour: config.incidentsPerHour,
  });
}

/** Forgets an earlier world, and nothing that is not one. */
export function resetWorld(folder: string, config: WorldConfig): void {
  for (const { name } of config.nodes) {
    rmSync(join(folder, name), { recursive: true, force: true });
    rmSync(join(folder, `${name}.json`), { force: true });
  }
  rmSync(join(folder, "world.json"), { force: true });
}
