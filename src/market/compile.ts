import { parseAmount } from "../kernel/amount.ts";
import type { Agreement } from "./agreement.ts";
import { type Grant, logOfProduct } from "./grant.ts";
import { readRules, termsOf } from "./policy.ts";

/** The agreement's policy as the data plane checks it; refuses what it could not enforce. */
export function grantOf(agreement: Agreement): Grant {
  const terms = termsOf(readRules(agreement.policy));
  return {
    agreement: agreement.id,
    consumer: agreement.consumer,
    product: agreement.product,
    filters: agreement.topics,
    billed: parseAmount(agreement.price.amount) !== 0n,
    ...(terms.fields === undefined ? {} : { shape: { allow: terms.fields } }),
    ...(terms.notAfter === undefined ? {} : { notAfter: Date.parse(terms.notAfter) }),
    ...(terms.messagesMax === undefined ? {} : { messagesMax: terms.messagesMax }),
    ...(agreement.delivery === "logged" ? { log: logOfProduct(agreement.product) } : {}),
  };
}
