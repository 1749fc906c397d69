/** OpenMetrics 1.0 text, as Prometheus and its kin read it. */
export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export type Labels = Readonly<Record<string, string>>;

export interface MetricFamily {
  /** Without `_total`; ends with its unit where it has one (§ Unit). */
  readonly name: string;
  readonly type: "counter" | "gauge" | "info";
  readonly unit?: "bytes" | "seconds";
  readonly help: string;
  readonly samples: readonly (readonly [labels: Labels, value: number])[];
}

/** What is said of a family stands before its samples, and `# EOF` at the end (§ ABNF). */
export function openMetrics(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const { name, type, unit, help, samples } of families) {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${escaped(help)}`);
    for (const [labels, value] of samples) {
      lines.push(`${name}${suffixes[type]}${labelsText(labels)} ${value}`);
    }
  }
  return `${lines.join("\n")}\n# EOF\n`;
}

const suffixes = { counter: "_total", gauge: "", info: "_info" } as const;

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** § escaped-string: line feed, quote and backslash. */
function escaped(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
