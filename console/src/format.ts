import { type Agreed, describePrice } from "./world.ts";

/** Numbers as people read them: each with its unit, none with false precision. Pure. */
const nations = new Intl.DisplayNames("en", { type: "region" });
const dates = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return whole.format(Number.isFinite(value) ? value : 0);
}

/** `12.4 msg/s`; a slow stream is told per minute. */
export function rate(perSecond: number): string {
  if (!(perSecond > 0)) return "0 msg/s";
  if (perSecond < 0.1) return `${fixed(perSecond * 60, 1)} msg/min`;
  return `${fixed(perSecond, perSecond < 100 ? 1 : 0)} msg/s`;
}

export function latency(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return "—";
  if (ms >= 1000) return `${fixed(ms / 1000, 1)} s`;
  return `${fixed(ms, ms < 10 ? 1 : 0)} ms`;
}

/** `EUR 0.0124`: four places while an amount is small, the currency's usual two once it is not. */
export function money(amount: string, currency: string): string {
  const value = Number(amount);
  if (!Number.isFinite(value)) return `${currency} —`;
  return `${currency} ${fixed(value, Math.abs(value) < 1000 ? 4 : 2)}`;
}

/** A price as it was agreed: no digit added, none taken. */
export function price(agreed: Agreed["terms"]["price"]): string {
  if (agreed.charges !== undefined) return describePrice(agreed);
  const { amount, currency, perMessages } = agreed;
  if (Number(amount) === 0) return "free";
  const per = perMessages === 1 ? "message" : `${count(perMessages)} messages`;
  return `${currency} ${amount} per ${per}`;
}

/** Price first, then whatever narrows the stream. */
export function terms({ terms: agreed, delivery }: Agreed): string[] {
  const parts = [price(agreed.price)];
  if (agreed.fields?.length) parts.push(`only ${agreed.fields.join(", ")}`);
  if (agreed.messagesMax !== undefined) parts.push(`at most ${count(agreed.messagesMax)} messages`);
  if (agreed.notAfter !== undefined) parts.push(`until ${day(agreed.notAfter)}`);
  if (delivery === "logged") parts.push("nothing lost, nothing twice");
  return parts;
}

/** `31 Dec 2026`, UTC. */
function day(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : dates.format(at);
}

export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** `12.4 kWh`: about three significant digits, never an exponent. */
export function measure(value: number, unit: string): string {
  if (!Number.isFinite(value)) return `— ${unit}`;
  const size = Math.abs(value);
  return `${fixed(value, size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2)} ${unit}`;
}

/** The nation's English name for a code; a name is passed through. */
export function nation(country: string): string {
  if (!/^[A-Z]{2}$/.test(country)) return country;
  return nations.of(country) ?? country;
}

/** `1 agreement`, `7 agreements`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

function fixed(value: number, places: number): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}
