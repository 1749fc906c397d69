/**
 * Members of a payload that are trade secrets (Regulation (EU) 2023/2854, Art. 4(6) and 5(9)):
 * left out, unless the buyer agrees to the measures that keep them.
 */
import type { Attestation } from "../attestation.ts";
import type { Terms, TradeSecrets } from "../product.ts";

type Shaped = Pick<Terms, "fields" | "drop" | "round" | "pseudonymise" | "shift" | "shiftBy">;

/** The same terms with these members left out. */
export function withoutSecrets<T extends Shaped>(terms: T, secrets: readonly string[]): T {
  const { fields, drop = [], round, pseudonymise, shift, shiftBy, ...rest } = terms;
  const isSecret = (name: string): boolean => secrets.some((secret) => holds(secret, name));
  const open = (names: readonly string[]) => names.filter((name) => !isSecret(name));
  const shown = fields && open(fields);
  const isOut = (secret: string): boolean => shown?.some((name) => holds(name, secret)) === false;
  const left = [...open(drop), ...secrets.filter((secret) => !isOut(secret))];
  const unsecret = (each: Readonly<Record<string, number>> = {}) =>
    Object.entries(each).filter(([name]) => !isSecret(name));
  const [steps, days] = [unsecret(round), unsecret(shift)];
  const masked = pseudonymise && open(pseudonymise);
  const shaped: Shaped = {
    ...(shown && { fields: shown }),
    ...(left.length > 0 && { drop: left }),
    ...(steps.length > 0 && { round: Object.fromEntries(steps) }),
    ...(masked && masked.length > 0 && { pseudonymise: masked }),
    ...(days.length > 0 && { shift: Object.fromEntries(days) }),
    ...(days.length > 0 && shiftBy !== undefined && { shiftBy }),
  };
  return { ...rest, ...shaped } as T;
}

/** Which tagged members these terms would let out without the measures; none: all is well. */
export function secretsLetOut(
  terms: Shaped & Attestation,
  { fields, measures }: TradeSecrets,
): readonly string[] {
  if (measures.every((name) => terms.measures?.includes(name) === true)) return [];
  return fields.filter((secret) => {
    // by its own name: what is spelt `a.b` as one member is not inside `a`
    if (terms.drop?.includes(secret) === true) return false;
    const shown = terms.fields ?? [secret];
    return shown.some((name) => holds(name, secret) || holds(secret, name));
  });
}

/** `a` holds `a` and `a.b`. */
function holds(outer: string, name: string): boolean {
  return name === outer || name.startsWith(`${outer}.`);
}
