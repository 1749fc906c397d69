import { ComityError, problemOf } from "../../kernel/errors.ts";

/** What a file says that what was signed does not. */
export function broken(problem: string, cause?: unknown): ComityError {
  const error = new ComityError("EVIDENCE_BROKEN", { problem });
  if (cause !== undefined) error.cause = new Error(problemOf(cause), { cause });
  return error;
}

/** The same fault, with where in a larger file it stands. */
export function brokenIn(where: string, thrown: unknown): unknown {
  if (!(thrown instanceof ComityError) || thrown.code !== "EVIDENCE_BROKEN") return thrown;
  return broken(`${where}: ${thrown.details["problem"]}`, thrown);
}
