import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../src/kernel/json-object.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, "..", "shared", "fixtures", "wot-td");
const published = "https://raw.githubusercontent.com/eclipse-thingweb/playground/master";

/** Why tests of the Thing Description playground's examples are left out; undefined: they are here. */
export const examplesMissing = existsSync(folder)
  ? undefined
  : "the examples (../shared/fixtures/wot-td) are not here";

/** `[name, text]` of the JSON files below a folder of the examples. */
export function examplesIn(path: string): [string, string][] {
  if (examplesMissing !== undefined) return [];
  return readdirSync(join(folder, path), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.json(ld)?$/.test(name))
    .toSorted()
    .map((name) => [name, readFileSync(join(folder, path, name), "utf8")]);
}

/** The examples' models by the addresses under which they refer to each other. */
export function exampleModels(): Record<string, JsonObject> {
  const models = [
    ...examplesIn("core/tms/valid").map(([name, text]) => {
      return [`${published}/packages/core/examples/tms/valid/${name}`, text] as const;
    }),
    ...examplesIn("examples-tm").map(
      ([name, text]) => [`${published}/examples/tm/${name}`, text] as const,
    ),
  ];
  return Object.fromEntries(models.map(([href, text]) => [href, JSON.parse(text) as JsonObject]));
}
