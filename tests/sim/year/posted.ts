import { formatAmount } from "../../../src/kernel/amount.ts";
import type { Account, Posting } from "../../../src/settle/ledger.ts";
import { docsOf, type Participant } from "./participant.ts";

/** An account of one participant's books, over the entries that are meant. */
export function posted(
  one: Participant,
  account: Account,
  of: (posting: Posting) => boolean,
): Sums {
  const sums = new Sums();
  for (const posting of docsOf<Posting>(one, "posting")) {
    if (!of(posting)) continue;
    for (const line of posting.lines) {
      if (line.account === account) sums.add(posting.currency, BigInt(line.micro));
    }
  }
  return sums;
}

/** Micro-units by currency. */
export class Sums {
  readonly #sums = new Map<string, bigint>();

  add(currency: string, micro: bigint): void {
    this.#sums.set(currency, this.of(currency) + micro);
  }

  of(currency: string): bigint {
    return this.#sums.get(currency) ?? 0n;
  }

  [Symbol.iterator](): IterableIterator<[string, bigint]> {
    return this.#sums.entries();
  }

  /** Where the books say something else. */
  differences(books: Sums): string[] {
    const currencies = new Set([...this.#sums.keys(), ...books.#sums.keys()]);
    return [...currencies].flatMap((currency) => {
      const [hand, book] = [this.of(currency), books.of(currency)];
      if (hand === book) return [];
      return [`${formatAmount(hand)} ${currency} by hand, ${formatAmount(book)} in the books`];
    });
  }
}
