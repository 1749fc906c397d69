import { type Agreed, describePrice } from "./world.ts";
import { locale, many, say } from "./words.ts";

/** Numbers as people read them: each with its unit, none with false precision. Pure. */

export function count(value: number): string {
  return fixed(Number.isFinite(value) ? value : 0, 0);
}

/** `12.4 msg/s`; a slow stream is told per minute. */
export function rate(perSecond: number): string {
  if (!(perSecond > 0)) return say("rate.second", { n: fixed(0, 0) });
  if (perSecond < 0.1) return say("rate.minute", { n: fixed(perSecond * 60, 1) });
  return say("rate.second", { n: fixed(perSecond, perSecond < 100 ? 1 : 0) });
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

/** The same of whole micro-units, however many. */
export function micro(amountMicro: string, currency: string): string {
  return money(
    `${amountMicro.slice(0, -6) || "0"}.${amountMicro.slice(-6).padStart(6, "0")}`,
    currency,
  );
}

/** A price as it was agreed: no digit added, none taken. */
export function price(agreed: Agreed["terms"]["price"]): string {
  if (agreed.charges !== undefined) return describePrice(agreed);
  const { amount, currency, perMessages } = agreed;
  if (Number(amount) === 0) return say("price.free");
  const told = `${currency} ${amount}`;
  if (perMessages === 1) return say("price.message", { price: told });
  return say("price.messages", { price: told, n: count(perMessages) });
}

/** Price first, then whatever narrows the stream. */
export function terms({ terms: agreed, delivery }: Agreed): string[] {
  const parts = [price(agreed.price)];
  if (agreed.fields?.length) parts.push(say("terms.fields", { fields: agreed.fields.join(", ") }));
  if (agreed.messagesMax !== undefined) parts.push(numbered("terms.most", agreed.messagesMax));
  if (agreed.notAfter !== undefined) parts.push(say("terms.until", { day: day(agreed.notAfter) }));
  if (delivery === "logged") parts.push(say("terms.logged"));
  return parts;
}

/** `31 Dec 2026`, UTC. */
export function day(iso: string): string {
  return shown(iso, { day: "numeric", month: "short", year: "numeric" });
}

/** `31 Dec 2026, 14:05 UTC`. */
export function moment(iso: string): string {
  return shown(iso, { dateStyle: "medium", timeStyle: "short" }, " UTC");
}

/** What is no time is shown as it stands. */
function shown(iso: string, form: Intl.DateTimeFormatOptions, zone = ""): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  // English as most of the world writes its dates
  const language = locale() === "en" ? "en-GB" : locale();
  return new Intl.DateTimeFormat(language, { ...form, timeZone: "UTC" }).format(at) + zone;
}

export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return say("age.now");
  if (seconds < 60) return say("age.seconds", { n: count(seconds) });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return say("age.minutes", { n: count(minutes) });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return say("age.hours", { n: count(hours) });
  return say("age.days", { n: count(Math.floor(hours / 24)) });
}

/** `12.4 kWh`: about three significant digits, never an exponent. */
export function measure(value: number, unit: string): string {
  if (!Number.isFinite(value)) return `— ${unit}`;
  const size = Math.abs(value);
  return `${fixed(value, size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2)} ${unit}`;
}

/** The nation's name for a code; a name is passed through. */
export function nation(country: string): string {
  if (!/^[A-Z]{2}$/.test(country)) return country;
  return new Intl.DisplayNames(locale(), { type: "region" }).of(country) ?? country;
}

/** `1 agreement`, `7 agreements`. */
export function numbered(key: Parameters<typeof many>[0], n: number): string {
  return many(key, n, count(n));
}

function fixed(value: number, places: number): string {
  return value.toLocaleString(locale(), {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}
