/** The result file as a picture: CPU a message, each peer's bar beside Comity's, logarithmic. */
import { writeFileSync } from "node:fs";
import { type Figure, isOurs, type Results, short } from "./figures.ts";

const width = 760;
const labelWidth = 210;
const valueWidth = 70;
const rowHeight = 18;
const groupGap = 14;
const headHeight = 44;

/** Claims whose figures are CPU time a message, which bars can stand for side by side. */
const drawn: ReadonlySet<string> = new Set(["mqtt", "fleet"]);

export function drawChart(results: Results): void {
  const file = new URL("../docs/reference/benchmarks.svg", import.meta.url);
  writeFileSync(file, svgOf(results));
}

function svgOf({ date, machine, figures }: Results): string {
  const groups = figures.filter(({ claim, unit }) => drawn.has(claim) && unit.startsWith("µs CPU"));
  const values = groups.flatMap(({ comity, peers }) => [
    comity,
    ...peers.map(({ value }) => value),
  ]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const barMax = width - labelWidth - valueWidth;
  // A bar of nothing would be no bar: the scale begins at a third of the least.
  const barOf = (value: number): number =>
    (Math.log(value / (least / 3)) / Math.log(most / (least / 3))) * barMax;
  const parts: string[] = [];
  let y = headHeight;
  for (const group of groups) {
    parts.push(text(0, y + 13, `${group.what}, ${group.delivery}`, "group"));
    y += rowHeight + 2;
    for (const [name, value, kind] of barsOf(group)) {
      const bar = barOf(value);
      parts.push(
        text(labelWidth - 8, y + 13, name, "name"),
        rect(kind, { y: y + 2, width: bar }),
        text(labelWidth + bar + 6, y + 13, short(value), "value"),
      );
      y += rowHeight;
    }
    y += groupGap;
  }
  const title = "CPU time a message, microseconds: less is better (logarithmic)";
  const facts = `${date}, ${machine.cores} × ${machine.cpu}, Node.js ${machine.node.slice(1)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" role="img"
  aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2933 }
.title, .group { font-weight: 600 } .name { text-anchor: end }
.facts { fill: #5f6b76; font-size: 11px }
.comity { fill: #0f7b6c } .own { fill: #7cc4b8 } .peer { fill: #b8c0c8 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9ee } .facts { fill: #9aa6b1 }
.comity { fill: #2fb5a2 } .own { fill: #1f6f65 } .peer { fill: #56616b }
}
</style>
${text(0, 14, title, "title")}
${text(0, 32, facts, "facts")}
${parts.join("\n")}
</svg>
`;
}

function barsOf({ comity, peers }: Figure): (readonly [string, number, string])[] {
  return [
    ["Comity", comity, "comity"] as const,
    ...peers.map(({ name, value }) => {
      const kind = isOurs(name) ? "own" : "peer";
      return [name, value, kind] as const;
    }),
  ];
}

function rect(kind: string, bar: { readonly y: number; readonly width: number }): string {
  const size = `width="${bar.width.toFixed(1)}" height="${rowHeight - 4}" rx="2"`;
  return `<rect class="${kind}" x="${labelWidth}" y="${bar.y}" ${size}/>`;
}

function text(x: number, y: number, content: string, kind: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${escaped}</text>`;
}
