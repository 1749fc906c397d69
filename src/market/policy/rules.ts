/**
 * The language of policies: a closed profile of ODRL 2.2, told whole in
 * docs/reference/policies.md.
 *
 * In comes a policy somebody sent (`shape.ts` reads its form, `operands.ts`, `conditions.ts` and
 * `duties.ts` its words) or a product's terms; out go the same terms, rules in the one canonical
 * form, and what both mean in plain English (`plain.ts`). Whatever is not in the profile is
 * refused by its name; nothing is ever skipped, and nothing here decides whether to agree.
 */
import { ComityError } from "../../kernel/errors.ts";
import type { Conditions, Terms } from "../product.ts";
import type { Attestation } from "../attestation.ts";

export const policyProfile = "comity:policy-1";

export interface AtomicConstraint {
  readonly leftOperand: string;
  readonly operator: string;
  /** DSP 2025-1 admits text, an object or an array, never a bare number. */
  readonly rightOperand: unknown;
}

export type LogicalConstraint =
  | { readonly and: readonly Constraint[] }
  | { readonly or: readonly Constraint[] }
  | { readonly xone: readonly Constraint[] };

export type Constraint = AtomicConstraint | LogicalConstraint;

export interface Rule {
  readonly action: string;
  readonly constraint?: readonly Constraint[];
}

/** The part of a policy that binds: the same in the offer, the request and the agreement. */
export interface Rules {
  readonly profile: string;
  readonly permission: readonly Rule[];
  readonly prohibition?: readonly Rule[];
  readonly obligation?: readonly Rule[];
}

/** What a policy says, with what a buyer has to state who asks for it. */
export type PolicyTerms = Terms & Conditions & Attestation;

export function isAtomic(constraint: Constraint): constraint is AtomicConstraint {
  return "leftOperand" in constraint;
}

/** POLICY_UNENFORCEABLE, naming a word that the profile does not have. */
export function unenforceable(what: string, name: unknown): ComityError {
  const shown = typeof name === "string" ? name : (JSON.stringify(name) ?? "undefined");
  const cut = shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
  return refused(`the ${what} "${cut}" is outside the profile`);
}

export function refused(problem: string): ComityError {
  return new ComityError("POLICY_UNENFORCEABLE", { problem });
}
