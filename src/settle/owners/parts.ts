import { type Clock, monthOf } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Store } from "../../ports/store.ts";
import { rowsOf } from "../ledger.ts";

/** An owner of a product beside the seller, by DID or name, and its part of what it earns. */
export interface Owner {
  readonly id: string;
  /** Above 0; all together at most a million, and the rest is the seller's. */
  readonly partsPerMillion: number;
}

/** Who owns a product from a month on. */
export interface OwnersFrom {
  /** `2026-12`. */
  readonly from: string;
  /** None: it is the seller's alone. */
  readonly owners: readonly Owner[];
}

/** Kind `owners`, id = the product's; in the order of their months. */
export interface OwnersDoc {
  readonly product: string;
  readonly versions: readonly OwnersFrom[];
}

const kind = "owners";
const million = 1_000_000;
const ownersMax = 100;
const versionsMax = 1000;

export interface PartsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly did: string;
}

/** Who owns what this node sells. A change holds from a month that has not begun. */
export class Parts {
  readonly #options: PartsOptions;
  readonly #turns = new Turns();

  constructor(options: PartsOptions) {
    this.#options = options;
  }

  async list(): Promise<OwnersDoc[]> {
    const found: OwnersDoc[] = [];
    for await (const { doc } of rowsOf<OwnersDoc>(this.#options.store, kind)) found.push(doc);
    return found;
  }

  /** By product, of those that are not the seller's alone in that month. */
  async in(month: string): Promise<ReadonlyMap<string, readonly Owner[]>> {
    const found = new Map<string, readonly Owner[]>();
    for (const { product, versions } of await this.list()) {
      const owners = versions.findLast(({ from }) => from <= month)?.owners ?? [];
      if (owners.length > 0) found.set(product, owners);
    }
    return found;
  }

  /** OWNERS_INVALID says what is wrong. One that was set for that month or later is replaced. */
  set(product: string, next: OwnersFrom): Promise<OwnersDoc> {
    return this.#turns.take(product, async () => {
      const { store } = this.#options;
      const known = (await store.get<OwnersDoc>(kind, product))?.versions ?? [];
      const problem = this.#problem(next, known);
      if (problem !== undefined) throw new ComityError("OWNERS_INVALID", { of: product, problem });
      const kept = known.filter(({ from }) => from < next.from);
      const doc: OwnersDoc = { product, versions: [...kept, next] };
      await store.commit([{ op: "put", kind, id: product, doc }]);
      return doc;
    });
  }

  #problem({ from, owners }: OwnersFrom, known: readonly OwnersFrom[]): string | undefined {
    const now = monthOf(this.#options.clock.now());
    // who has none yet may begin with the month that runs: nothing was told anybody
    const isFirst = known.length === 0;
    if (from < now || (from === now && !isFirst)) return `${from} has begun`;
    if (known.length >= versionsMax) return `it was changed ${versionsMax} times already`;
    if (owners.length > ownersMax) return `it has more than ${ownersMax} owners`;
    if (new Set(owners.map(({ id }) => id)).size < owners.length) return "an owner is named twice";
    if (owners.some(({ id }) => id === this.#options.did)) {
      return "this node is named: what the others leave is its own part";
    }
    const isPart = (parts: number): boolean => Number.isSafeInteger(parts) && parts > 0;
    if (!owners.every((one) => isPart(one.partsPerMillion))) return "a part is above 0 %";
    const sum = owners.reduce((all, one) => all + one.partsPerMillion, 0);
    return sum > million ? `their parts are ${sum / 10_000} % together` : undefined;
  }
}

/** Rounded down, in micro-units: what is left over is the seller's. */
export function partOf(micro: bigint, { partsPerMillion }: Owner): bigint {
  return (micro * BigInt(partsPerMillion)) / BigInt(million);
}
