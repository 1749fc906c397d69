/**
 * Demand response across organisations. A grid company's stream carries calls (OpenADR 3.0 events);
 * who has agreed to it follows them here, binds them to chargers of its own, and publishes reports
 * that the grid company gets by an agreement of its own.
 *
 * In come events on the filter an operator named; out go limits (`ocpp/limits.ts`), which travel as
 * charging profiles, and reports under `demand/reports/<follow>/<event>`: how many chargers took
 * the limit, and by their meters what they took before and take since. Nobody is obeyed whom no
 * operator has named, nothing is claimed that no meter has told, and no charger is named to others.
 */
import { ComityError, problemOf } from "../../../kernel/errors.ts";
import { filterProblem, overlaps } from "../../../kernel/topic.ts";
import { TokenBucket } from "../../../kernel/token-bucket.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { Principal } from "../../../things/access.ts";
import { type CountedFaults, Faults } from "../../faults.ts";
import { type FollowedMessage, levelOf, type SectorDoor } from "../../sector.ts";
import type { CentralSystem } from "../ocpp/central-system.ts";
import type { Limit } from "../ocpp/charging-profile.ts";
import type { Limits, Outcome } from "../ocpp/limits.ts";
import { type DemandEvent, eventIn } from "./event.ts";
import { type CallFigures, type CallState, limitKwOf, reportOf, type Taken } from "./report.ts";

export interface NewFollow {
  readonly id: string;
  /** Where the calls come, such as `from/grid/calls/#`. */
  readonly filter: string;
  /** By name; `*`: every charger that has connected. */
  readonly chargers: readonly string[];
  /** What the group may take at most by its connection, kW: SIMPLE's levels are shares of it. */
  readonly capacityKw?: number;
}

export interface FollowState extends NewFollow, CountedFaults {
  /** Its reports stand below. */
  readonly topic: string;
  readonly messages: number;
  readonly calls: readonly {
    readonly id: string;
    readonly programID: string;
    readonly state: CallState;
    /** ISO 8601, UTC. */
    readonly from: string;
    readonly until: string;
    readonly limitKw?: number;
  }[];
}

interface Call {
  readonly event: DemandEvent;
  /** What each charger took before it, W. */
  before?: Readonly<Record<string, number>>;
  /** How its chargers took it, while it held. */
  taken?: Taken;
  isCancelled: boolean;
}

/** As it is kept. */
interface FollowDoc extends NewFollow {
  readonly by: Principal;
  readonly calls: readonly Call[];
}

interface Run {
  readonly follow: NewFollow;
  readonly by: Principal;
  readonly calls: Map<string, Call>;
  readonly faults: Faults;
  /** Each may have every charger told anew. */
  readonly changes: TokenBucket;
  messages: number;
  /** The last figures that were told, by call, and when. */
  readonly told: Map<string, { readonly text: string; readonly at: number }>;
  end: () => void;
}

const prefix = "demand.";
const reports = "demand/reports";
const followsMax = 20;
const chargersMax = 1000;
const callsMax = 50;
const changesPerMinuteMax = 60;
const tickMs = 1000;
const reportMs = 10_000;

export class DemandResponse {
  readonly #door: SectorDoor;
  readonly #central: CentralSystem;
  readonly #limits: Limits;
  readonly #runs = new Map<string, Run>();
  readonly #turns = new Turns();
  readonly #tick: NodeJS.Timeout;

  private constructor(door: SectorDoor, central: CentralSystem, limits: Limits) {
    this.#door = door;
    this.#central = central;
    this.#limits = limits;
    limits.add((charger) => this.#limitsOf(charger));
    this.#tick = setInterval(() => this.#beat(), tickMs).unref();
  }

  static async open(
    door: SectorDoor,
    central: CentralSystem,
    limits: Limits,
  ): Promise<DemandResponse> {
    const demand = new DemandResponse(door, central, limits);
    for (const { id, doc } of await door.documents.list()) {
      if (id.startsWith(prefix)) demand.#begin(doc as FollowDoc);
    }
    return demand;
  }

  list(): readonly FollowState[] {
    return [...this.#runs.values()].map((run) => this.#stateOf(run));
  }

  /** BODY_INVALID, STORE_CONFLICT or LIMIT_REACHED where it cannot be. */
  async add(follow: NewFollow, by: Principal): Promise<FollowState> {
    const problem = followProblem(follow);
    if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
    return this.#turns.take("follows", async () => {
      if (this.#runs.has(follow.id)) {
        throw new ComityError("STORE_CONFLICT", { kind: "demand", id: follow.id });
      }
      if (this.#runs.size >= followsMax) {
        throw new ComityError("LIMIT_REACHED", { limit: followsMax, what: "demand streams" });
      }
      const doc: FollowDoc = { ...follow, by, calls: [] };
      await this.#door.documents.put(`${prefix}${follow.id}`, doc);
      return this.#stateOf(this.#begin(doc));
    });
  }

