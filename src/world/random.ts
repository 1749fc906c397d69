/** A source of numbers in [0, 1). Passed in, so that a world can be run again from its seed. */
export type Random = () => number;

/** Mulberry32: small, fast and good enough for weather and traffic; never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A seed of its own for each part, so that adding a part leaves the others' numbers alone. */
export function seedOf(seed: number, name: string): number {
  let hash = 2_166_136_261 ^ seed;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return hash >>> 0;
}

/** Standard normal, by Box and Muller. */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * One step of an Ornstein–Uhlenbeck process around zero: noise that forgets itself over
 * `relaxation` (same unit as `dt`) and has the standard deviation `sigma` in the long run.
 */
export function wander(
  value: number,
  dt: number,
  relaxation: number,
  sigma: number,
  random: Random,
): number {
  const keep = Math.exp(-dt / relaxation);
  return value * keep + sigma * Math.sqrt(1 - keep * keep) * gaussian(random);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
