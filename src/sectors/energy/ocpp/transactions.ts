import { Turns } from "../../../kernel/turns.ts";
import type { SectorDocuments } from "../../sector.ts";
import type { Charger } from "./charger.ts";

/** A transaction that has not ended. Who charges is not kept. */
interface Open {
  readonly id: string;
  readonly charger: string;
  readonly evse: number;
  /** As the charger told it, so that what it sends again is known again. */
  readonly startedAt: string;
  /** The same as a time that can be: ISO 8601, UTC. */
  readonly since: string;
  /** Its register then, kWh. */
  readonly registerKwh?: number;
}

export interface Step {
  readonly at: string;
  readonly evse?: number | undefined;
  readonly registerKwh?: number | undefined;
  readonly reason?: string | undefined;
}

const prefix = "transaction.";
const counter = "transaction-id";
/** More than any charger has connectors; beyond it the oldest is given up. */
const openPerChargerMax = 64;

/** Transactions under way: kept, so that one goes on over a restart of the node. */
export class Transactions {
  readonly #documents: SectorDocuments;
  readonly #open = new Map<string, Open>();
  readonly #turns = new Turns();
  #lastId: number;

  private constructor(documents: SectorDocuments, lastId: number) {
    this.#documents = documents;
    this.#lastId = lastId;
  }

  static async open(documents: SectorDocuments): Promise<Transactions> {
    const { last = 0 } = (await documents.get<{ last: number }>(counter)) ?? {};
    const transactions = new Transactions(documents, last);
    for (const { id, doc } of await documents.list()) {
      if (id.startsWith(prefix)) transactions.#open.set(id, doc as Open);
    }
    return transactions;
  }

  of(charger: string): readonly string[] {
    const own = [...this.#open.values()].filter((one) => one.charger === charger);
    return own.map(({ id }) => id);
  }

  evseOf(charger: string, id: string): number | undefined {
    return this.#open.get(keyOf(charger, id))?.evse;
  }

  /**
   * OCPP 1.6 §4.8: the node gives the id. The same start sent again, as a charger does that got
   * no answer, has the same id.
   */
  started(charger: Charger, evse: number, step: Step): Promise<number> {
    return this.#turns.take(charger.id, () => this.#started(charger, evse, step));
  }

  /** The id is the charger's own in OCPP 2.0.1. */
  async begin(charger: Charger, id: string, step: Step): Promise<void> {
    if (this.#open.has(keyOf(charger.id, id))) return;
    const open: Open = {
      ...{ id, charger: charger.id, evse: step.evse ?? 0, startedAt: step.at },
      since: new Date(charger.time(step.at)).toISOString(),
      ...(step.registerKwh !== undefined && { registerKwh: step.registerKwh }),
    };
    const own = this.of(charger.id);
    if (own.length >= openPerChargerMax) {
      charger.fault({ code: "transaction", text: `${own[0]} never ended and is given up` });
      await this.#forget(keyOf(charger.id, own[0]!));
    }
    await this.#keep(open);
    await charger.publish(`transactions/${open.evse}`, {
      ...messageOf(open),
      state: "open",
    });
  }

  /** A register that was not told at its beginning is kept now. */
  async went(charger: Charger, id: string, step: Step): Promise<void> {
    const open = this.#open.get(keyOf(charger.id, id));
    if (open === undefined) {
      charger.fault({ code: "transaction", text: `${id} goes on and never began` });
      return this.begin(charger, id, step);
    }
    if (open.registerKwh === undefined && step.registerKwh !== undefined) {
      await this.#keep({ ...open, registerKwh: step.registerKwh });
    }
  }

  /** Told with its energy; one that is not known (sent again, or never begun) is told as such. */
  async ended(charger: Charger, id: string, step: Step): Promise<void> {
    const open = this.#open.get(keyOf(charger.id, id));
    if (open === undefined) {
      charger.fault({ code: "transaction", text: `${id} ends and is not open` });
      return;
    }
    const { at, registerKwh, reason } = step;
    const known = registerKwh !== undefined && open.registerKwh !== undefined;
    const energy = known ? Number((registerKwh - open.registerKwh).toFixed(6)) : undefined;
    if (energy !== undefined && energy < 0) {
      charger.fault({ code: "value", text: `${id} gave ${energy} kWh` });
    }
    const endedAt = charger.time(at);
    charger.idle(open.evse, endedAt);
    await charger.publish(`transactions/${open.evse}`, {
      ...messageOf(open),
      ...{ state: "ended", endedAt: new Date(endedAt).toISOString() },
      ...(energy !== undefined && energy >= 0 && { energy }),
      ...(reason !== undefined && { reason }),
    });
    await this.#forget(keyOf(charger.id, id));
  }

  /** Its Thing is gone. */
  async forget(charger: string): Promise<void> {
    for (const id of this.of(charger)) await this.#forget(keyOf(charger, id));
  }

  async #started(charger: Charger, evse: number, step: Step): Promise<number> {
    const again = [...this.#open.values()].find((one) => {
      return one.charger === charger.id && one.evse === evse && one.startedAt === step.at;
    });
    if (again) return Number(again.id);
    const id = ++this.#lastId;
    await this.#documents.put(counter, { last: id }); // first: an id is never given twice
    await this.begin(charger, String(id), { ...step, evse });
    return id;
  }

  async #keep(open: Open): Promise<void> {
    const key = keyOf(open.charger, open.id);
    await this.#documents.put(key, open);
    this.#open.set(key, open);
  }

  async #forget(key: string): Promise<void> {
    this.#open.delete(key);
    await this.#documents.remove(key);
  }
}

function keyOf(charger: string, id: string): string {
  return `${prefix}${charger}.${id}`;
}

function messageOf({ id, charger, evse, since }: Open): object {
  return {
    type: "ChargingTransaction",
    ...{ id, refChargingStation: charger, evse, startedAt: since },
  };
}
