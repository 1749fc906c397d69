import { writeFileSync } from "node:fs";
import { problemOf } from "../kernel/errors.ts";
import { invalid } from "./flags.ts";

/** Throws CONFIG_INVALID where the file cannot be written. */
export function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw invalid(`${path} cannot be written: ${problemOf(error)}`);
  }
}