  /** Limits of its calls are taken back. NOT_FOUND where there is none. */
  async remove(id: string): Promise<void> {
    await this.#turns.take("follows", async () => {
      const run = this.#runs.get(id);
      if (!run) throw new ComityError("NOT_FOUND", { what: "demand", id });
      run.end();
      this.#runs.delete(id);
      await this.#door.documents.remove(`${prefix}${id}`);
      this.#limits.syncAll();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#tick);
    for (const { end } of this.#runs.values()) end();
    await this.#turns.settled();
  }

  #begin({ by, calls, ...follow }: FollowDoc): Run {
    const run: Run = {
      ...{ follow, by, messages: 0, told: new Map(), end: () => {} },
      calls: new Map(calls.map((call) => [call.event.id, call])),
      faults: new Faults(this.#door.clock),
      changes: new TokenBucket(changesPerMinuteMax / 60, 60, this.#door.clock),
    };
    this.#runs.set(follow.id, run);
    run.end = this.#door.subscribe(follow.filter, (message) => this.#take(run, message));
    return run;
  }

  #take(run: Run, { payload }: FollowedMessage): void {
    run.messages++;
    const read = eventIn(payload, this.#door.clock.now());
    if ("fault" in read) return run.faults.add(read.fault);
    const { event } = read;
    if (!run.changes.tryTake(1)) {
      return run.faults.add({ code: "rate", text: `more than ${changesPerMinuteMax} a minute` });
    }
    void this.#turns.take(run.follow.id, () =>
      this.#decide(run, event).catch((thrown: unknown) =>
        run.faults.add({ code: "call", text: `${event.id}: ${problemOf(thrown)}` }),
      ),
    );
  }

