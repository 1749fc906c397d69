/** A decimal number as an integer and how many of its digits are behind the point. */
interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const digitsMax = 400;

/**
 * Rounds a JSON number's text to the nearest multiple of the step, halves away from zero, in
 * decimal arithmetic: a step of 0.1 makes 0.3 of 0.30000000000000004. Undefined where the number
 * is longer than any sensor's.
 */
export function roundingTo(step: number): (text: string) => string | undefined {
  const parsed = step > 0 && step < Infinity ? decimalOf(String(step)) : undefined;
  if (parsed === undefined) throw new RangeError(`no step to round to: ${step}`);
  return (text) => {
    const value = decimalOf(text);
    if (value === undefined) return undefined;
    const scale = Math.max(value.scale, parsed.scale);
    const unit = parsed.digits * tenTo(scale - parsed.scale);
    const amount = value.digits * tenTo(scale - value.scale);
    const size = amount < 0n ? -amount : amount;
    const steps = (2n * size + unit) / (2n * unit);
    const rounded = textOf(steps * parsed.digits, parsed.scale);
    return amount < 0n && steps > 0n ? `-${rounded}` : rounded;
  };
}

function decimalOf(text: string): Decimal | undefined {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  if (mantissa.length > digitsMax || !(Math.abs(scale) <= digitsMax)) return undefined;
  const digits = BigInt(whole + fraction);
  return scale < 0 ? { digits: digits * tenTo(-scale), scale: 0 } : { digits, scale };
}

const powers = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

function tenTo(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent);
}

function textOf(digits: bigint, scale: number): string {
  const text = digits.toString().padStart(scale + 1, "0");
  if (scale === 0) return text;
  const fraction = text.slice(-scale).replace(/0+$/, "");
  return fraction === "" ? text.slice(0, -scale) : `${text.slice(0, -scale)}.${fraction}`;
}
