import type { Clock } from "../kernel/clock.ts";
import { type Entropy, newToken } from "../kernel/id.ts";
import { hashFits, tokenHash } from "./token.ts";

/** A token as it is kept: its hash and, for a time of grace, that of the one before it. */
export interface Secret {
  readonly hash: Buffer;
  /** How often it was changed: by it a connection knows which token it came with. */
  readonly turn: number;
  /** `until`: milliseconds since the Unix epoch. */
  readonly before?: { readonly hash: Buffer; readonly until: number };
}

/** As it stands in the store. */
export interface SecretDoc {
  readonly tokenHash: string;
  readonly turn?: number;
  readonly before?: { readonly tokenHash: string; readonly until: number };
}

export function secretOf({ tokenHash, turn = 0, before }: SecretDoc): Secret {
  const hash = Buffer.from(tokenHash, "base64url");
  if (before === undefined) return { hash, turn };
  const { until } = before;
  return { hash, turn, before: { hash: Buffer.from(before.tokenHash, "base64url"), until } };
}

export function docOfSecret({ hash, turn, before }: Secret): SecretDoc {
  const tokenHash = hash.toString("base64url");
  if (before === undefined) return { tokenHash, turn };
  const { until } = before;
  return { tokenHash, turn, before: { tokenHash: before.hash.toString("base64url"), until } };
}

/** A token, told once, and what is kept of it. */
interface Told {
  readonly token: string;
  readonly secret: Secret;
}

export function newSecret(entropy: Entropy): Told {
  const token = newToken(entropy);
  return { token, secret: { hash: tokenHash(token), turn: 0 } };
}

/** Another token; the one before it stays good for so long. */
export function renewed(
  { hash: old, turn }: Secret,
  { clock, entropy }: { readonly clock: Clock; readonly entropy: Entropy },
  graceMs: number,
): Told {
  const { token, secret } = newSecret(entropy);
  const next = { ...secret, turn: turn + 1 };
  if (graceMs <= 0) return { token, secret: next };
  return { token, secret: { ...next, before: { hash: old, until: clock.now() + graceMs } } };
}

/** Which turn this token is of; takes as long whether it is any, or there is no secret at all. */
export function turnOf(token: string, secret: Secret | undefined, now: number): number | undefined {
  const given = tokenHash(token);
  const isCurrent = hashFits(given, secret?.hash);
  const isBefore = hashFits(given, secret?.before?.hash);
  if (secret === undefined) return undefined;
  if (isCurrent) return secret.turn;
  return isBefore && isGood(secret, secret.turn - 1, now) ? secret.turn - 1 : undefined;
}

/** Whether a connection that came with that turn's token may stay. */
export function isGood({ turn: current, before }: Secret, turn: number, now: number): boolean {
  if (turn === current) return true;
  return turn === current - 1 && before !== undefined && now < before.until;
}
