/** A decimal number as an integer and how many of its digits are behind the point. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const digitsMax = 400;

/** Of a JSON number's text; undefined where it is longer than any sensor's. */
export function decimalOf(text: string): Decimal | undefined {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  if (mantissa.length > digitsMax || !(Math.abs(scale) <= digitsMax)) return undefined;
  const digits = BigInt(whole + fraction);
  return scale < 0 ? { digits: digits * tenTo(-scale), scale: 0 } : { digits, scale };
}

/** The same number with that many digits behind the point, which must not be fewer. */
export function digitsAt({ digits, scale }: Decimal, places: number): bigint {
  return digits * tenTo(places - scale);
}

export function sumOf(one: Decimal, other: Decimal): Decimal {
  const scale = Math.max(one.scale, other.scale);
  return { digits: digitsAt(one, scale) + digitsAt(other, scale), scale };
}

/** As JSON writes it, without an exponent or zeros that say nothing. */
export function decimalText({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? "-" : "";
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
  if (scale === 0) return sign + text;
  const fraction = text.slice(-scale).replace(/0+$/, "");
  return `${sign}${text.slice(0, -scale)}${fraction === "" ? "" : `.${fraction}`}`;
}

const powers = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

function tenTo(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent);
}
