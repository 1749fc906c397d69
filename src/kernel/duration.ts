/** Lengths of time in whole seconds, as people, flags and policies write them. */
const units = [
  ["day", "d", 86_400],
  ["hour", "h", 3_600],
  ["minute", "m", 60],
  ["second", "s", 1],
] as const;

/** `30d`, `12h`, `15m`, `10s`, or a number of seconds; undefined where it is none of these. */
export function secondsOf(text: string): number | undefined {
  const [, digits = "", unit = "s"] = /^(\d{1,12})([dhms])?$/.exec(text) ?? [];
  if (digits === "") return undefined;
  const size = units.find(([, letter]) => letter === unit)?.[2] ?? 1;
  return Number(digits) * size;
}

/**
 * An xsd:duration (`P30D`, `PT1H30M`) in seconds. Months and years are no fixed length, fractions
 * no whole seconds: undefined, as for every other text.
 */
export function secondsOfIso(text: string): number | undefined {
  const match =
    /^P(?=\d|T\d)(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})S)?)?$/.exec(
      text,
    );
  if (!match) return undefined;
  return units.reduce((sum, [, , size], i) => sum + Number(match[i + 1] ?? 0) * size, 0);
}

/** The one xsd:duration this project writes for so many seconds. */
export function isoDuration(seconds: number): string {
  return seconds % 86_400 === 0 ? `P${seconds / 86_400}D` : `PT${seconds}S`;
}

/** `10s`, `2h`: the largest unit that divides it; `secondsOf` reads it back. */
export function shortDuration(seconds: number): string {
  const [, letter, size] = units.find(([, , size]) => seconds % size === 0) ?? ["", "s", 1];
  return `${seconds / size}${letter}`;
}

/** `30 days`, `1 hour and 30 minutes`. */
export function describeSeconds(seconds: number): string {
  const parts: string[] = [];
  let left = seconds;
  for (const [name, , size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`);
  }
  const last = parts.pop() ?? "0 seconds";
  return parts.length === 0 ? last : `${parts.join(", ")} and ${last}`;
}
