import { decimalOf, decimalText, digitsAt } from "./decimal.ts";

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
    const unit = digitsAt(parsed, scale);
    const amount = digitsAt(value, scale);
    const size = amount < 0n ? -amount : amount;
    const steps = (2n * size + unit) / (2n * unit);
    const rounded = steps * parsed.digits;
    return decimalText({ digits: amount < 0n ? -rounded : rounded, scale: parsed.scale });
  };
}
