/** Exponents by base unit; what UCUM calls arbitrary is a base of its own. None is zero. */
export type Powers = Readonly<Record<string, number>>;

export function multiplied(one: Powers, other: Powers, exponent: number): Powers {
  const product: Record<string, number> = { ...one };
  for (const [base, power] of Object.entries(other)) {
    const sum = (product[base] ?? 0) + power * exponent;
    if (sum === 0) delete product[base];
    else product[base] = sum;
  }
  return product;
}

/** `g.m2.s-3`; `1` where nothing is left. */
export function powersKey(powers: Powers): string {
  const bases = Object.entries(powers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const key = bases.map(([base, power]) => (power === 1 ? base : `${base}${power}`)).join(".");
  return key === "" ? "1" : key;
}
