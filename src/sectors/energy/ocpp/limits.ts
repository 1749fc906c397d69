import { ComityError, problemOf } from "../../../kernel/errors.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { SectorDoor } from "../../sector.ts";
import type { CentralSystem } from "./central-system.ts";
import type { Charger, Line } from "./charger.ts";
import { clearProfile, type Limit, limitsTogether, type RateUnit } from "./charging-profile.ts";
import { setProfile } from "./charging-profile.ts";
import { ask } from "./commands.ts";

/** How a charger took its limit; pending: it is not connected, or has not answered yet. */
export type Outcome = "set" | "refused" | "pending";

/** Limits that somebody else sets, such as a demand call. */
export type LimitSource = (charger: string) => readonly Limit[];

interface Sent {
  /** What the charger was told, and on which connection. */
  readonly key: string;
  readonly line: Line | undefined;
  outcome: Outcome;
  done: Promise<void>;
}

/** Kept: what an operator limits a charger to, and whether it has a profile of this node. */
interface Kept {
  readonly operator?: Limit;
  readonly isSet: boolean;
}

const prefix = "limit.";
const tickMs = 1000;
const units: readonly RateUnit[] = ["W", "A"];

/** What each charger may take at most: the least of what was asked, sent as one profile. */
export class Limits {
  readonly #door: Pick<SectorDoor, "clock" | "documents">;
  readonly #central: CentralSystem;
  readonly #sources: LimitSource[] = [];
  readonly #kept: Map<string, Kept>;
  readonly #sent = new Map<string, Sent>();
  readonly #turns = new Turns();
  readonly #tick: NodeJS.Timeout;

  private constructor(
    door: Pick<SectorDoor, "clock" | "documents">,
    central: CentralSystem,
    kept: Map<string, Kept>,
  ) {
    this.#door = door;
    this.#central = central;
    this.#kept = kept;
    central.onReady((charger) => this.#sync(charger));
    this.#tick = setInterval(() => this.syncAll(), tickMs).unref();
  }

  static async open(
    door: Pick<SectorDoor, "clock" | "documents">,
    central: CentralSystem,
  ): Promise<Limits> {
    const kept = new Map<string, Kept>();
    for (const { id, doc } of await door.documents.list()) {
      if (id.startsWith(prefix)) kept.set(id.slice(prefix.length), doc as Kept);
    }
    return new Limits(door, central, kept);
  }

  add(source: LimitSource): void {
    this.#sources.push(source);
  }

  async close(): Promise<void> {
    clearInterval(this.#tick);
    await this.#turns.settled();
  }

  /** What it may take now; undefined: all it can. */
  wattsOf(charger: string): number | undefined {
    const now = this.#door.clock.now();
    return this.#piecesOf(charger).find(({ from, until = Infinity }) => from <= now && now < until)
      ?.watts;
  }

  outcomeOf(charger: string): Outcome {
    return this.#sent.get(charger)?.outcome ?? "pending";
  }

  /** An operator's; undefined takes it back. CHARGER_REFUSED where the charger does not take it. */
  async limit(id: string, limit: Limit | undefined): Promise<Outcome> {
    const charger = this.#central.get(id);
    const before = this.#kept.get(id);
    if (!charger && !before) throw new ComityError("NOT_FOUND", { what: "charger", id });
    await this.#keep(id, { isSet: before?.isSet ?? false, ...(limit && { operator: limit }) });
    if (charger) await this.#sync(charger);
    const outcome = this.outcomeOf(id);
    if (outcome !== "refused" || limit === undefined) return outcome;
    const { isSet = false } = this.#kept.get(id) ?? {};
    await this.#keep(id, { isSet, ...(before?.operator && { operator: before.operator }) });
    const problem = "it takes no such limit, neither in W nor in A";
    throw new ComityError("CHARGER_REFUSED", { charger: id, call: "SetChargingProfile", problem });
  }

  /** Its Thing is gone. */
  async forget(id: string): Promise<void> {
    this.#sent.delete(id);
    await this.#keep(id, { isSet: false });
  }

  /** Resolves when those of them that are connected have answered. */
  async synced(chargers: readonly string[]): Promise<void> {
    const known = chargers.flatMap((id) => this.#central.get(id) ?? []);
    await Promise.all(known.map((charger) => this.#sync(charger)));
  }

  syncAll(): void {
    for (const charger of this.#central.chargers()) void this.#sync(charger);
  }

  #piecesOf(id: string): readonly Limit[] {
    const { operator } = this.#kept.get(id) ?? {};
    const others = this.#sources.flatMap((source) => source(id));
    return limitsTogether(
      operator === undefined ? others : [operator, ...others],
      this.#door.clock.now(),
    );
  }

  /** Resolves when the charger has answered, or waits for it to connect. */
  #sync(charger: Charger): Promise<void> {
    const { id } = charger;
    const pieces = this.#piecesOf(id);
    const key = JSON.stringify(pieces);
    const before = this.#sent.get(id);
    const line = charger.isReady ? charger.line : undefined;
    if (before?.key === key && before.line === line) return before.done;
    const sent: Sent = { key, line, outcome: "pending", done: Promise.resolve() };
    this.#sent.set(id, sent);
    if (line === undefined) return sent.done;
    sent.done = this.#turns.take(id, async () => {
      if (this.#sent.get(id) !== sent) return; // something newer waits behind it
      try {
        await this.#send(id, line, pieces);
        sent.outcome = "set";
      } catch (thrown) {
        if (charger.line !== line || !charger.isReady) return; // the line broke: it is sent again
        charger.fault({ code: "limit", text: problemOf(thrown) });
        sent.outcome = "refused";
      }
    });
    return sent.done;
  }

  async #send(id: string, line: Line, pieces: readonly Limit[]): Promise<void> {
    if (pieces.length === 0) {
      if (this.#kept.get(id)?.isSet !== true) return;
      await line.call(...clearProfile(line.protocol)); // Unknown is as good: there is none
      return this.#keep(id, { ...this.#kept.get(id), isSet: false });
    }
    await this.#keep(id, { ...this.#kept.get(id), isSet: true });
    let problem: unknown;
    for (const unit of units) {
      try {
        return void (await ask(id, line, setProfile(line.protocol, pieces, unit)));
      } catch (thrown) {
        problem = thrown; // many a charger knows amperes alone
      }
    }
    throw problem;
  }

  async #keep(id: string, kept: Kept): Promise<void> {
    if (kept.operator === undefined && !kept.isSet) {
      if (!this.#kept.delete(id)) return;
      return this.#door.documents.remove(`${prefix}${id}`);
    }
    const before = this.#kept.get(id);
    this.#kept.set(id, kept);
    if (JSON.stringify(before) === JSON.stringify(kept)) return;
    await this.#door.documents.put(`${prefix}${id}`, kept);
  }
}
