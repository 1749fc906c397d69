import { formatAmount, microOf } from "./amount.ts";
import { type Charge, isCharged, isFree, type Price } from "./price.ts";

/** `0.002 EUR per message`, `5 KES per 1,000 messages`, `free`, or one sentence of all charges. */
export function describePrice(price: Price): string {
  if (isFree(price)) return "free";
  const { currency } = price;
  const money = (amount: string): string => `${formatAmount(microOf(amount))} ${currency}`;
  if (!isCharged(price)) {
    return `${money(price.amount)} per ${counted(price.perMessages, "message")}`;
  }
  const { charges, minimum, cap, trialDays, costOnly } = price;
  const parts = [charges.map((charge) => describeCharge(charge, money)).join(" plus ")];
  if (minimum !== undefined) parts.push(`at least ${money(minimum)} a month`);
  if (cap !== undefined) parts.push(`at most ${money(cap)} a month`);
  if (trialDays !== undefined) parts.push(`free for the first ${counted(trialDays, "day", true)}`);
  if (costOnly === true) parts.push("which covers costs alone");
  return parts.join(", ");
}

function describeCharge(charge: Charge, money: (amount: string) => string): string {
  const { per, perMessages, perBytes = 1, amount = "0", graduated, volume, included } = charge;
  if (per === "month") return `${money(amount)} a month`;
  const isMessages = perMessages !== undefined;
  const unit = isMessages ? counted(perMessages, "message") : sizeText(perBytes);
  const quantity = (count: number): string =>
    isMessages ? counted(count, "message", true) : sizeText(count, true);
  const free = included === undefined ? "" : ` after ${quantity(included)} a month`;
  const tiers = graduated ?? volume;
  if (tiers === undefined) return `${money(amount)} per ${unit}${free}`;
  const rates = tiers.map(
    (tier) =>
      `${money(tier.amount)} ${tier.upTo === undefined ? "beyond" : `up to ${quantity(tier.upTo)}`}`,
  );
  const all = volume === undefined ? "" : " for all of a month's";
  return `per ${unit}${all}${free} ${rates.join(", ")}`;
}

/** `message`, `1,000 messages`; `1 message` where the number is always said. */
function counted(count: number, name: string, always = false): string {
  if (count === 1) return always ? `1 ${name}` : name;
  return `${count.toLocaleString("en")} ${name}s`;
}

const sizes = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** `MB`, `5 GB`, `1,500,001 bytes`: powers of ten, exact. */
function sizeText(bytes: number, always = false): string {
  const [size, name] = sizes.find(([one]) => bytes % one === 0) ?? [1, "byte"];
  if (name === "byte") return counted(bytes, name, always);
  const count = bytes / size;
  return count === 1 && !always ? name : `${count.toLocaleString("en")} ${name}`;
}
