/**
 * Money as integer micro-units (millionths of the currency's major unit) in a bigint.
 * Outside the process an amount is a decimal string, so that no reader rounds it.
 */
const MICRO = 1_000_000n;
const DECIMAL = /^(-?)(\d{1,18})(?:\.(\d{1,6}))?$/;

/** `"0.002"` → `2000n`; undefined where the text is no decimal of at most six places. */
export function parseAmount(text: string): bigint | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "0", fraction = ""] = match;
  const micro = BigInt(whole) * MICRO + BigInt(fraction.padEnd(6, "0"));
  return sign === "-" ? -micro : micro;
}

/** Of an amount that was checked. */
export function microOf(amount: string): bigint {
  const micro = parseAmount(amount);
  if (micro === undefined) throw new RangeError(`"${amount}" is no decimal amount`);
  return micro;
}

/** `2000n` → `"0.002"`; `1500000n` → `"1.5"`; never an exponent, never a trailing zero. */
export function formatAmount(micro: bigint): string {
  const sign = micro < 0n ? "-" : "";
  const size = micro < 0n ? -micro : micro;
  const fraction = (size % MICRO).toString().padStart(6, "0").replace(/0+$/, "");
  return `${sign}${size / MICRO}${fraction === "" ? "" : `.${fraction}`}`;
}
