import type { ComityHttp } from "../client/http.ts";

/**
 * What an indicator of a node tells now, in words: the highest of its figures. Empty where it can
 * say none yet.
 */
export async function indicatorWords(http: ComityHttp, id: string): Promise<string> {
  const indicator = (await http.indicators()).find((one) => one.id === id);
  const figures = (await http.figures(id)).flatMap(({ key, value, unit }) =>
    value === null ? [] : [{ key, value, unit: unit ?? indicator?.unit ?? "1" }],
  );
  const sorted = figures.toSorted((a, b) => b.value - a.value);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (indicator === undefined || first === undefined || last === undefined) return "";
  const unit = first.unit === "1" ? "" : ` ${first.unit}`;
  const value = `${Number(first.value.toFixed(2))}${unit}`;
  const differ = first.value > last.value;
  return `${indicator.title}: ${differ ? `at most ${value} (${first.key})` : value}.`;
}
