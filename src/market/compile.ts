import { parseAmount } from "../kernel/amount.ts";
import { ComityError } from "../kernel/errors.ts";
import { isCharged, isFree } from "../kernel/price.ts";
import { isoTime } from "../kernel/time.ts";
import { covers } from "../kernel/topic.ts";
import type { Agreement } from "./agreement.ts";
import { type Condition, type Grant, logOfProduct, type Shape } from "./grant.ts";
import { readRules, termsOf } from "./policy.ts";
import type { PolicyTerms } from "./policy/rules.ts";

/** The agreement's policy as the data plane checks it; refuses what it could not enforce. */
export function grantOf(agreement: Agreement): Grant {
  const terms = termsOf(readRules(agreement.policy));
  const { notBefore, messagesMax, bytesMax, rate, unless } = terms;
  const when = whenOf(terms);
  const shape = shapeOf(terms);
  const notAfter = expiryOf(terms, agreement.signedAt);
  const { oneSided, ceiling, price } = agreement;
  const isUnbilled = oneSided === "free" || oneSided === "prepaid";
  return {
    agreement: agreement.id,
    consumer: agreement.consumer,
    product: agreement.product,
    filters: agreement.topics,
    // what was paid ahead is bounded by the cap: nothing of it is billed
    billed: !isUnbilled && !isFree(price),
    ...(ceiling === undefined || isCharged(price)
      ? {}
      : { monthly: { price, ceilingMicro: parseAmount(ceiling) ?? 0n } }),
    ...(when === undefined ? {} : { when }),
    ...(unless === undefined ? {} : { unless }),
    ...(shape === undefined ? {} : { shape }),
    ...(notBefore === undefined ? {} : { notBefore: Date.parse(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(messagesMax === undefined ? {} : { messagesMax }),
    ...(bytesMax === undefined ? {} : { bytesMax }),
    ...(rate === undefined ? {} : { rate }),
    ...(agreement.delivery === "logged" ? { log: logOfProduct(agreement.product) } : {}),
  };
}

/**
 * What both sides check before they sign: an agreement that has already ended, or that grants
 * topics its product does not have, is refused (POLICY_UNENFORCEABLE).
 */
export function assertInForce(
  terms: PolicyTerms,
  about: { readonly topics: readonly string[]; readonly signedAt: string; readonly now: number },
): void {
  const refused = (problem: string) => new ComityError("POLICY_UNENFORCEABLE", { problem });
  const expiry = expiryOf(terms, about.signedAt);
  if (expiry !== undefined && expiry <= about.now) {
    throw refused(`it ended at ${new Date(expiry).toISOString()}`);
  }
  const outside = terms.topics?.find(
    (topic) => !about.topics.some((filter) => covers(filter, topic)),
  );
  if (outside !== undefined) throw refused(`"${outside}" is not among the topics of the product`);
}

/** By delivery time, the first of its two ends: a date, and a life counted from the signing. */
function expiryOf({ notAfter, lifeSeconds }: PolicyTerms, signedAt: string): number | undefined {
  const ends = [
    ...(notAfter === undefined ? [] : [isoTime(notAfter) ?? 0]),
    ...(lifeSeconds === undefined ? [] : [Date.parse(signedAt) + lifeSeconds * 1000]),
  ];
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function whenOf({ dataFrom, dataUntil, area, when }: PolicyTerms): Condition | undefined {
  const time = {
    ...(dataFrom === undefined ? {} : { from: Date.parse(dataFrom) }),
    ...(dataUntil === undefined ? {} : { until: Date.parse(dataUntil) }),
  };
  const all: Condition[] = [
    ...(Object.keys(time).length === 0 ? [] : [time]),
    ...(area === undefined ? [] : [{ within: area }]),
    ...(when === undefined ? [] : [when]),
  ];
  return all.length > 1 ? { all } : all[0];
}

function shapeOf(terms: PolicyTerms): Shape | undefined {
  const { fields, drop, round, pseudonymise, shift, shiftBy } = terms;
  const shape: Shape = {
    ...(fields === undefined ? {} : { allow: fields }),
    ...(drop === undefined ? {} : { drop }),
    ...(round === undefined ? {} : { round }),
    ...(pseudonymise === undefined ? {} : { pseudonymise }),
    ...(shift === undefined ? {} : { shift }),
    ...(shiftBy === undefined ? {} : { shiftBy }),
  };
  return Object.keys(shape).length === 0 ? undefined : shape;
}
