import { microOf } from "../../../src/kernel/amount.ts";
import type { SetoffRecord } from "../../../src/settle/setoff/record.ts";
import type { StatementRecord } from "../../../src/settle/statements/record.ts";
import { isHonest } from "./business.ts";
import { docsOf, type Participant } from "./participant.ts";
import { posted, Sums } from "./posted.ts";
import type { Deal, World } from "./world.ts";

/**
 * What an honest seller is still owed by an honest buyer, in each currency: what was delivered
 * costs, less what people signed as paid, less what both signed as set off. What was paid in
 * another currency stands in that one's book as money that came.
 */
export function dueProblems(world: World, owedByHand: (deal: Deal) => bigint): string[] {
  const honest = world.participants.filter((one) => isHonest(world, one));
  return honest.flatMap((seller) => [
    ...honest.flatMap((buyer) => {
      const due = new Sums();
      for (const deal of world.deals) {
        const { currency } = deal.price;
        if (deal.seller === seller && deal.buyer === buyer) due.add(currency, owedByHand(deal));
      }
      for (const { currency, micro } of payments(seller, buyer.did)) due.add(currency, -micro);
      for (const { body, state } of docsOf<SetoffRecord>(seller, "setoff")) {
        const [own, other] = body.claims.toSorted((a) => (a.provider === seller.did ? -1 : 1));
        if (state !== "agreed" || own === undefined || other?.provider !== buyer.did) continue;
        due.add(body.currency, microOf(own.left) - microOf(own.owed));
      }
      const what = `${seller.name} by ${buyer.name}`;
      const is = posted(seller, "receivable", ({ party }) => party === buyer.did);
      return due.differences(is).map((text) => `owed to ${what}: ${text}`);
    }),
    ...cameProblems(seller),
  ]);
}

/** Money that came, or went: in the currency in which it did. */
function cameProblems(one: Participant): string[] {
  const came = new Sums();
  for (const { steps, role } of docsOf<StatementRecord>(one, "statement")) {
    for (const { body: step } of steps) {
      const { act } = step;
      if (act.do !== "paid") continue;
      const { currency, amount } = act.exchanged ?? act;
      came.add(currency, role === "provider" ? microOf(amount) : -microOf(amount));
    }
  }
  const is = posted(one, "paid", () => true);
  return came.differences(is).map((text) => `paid to and by ${one.name}: ${text}`);
}

function payments(seller: Participant, buyer: string): { currency: string; micro: bigint }[] {
  return docsOf<StatementRecord>(seller, "statement")
    .filter(({ role, body }) => role === "provider" && body.consumer === buyer)
    .flatMap(({ steps }) =>
      steps.flatMap(({ body: { act } }) => {
        return act.do === "paid" ? [{ currency: act.currency, micro: microOf(act.amount) }] : [];
      }),
    );
}
