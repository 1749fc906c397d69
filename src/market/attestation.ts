/**
 * What a buyer attests of itself when it asks: no machine can check it, so it is part of what both
 * sides sign. An offer that needs an attestation is made to nobody who does not make it.
 */
import { ComityError } from "../kernel/errors.ts";
import {
  allOfClass,
  isRecipientClass,
  type RecipientClass,
  recipientClasses,
} from "../kernel/recipient-class.ts";

/** In a policy: what has to be attested. In a request and in an agreement: what was. */
export interface Attestation {
  /** The buyer is one of these. */
  readonly recipientClass?: RecipientClass;
  /** How the buyer keeps trade secrets (Art. 4(6), 5(9)), in the owner's names: `nda`. */
  readonly measures?: readonly string[];
}

const measuresMax = 20;
const measure = /^[a-z0-9][a-z0-9-]{0,63}$/;

export function attestationProblem({ recipientClass, measures }: Attestation): string | undefined {
  if (recipientClass !== undefined && !isRecipientClass(recipientClass)) {
    return `recipientClass "${String(recipientClass)}" is not ${recipientClasses.join(", ")}`;
  }
  return measures === undefined ? undefined : measuresProblem(measures);
}

export function measuresProblem(measures: readonly string[]): string | undefined {
  if (!Array.isArray(measures)) return "measures are no list";
  if (measures.length === 0) return "measures are empty: leave them out";
  if (measures.length > measuresMax) return `measures are more than ${measuresMax}`;
  const wrong = measures.find((name) => typeof name !== "string" || !measure.test(name));
  if (wrong !== undefined) {
    return `measure "${String(wrong)}" is not 1–64 of a–z, 0–9 and - (nda, restricted-access)`;
  }
  const twice = measures.find((name, i) => measures.indexOf(name) < i);
  return twice === undefined ? undefined : `measures name "${twice}" twice`;
}

/** As it is signed: in order, and nothing else that came along; undefined where nothing is said. */
export function attestationOf({ recipientClass, measures }: Attestation): Attestation | undefined {
  const attested: Attestation = {
    ...(recipientClass === undefined ? {} : { recipientClass }),
    ...(measures === undefined ? {} : { measures: measures.toSorted() }),
  };
  const problem = attestationProblem(attested);
  if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
  return Object.keys(attested).length === 0 ? undefined : attested;
}

/**
 * ATTESTATION_NEEDED unless it is attested what the offer needs: no other class, since each class
 * has its price. TRADE_SECRETS unless every measure is; more than is asked for does no harm.
 */
export function assertAttested(
  needed: Attestation,
  attested: Attestation = {},
  offer: string,
): void {
  const problem = classProblem(needed, attested);
  if (problem !== undefined) throw new ComityError("ATTESTATION_NEEDED", { offer, problem });
  const missing = missingMeasures(needed, attested);
  if (missing.length === 0) return;
  const without = `the offer ${offer} asks for measures that are not attested`;
  throw new ComityError("TRADE_SECRETS", { problem: `${without}: ${missing.join(", ")}` });
}

function classProblem(needed: Attestation, attested: Attestation): string | undefined {
  const { recipientClass: wanted } = needed;
  const { recipientClass: said, measures } = attested;
  if (wanted === said) {
    if (measures === undefined || needed.measures !== undefined) return undefined;
    return "asks for no measures, and leaves trade secrets out";
  }
  if (wanted === undefined) return "is for everybody, and a class was stated";
  const instead = said === undefined ? "nobody stated to be one" : `"${said}" was stated`;
  return `is for ${allOfClass(wanted)} ("${wanted}"), and ${instead}`;
}

export function missingMeasures(needed: Attestation, attested: Attestation): string[] {
  return (needed.measures ?? []).filter((name) => attested.measures?.includes(name) !== true);
}

/**
 * Of one product's offers, the one for who attests this. `named` is what was asked for: where it
 * needs no attestation it stands for the product, else it must be the one. ATTESTATION_NEEDED tells
 * why there is none.
 */
export function offerFor<T>(
  named: T,
  all: readonly T[],
  of: (offer: T) => { readonly id: string; readonly needs: Attestation },
  attested: Attestation,
): T {
  const { id, needs } = of(named);
  if (fits(needs, attested)) return named;
  if (Object.keys(needs).length > 0) assertAttested(needs, attested, id);
  const found = all.find((one) => fits(of(one).needs, attested));
  if (found !== undefined) return found;
  const { recipientClass, measures } = attested;
  const what = [
    ...(recipientClass === undefined ? [] : [`price for ${allOfClass(recipientClass)}`]),
    ...(measures === undefined ? [] : ["trade secrets to keep by measures"]),
  ];
  throw new ComityError("ATTESTATION_NEEDED", { offer: id, problem: `has no ${what.join(", ")}` });
}

/** Whether the measures are enough is its provider's to say, and a refusal its to sign. */
function fits(needs: Attestation, { recipientClass, measures }: Attestation): boolean {
  const asks = (needs.measures === undefined) === (measures === undefined);
  return asks && needs.recipientClass === recipientClass;
}
