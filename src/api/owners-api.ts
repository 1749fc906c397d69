import type {
  OwnerDueResource,
  OwnerResource,
  OwnerShareResource,
  OwnersResource,
} from "../client/owners.ts";
import { formatAmount, parseAmount } from "../kernel/amount.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Parts } from "../settle/owners/parts.ts";
import { bookedOf, type OwnerShare, type OwnerShares } from "../settle/owners/shares.ts";

/** Whose the revenue is, as the HTTP API sees it. */
export interface OwnersApi {
  list(): Promise<readonly OwnersResource[]>;
  /** NOT_FOUND, OWNERS_INVALID. */
  set(product: string, from: string, owners: readonly OwnerResource[]): Promise<OwnersResource>;
  month(month: string): Promise<readonly OwnerShareResource[]>;
  book(month: string): Promise<readonly OwnerShareResource[]>;
  due(): Promise<readonly OwnerDueResource[]>;
  paid(payment: {
    readonly owner: string;
    readonly amount: string;
    readonly currency: string;
    readonly reference: string;
  }): Promise<readonly OwnerDueResource[]>;
}

export function ownersApi(rooms: {
  readonly owners: { readonly parts: Parts; readonly shares: OwnerShares };
  readonly catalogue: Pick<Catalogue, "get">;
  readonly agreements: Pick<Agreements, "list">;
  readonly entropy: Entropy;
}): OwnersApi {
  const { owners, catalogue, agreements, entropy } = rooms;
  const { parts, shares } = owners;
  const due = async (): Promise<OwnerDueResource[]> =>
    (await shares.due()).map(({ owner, currency, micro }) => {
      return { owner, currency, due: formatAmount(micro) };
    });
  return {
    list: () => parts.list(),
    set(product, from, named) {
      const isSold = agreements.list().some((one) => one.product === product);
      if (catalogue.get(product) === undefined && !isSold) {
        throw new ComityError("NOT_FOUND", { what: "product", id: product });
      }
      return parts.set(product, { from, owners: named });
    },
    month: async (month) => (await shares.month(month)).map(told),
    book: async (month) => (await shares.book(month)).map(told),
    due,
    async paid({ owner, amount, currency, reference }) {
      const micro = String(parseAmount(amount) ?? 0n);
      await shares.pay({ id: entropy.uuid(), owner, currency, micro, reference });
      return due();
    },
  };
}

function told({ revenue, parts, entries, ...share }: OwnerShare): OwnerShareResource {
  const booked = bookedOf({ entries });
  return {
    ...share,
    revenue: formatAmount(BigInt(revenue)),
    parts: parts.map(({ id, partsPerMillion, micro }) => ({
      ...{ id, partsPerMillion, share: formatAmount(BigInt(micro)) },
      booked: formatAmount(booked.get(id) ?? 0n),
    })),
  };
}
