import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** A text of YAML or JSON. The reader is loaded for the first: most nodes are never given one. */
export function parseYaml(text: string): unknown {
  return (require("yaml") as typeof import("yaml")).parse(text);
}
