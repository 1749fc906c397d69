import { existsSync, readFileSync } from "node:fs";

/** The package's version; its package.json stands two folders up in the sources, three in dist. */
export function packageVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    const url = new URL(up, import.meta.url);
    if (!existsSync(url)) continue;
    const { name, version } = JSON.parse(readFileSync(url, "utf8")) as Record<string, unknown>;
    if (name === "comity" && typeof version === "string") return version;
  }
  return "unknown";
}
