/** Conditions as phrases that follow "messages": `that were recorded before 1 May 2026`. */
import type { GeoPolygon } from "../../kernel/polygon.ts";
import { describeTime } from "../../kernel/time.ts";
import type { Condition } from "../grant.ts";

export function describeCondition(condition: Condition): string {
  if ("all" in condition) return group(condition.all, " and ");
  if ("any" in condition) return group(condition.any, " or ");
  if ("one" in condition) {
    const parts = condition.one.map(describeCondition);
    return parts.length === 1
      ? (parts[0] ?? "")
      : `to which exactly one of these applies: ${parts.join("; ")}`;
  }
  if ("topic" in condition) return `whose topic ${topicPhrase(condition.topic)}`;
  if ("within" in condition) return `that were sent from ${describeArea(condition.within)}`;
  const { from, until } = condition;
  const times = [
    ...(from === undefined ? [] : [`from ${timeOf(from)} on`]),
    ...(until === undefined ? [] : [`before ${timeOf(until)}`]),
  ];
  return `that were recorded ${times.length === 0 ? "at any time" : times.join(" and ")}`;
}

/** Parentheses keep a group inside another one together. */
function group(parts: readonly Condition[], word: string): string {
  const texts = parts.map((part) => {
    const text = describeCondition(part);
    return parts.length > 1 && isGroup(part) ? `(${text})` : text;
  });
  return texts.join(word);
}

function isGroup(condition: Condition): boolean {
  if ("all" in condition) return condition.all.length > 1;
  if ("any" in condition) return condition.any.length > 1;
  if ("one" in condition) return condition.one.length > 1;
  return "from" in condition && "until" in condition;
}

/** `is bus/7`, `is one of bus/7, bus/8`, `fits bus/+/position`. */
export function topicPhrase(topics: readonly string[]): string {
  const verb = topics.some((topic) => /[+#]/.test(topic)) ? "fits" : "is";
  return topics.length === 1 ? `${verb} ${topics[0]}` : `${verb} one of ${topics.join(", ")}`;
}

/** A list in words: `a, b or c`. */
export function listOf(names: readonly string[], word: "and" | "or"): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} ${word} ${last}`;
}

/** Where it lies: the outermost latitudes and longitudes, and how many corners it has. */
function describeArea({ coordinates: [border = [], ...holes] }: GeoPolygon): string {
  const ends = (values: readonly number[]): [number, number] => [
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
  ];
  const [west, east] = ends(border.map(([lon = 0]) => lon));
  const [south, north] = ends(border.map(([, lat = 0]) => lat));
  const box = `${degrees(south, "N", "S")} and ${degrees(north, "N", "S")}`;
  const side = `${degrees(west, "E", "W")} and ${degrees(east, "E", "W")}`;
  const left = holes.length === 0 ? "" : `, with ${holes.length} left out inside it`;
  return `inside an area of ${border.length - 1} corners between ${box} and between ${side}${left}`;
}

function degrees(value: number, positive: string, negative: string): string {
  const size = Math.abs(value).toLocaleString("en", { maximumFractionDigits: 5 });
  return `${size}° ${value < 0 ? negative : positive}`;
}

function timeOf(ms: number): string {
  return describeTime(new Date(ms).toISOString());
}