  async #decide(run: Run, event: DemandEvent): Promise<void> {
    const before = run.calls.get(event.id);
    const isMine = isFor(event, run.follow);
    if (!event.isCancelled && before && event.modifiedAt <= before.event.modifiedAt) return;
    if (event.isCancelled || (before && !isMine)) {
      // called off, for these chargers at least; perhaps before it was heard of
      if (before?.isCancelled === false) await this.#accept(run, { ...before, isCancelled: true });
      return;
    }
    if (!isMine) return run.faults.add({ code: "target", text: `${event.id} is for others` });
    if (untilOf(event) <= this.#door.clock.now()) {
      return run.faults.add({ code: "late", text: `${event.id} is over` });
    }
    if (!before && run.calls.size >= callsMax) {
      return run.faults.add({ code: "calls", text: `more than ${callsMax} at a time` });
    }
    const needsCapacity = event.intervals.some(({ level = 0 }) => level > 0);
    if (needsCapacity && run.follow.capacityKw === undefined) {
      const problem = "a level is a share of a capacity, and none is named here";
      run.faults.add({ code: "capacity", text: `${event.id}: ${problem}` });
      return this.#report(run, { event, isCancelled: true }, "refused", problem);
    }
    const measured = before?.before && { before: before.before };
    await this.#accept(run, { event, isCancelled: false, ...measured });
  }

  /** What was called off is remembered until it would have ended: it may be sent again. */
  async #accept(run: Run, call: Call): Promise<void> {
    const { event, isCancelled } = call;
    run.calls.set(event.id, call);
    if (!isCancelled) this.#measureBefore(run, call);
    await this.#keep(run);
    const state: CallState = isCancelled ? "cancelled" : "accepted";
    const name = event.eventName ?? event.id;
    this.#door.tell(
      "demand",
      `${run.follow.id}: the call ${name} of ${event.programID} is ${state}`,
    );
    await this.#limits.synced(this.#membersOf(run, event));
    await this.#report(run, call, state);
  }

  #beat(): void {
    const now = this.#door.clock.now();
    for (const run of this.#runs.values()) {
      for (const call of [...run.calls.values()]) {
        const isOver = untilOf(call.event) <= now;
        if (isOver) run.calls.delete(call.event.id);
        else if (!call.isCancelled) call.taken = this.#takenBy(run, call);
        const isNew = !call.isCancelled && this.#measureBefore(run, call);
        if (!isOver && !isNew && (call.isCancelled || fromOf(call.event) > now)) continue;
        const state: CallState = isOver ? "ended" : "active";
        void this.#turns.take(run.follow.id, async () => {
          try {
            if (isOver || isNew) await this.#keep(run);
            if (!call.isCancelled && fromOf(call.event) <= now)
              await this.#report(run, call, state);
          } catch (thrown) {
            run.faults.add({ code: "call", text: problemOf(thrown) });
          }
        });
      }
    }
  }

  /** Taken once, at the last moment before it begins; true when that was now. */
  #measureBefore(run: Run, call: Call): boolean {
    if (call.before || this.#door.clock.now() < fromOf(call.event) - tickMs) return false;
    const powers = this.#membersOf(run, call.event).flatMap((id) => {
      const watts = this.#central.get(id)?.powerW;
      return watts === undefined ? [] : [[id, watts] as const];
    });
    call.before = Object.fromEntries(powers);
    return true;
  }

  #figuresOf(run: Run, call: Call): CallFigures {
    const isOver = untilOf(call.event) <= this.#door.clock.now();
    const taken = isOver && call.taken ? call.taken : this.#takenBy(run, call);
    let [measured, beforeW, afterW] = [0, 0, 0];
    for (const [id, watts] of Object.entries(call.before ?? {})) {
      const after = this.#central.get(id)?.powerSince(fromOf(call.event));
      if (after === undefined) continue;
      measured++;
      beforeW += watts;
      afterW += after;
    }
    return { ...taken, measured, beforeW, afterW };
  }

  #takenBy(run: Run, { event }: Call): Taken {
    const members = this.#membersOf(run, event);
    const outcomes = members.map((id) => this.#limits.outcomeOf(id));
    const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
    const [set, refused, pending] = [count("set"), count("refused"), count("pending")];
    return { chargers: members.length, set, refused, pending };
  }

  /** While it holds only when something differs, and not at every turn of a meter. */
  async #report(run: Run, call: Call, state: CallState, problem?: string): Promise<void> {
    const { follow, by } = run;
    const { event } = call;
    const now = this.#door.clock.now();
    const figures = this.#figuresOf(run, call);
    const limitKw = limitNow(event, follow.capacityKw, now);
    const text = JSON.stringify([state, limitKw, figures]);
    const told = run.told.get(event.id);
    if (state === "active" && told && (told.text === text || now - told.at < reportMs)) return;
    if (state === "active") run.told.set(event.id, { text, at: now });
    else run.told.delete(event.id);
    const outcome = { limitKw, ...(problem !== undefined && { problem }) };
    const message = reportOf(event, follow.id, state, figures, outcome, now);
    const topic = `${reports}/${follow.id}/${levelOf(event.id)}`;
    await this.#door.publish({ topic, payload: Buffer.from(JSON.stringify(message)), as: by });
  }

  #limitsOf(charger: string): readonly Limit[] {
    return [...this.#runs.values()].flatMap((run) =>
      [...run.calls.values()].flatMap(({ event, isCancelled }) => {
        const members = this.#membersOf(run, event);
        if (isCancelled || !members.includes(charger)) return [];
        return event.intervals.flatMap((interval) => {
          const kW = limitKwOf(interval, run.follow.capacityKw);
          if (kW === undefined) return [];
          const { from, until } = interval;
          return { from, until, watts: (kW * 1000) / members.length };
        });
      }),
    );
  }

  /** The chargers that an event is for: each gets an equal part of the limit. */
  #membersOf({ follow }: Run, { targets }: DemandEvent): readonly string[] {
    const all = follow.chargers.includes("*")
      ? [...this.#central.chargers()].map(({ id }) => id)
      : follow.chargers;
    const named = targets.filter(({ type }) => type === "RESOURCE_NAME");
    if (named.length === 0) return all;
    return all.filter((id) => named.some(({ values }) => values.includes(id)));
  }

  #stateOf(run: Run): FollowState {
    const now = this.#door.clock.now();
    const calls = [...run.calls.values()].map(({ event, isCancelled }) => {
      const limitKw = isCancelled ? undefined : limitNow(event, run.follow.capacityKw, now);
      const state: CallState = fromOf(event) > now ? "accepted" : "active";
      return {
        ...{ id: event.id, programID: event.programID },
        state: isCancelled ? ("cancelled" as const) : state,
        from: new Date(fromOf(event)).toISOString(),
        until: new Date(untilOf(event)).toISOString(),
        ...(limitKw !== undefined && { limitKw }),
      };
    });
    const topic = `${reports}/${run.follow.id}`;
    return { ...run.follow, topic, messages: run.messages, calls, ...run.faults.counted() };
  }

  async #keep(run: Run): Promise<void> {
    const { follow, by } = run;
    if (this.#runs.get(follow.id) !== run) return;
    const doc: FollowDoc = { ...follow, by, calls: [...run.calls.values()] };
    await this.#door.documents.put(`${prefix}${follow.id}`, doc);
  }
}

function followProblem({ filter, chargers }: NewFollow): string | undefined {
  const problem = filterProblem(filter);
  if (problem !== undefined) return `filter "${filter}" ${problem}`;
  if (filter.startsWith("$")) return `filter "${filter}" is the node's own`;
  if (overlaps(filter, `${reports}/#`)) return `filter "${filter}" reaches into ${reports}/`;
  if (chargers.length > chargersMax) return `it names more than ${chargersMax} chargers`;
  return undefined;
}

/** OpenADR 3.0, `targets`: an event without any is for everybody who sees it. */
function isFor({ targets }: DemandEvent, { id, chargers }: NewFollow): boolean {
  return targets.every(({ type, values }) => {
    if (type === "RESOURCE_NAME") {
      return chargers.includes("*") || values.some((value) => chargers.includes(value));
    }
    return (type === "VEN_NAME" || type === "GROUP") && values.includes(id);
  });
}

function limitNow(
  { intervals }: DemandEvent,
  capacityKw: number | undefined,
  now: number,
): number | undefined {
  const interval = intervals.find(({ from, until }) => from <= now && now < until);
  return interval && limitKwOf(interval, capacityKw);
}

function fromOf({ intervals }: DemandEvent): number {
  return Math.min(...intervals.map(({ from }) => from));
}

function untilOf({ intervals }: DemandEvent): number {
  return Math.max(...intervals.map(({ until }) => until));
}
