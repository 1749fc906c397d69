/** Milliseconds since the Unix epoch; undefined where the text is no full ISO 8601 UTC time. */
export function isoTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

const months =
  "January February March April May June July August September October November December";

/** `1 January 2027`, or `1 January 2027, 06:30 UTC` where it is not the day's beginning. */
export function describeTime(text: string): string {
  const at = new Date(text);
  const month = months.split(" ")[at.getUTCMonth()] ?? "";
  const day = `${at.getUTCDate()} ${month} ${at.getUTCFullYear()}`;
  const clock = at.toISOString().slice(11);
  if (clock === "00:00:00.000Z") return day;
  const shown = clock.endsWith(":00.000Z") ? clock.slice(0, 5) : clock.slice(0, -1);
  return `${day}, ${shown.replace(/\.000$/, "")} UTC`;
}
