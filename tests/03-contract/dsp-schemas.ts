import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";

/** The protocol's own schemas and examples, beside the repository where somebody put them. */
const folder = join(import.meta.dirname, "../../../shared/dsp");

/** Why nothing can be held against the schemas, or false. */
export const schemasMissing = existsSync(folder)
  ? false
  : "the protocol's schemas are not at ../shared/dsp";

const schemas = new Ajv2019({ strict: false });
if (!schemasMissing) {
  for (const part of ["catalog", "common", "negotiation", "transfer"]) {
    for (const file of readdirSync(join(folder, part))) {
      if (file.endsWith("-schema.json")) schemas.addSchema(readSchemaFile(part, file) as object);
    }
  }
}

export function readSchemaFile(...path: string[]): unknown {
  // some published schemas spell a JSON pointer without its slash (RFC 6901 §3)
  const text = readFileSync(join(folder, ...path), "utf8").replaceAll(
    "#definitions",
    "#/definitions",
  );
  return JSON.parse(text);
}

export function assertFits(schema: string, value: unknown): void {
  const validate = schemas.getSchema(`https://w3id.org/dspace/2025/1/${schema}-schema.json`);
  assert.ok(validate, `there is no schema ${schema}`);
  assert.ok(validate(value), `${schema}: ${JSON.stringify(validate.errors)}`);
}

/** The schema of a message by its `@type`: `negotiation/contract-request-message`. */
export function assertFitsItsType(value: unknown): void {
  const type = String((value as Record<string, unknown>)["@type"]);
  const name = type.replaceAll(/(?<!^)([A-Z])/g, "-$1").toLowerCase();
  const part = /^(contract|transfer)/.exec(name)?.[0] ?? "catalog";
  assertFits(`${part === "contract" ? "negotiation" : part}/${name}`, value);
}
