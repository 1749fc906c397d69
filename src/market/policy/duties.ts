/** Duties: what the buyer owes or promises in return, each at most once. */
import { isFree, type Price } from "../../kernel/price.ts";
import { inOrder, normalPrice } from "../../kernel/normal-price.ts";
import { priceMembers, priceProblem } from "../../kernel/price-problem.ts";
import type { Terms } from "../product.ts";
import type { Attestation } from "../attestation.ts";
import { duration, names, readWith } from "./operands.ts";
import { type AtomicConstraint, isAtomic, refused, type Rule, unenforceable } from "./rules.ts";

/** "XXX" is ISO 4217 for "no currency is involved". */
export const freePrice: Price = { amount: "0", currency: "XXX", perMessages: 1 };

export function dutiesOf(terms: Terms & Attestation): Rule[] {
  const duties: Rule[] = [];
  const add = (action: string, leftOperand: string, operator: string, rightOperand: unknown) =>
    duties.push({ action, constraint: [{ leftOperand, operator, rightOperand }] });
  if (!isFree(terms.price)) add("compensate", "payAmount", "eq", normalPrice(terms.price));
  if (terms.deleteAfterSeconds !== undefined) {
    add("delete", "elapsedTime", "lteq", duration.write(terms.deleteAfterSeconds));
  }
  if (terms.attribution !== undefined) {
    add("attribute", "comity:attribution", "eq", terms.attribution);
  }
  if (terms.measures !== undefined) {
    add("comity:protect", "comity:measures", "isAllOf", names.write(terms.measures));
  }
  return duties;
}

type Promised = Pick<Terms, "price" | "deleteAfterSeconds" | "attribution"> &
  Pick<Attestation, "measures">;

const actions = ["compensate", "delete", "attribute", "comity:protect"];

export function readDuties(duties: readonly Rule[]): Promised {
  const seen = new Set<string>();
  let promised: Promised = { price: freePrice };
  for (const duty of duties) {
    if (!actions.includes(duty.action)) {
      throw unenforceable("action", duty.action);
    }
    if (seen.has(duty.action)) throw refused(`the obligation "${duty.action}" stands twice`);
    seen.add(duty.action);
    promised = { ...promised, ...readDuty(duty) };
  }
  return promised;
}

function readDuty(duty: Rule): Partial<Promised> {
  if (duty.action === "compensate") return { price: priceOf(only(duty, "payAmount", "eq")) };
  if (duty.action === "delete") {
    return { deleteAfterSeconds: readWith(duration, only(duty, "elapsedTime", "lteq")) };
  }
  if (duty.action === "comity:protect") {
    return { measures: readWith(names, only(duty, "comity:measures", "isAllOf")) };
  }
  const { rightOperand } = only(duty, "comity:attribution", "eq");
  if (typeof rightOperand !== "string") throw refused("comity:attribution is not text");
  return { attribution: rightOperand };
}

function only(duty: Rule, leftOperand: string, operator: string): AtomicConstraint {
  const [constraint, ...others] = duty.constraint ?? [];
  if (!constraint || others.length > 0 || !isAtomic(constraint)) {
    throw refused(`${duty.action} needs exactly ${leftOperand}`);
  }
  if (constraint.leftOperand !== leftOperand) {
    throw unenforceable("operand", constraint.leftOperand);
  }
  if (constraint.operator === operator) return constraint;
  throw refused(`the operator "${constraint.operator}" of "${leftOperand}"`);
}

function priceOf({ rightOperand }: AtomicConstraint): Price {
  if (typeof rightOperand !== "object" || rightOperand === null) {
    throw refused("payAmount is not an object");
  }
  const other = Object.keys(rightOperand).find((name) => !priceMembers.includes(name));
  if (other !== undefined) throw unenforceable("payAmount's member", other);
  const price = inOrder(rightOperand);
  const problem = priceProblem(price);
  if (problem !== undefined) throw refused(`payAmount: ${problem}`);
  return price as Price;
}
