/**
 * Devices: simulators with a name, topics and a pulse. Each is one Thing with its own
 * credential and its own MQTT connection. A tick gives what it has to say; a command from the
 * node's own desk may change what it does. Devices know no node and no socket.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Place } from "../../kernel/place.ts";
import { seedOf, seededRandom } from "../random.ts";
import type { Random } from "../random.ts";
import type { SimClock } from "../sim-clock.ts";
import { flowKmh, stepIncidents } from "../simulators/roads.ts";
import type { Incidents, Roads, Segment } from "../simulators/roads.ts";

export interface Emission {
  readonly topic: string;
  /** Becomes JSON, or is a native format's own bytes. */
  readonly data: Readonly<Record<string, unknown>> | Uint8Array;
  /** For who comes later: it describes the device. */
  readonly retain?: boolean;
  /**
   * Topics of the messages that a source of the node makes of it, with `+` for a pseudonym that
   * only the node knows; absent: it is taken as it is.
   */
  readonly becomes?: readonly string[];
}

export interface Device {
  /** The Thing's name; it publishes under `publish` only. */
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly place?: Place;
  readonly publish: readonly string[];
  /** How often it ticks, in real time. */
  readonly everyMs: number;
  tick(): readonly Emission[];
  /** Asked for at each CONNECT: what the node is to publish when the connection is lost. */
  readonly will?: () => { readonly topic: string; readonly payload: Uint8Array };
  /** Told when a connection stands: what is ticked from now on is sent. */
  connected?(): void;
  /** What it obeys: a filter under `desk/`, and how. */
  readonly obeys?: {
    readonly filter: string;
    command(data: Readonly<Record<string, unknown>>): void;
    /** Instead, where commands are no JSON. */
    take?(payload: Uint8Array): void;
  };
}

/** What all devices of a world share: time, chance, the streets and the traffic on them. */
export interface Surroundings {
  readonly clock: Clock;
  readonly sun: SimClock;
  readonly traffic: SimClock;
  readonly roads: Roads;
  /** Speed of the traffic now, km/h. */
  readonly flow: (segment: Segment) => number;
  /** A chance of its own for each part. */
  readonly random: (name: string) => Random;
}

/** Central European Time: Rotterdam's clock in the winter the world's traffic is set in. */
const ROTTERDAM_HOURS = 1;

export function surroundings(parts: {
  readonly clock: Clock;
  readonly sun: SimClock;
  readonly traffic: SimClock;
  readonly roads: Roads;
  readonly seed: number;
  readonly incidentsPerHour: number;
}): Surroundings {
  const { clock, sun, traffic, roads, seed, incidentsPerHour } = parts;
  const random = (name: string): Random => seededRandom(seedOf(seed, name));
  const chance = random("incidents");
  let incidents: Incidents = new Map();
  let last = traffic.now();
  return {
    clock,
    sun,
    traffic,
    roads,
    random,
    flow(segment) {
      const now = traffic.now();
      // Incidents move on in steps of ten simulated seconds, whoever asks.
      for (; now - last >= 10_000; last += 10_000) {
        incidents = stepIncidents(incidents, roads, 10, incidentsPerHour, chance);
      }
      const hour = (now / 3_600_000 + ROTTERDAM_HOURS) % 24;
      return flowKmh(segment, hour, incidents);
    },
  };
}

/** Seconds of simulated time since it was last asked; a long pause counts as `most`. */
export function sinceLast(clock: SimClock, most: number): () => number {
  let last = clock.now();
  return () => {
    const now = clock.now();
    const seconds = Math.min(most, Math.max(0, (now - last) / 1000));
    last = now;
    return seconds;
  };
}

/** The members every message begins with: a running number, and honest time stamps. */
export function stamper(clock: Clock, sim?: SimClock): () => Record<string, unknown> {
  let seq = 0;
  return () => ({
    seq: ++seq,
    time: new Date(clock.now()).toISOString(),
    ...(sim && { simulatedTime: new Date(sim.now()).toISOString() }),
  });
}

/** Device messages in a sector's model: its time is the simulated one, `time` when it was sent. */
export function observer(
  clock: Clock,
  sim: SimClock,
): (type: string, id: string) => Record<string, unknown> {
  let seq = 0;
  return (type, id) => ({
    type,
    id,
    dateObserved: new Date(sim.now()).toISOString(),
    seq: ++seq,
    time: new Date(clock.now()).toISOString(),
  });
}

export function round(value: number, decimals = 2): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}
