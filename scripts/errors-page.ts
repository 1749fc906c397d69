/**
 * Writes docs/reference/errors.md from the catalogue in src/kernel/errors.ts:
 * `npm run errors-page`. The tidy test compares the two.
 */
import { writeFileSync } from "node:fs";
import { catalogue } from "../src/kernel/errors.ts";

const introduction = `# Errors

Every error a person or a program can meet has a code that never changes, a message that says
what failed, and a remedy that says what to do. Over HTTP it is the body
\`{ "error": { "code", "message", "remedy" } }\` with the status named here; the command line
prints message and remedy and exits with 1. Words in braces are filled in.

This page is written from \`src/kernel/errors.ts\` by \`npm run errors-page\`.
`;

/** The page's text for the catalogue as it stands. */
export function errorsPage(): string {
  const sections = Object.entries(catalogue).map(
    ([code, { status, message, remedy }]) =>
      `## ${code}\n\nHTTP ${status}. ${message}\n\n*Remedy:* ${remedy}\n`,
  );
  return [introduction, ...sections].join("\n");
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/reference/errors.md", import.meta.url), errorsPage());
}
