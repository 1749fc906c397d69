import { ComityError } from "../../kernel/errors.ts";

/** One thing that is wrong, as WoT Discovery §7.2.2.1.6 (validationErrors) has it. */
export interface TdProblem {
  /** Where, such as `properties.status.forms.0.href`; `(root)` for the whole. */
  readonly field: string;
  readonly description: string;
}

/** TD_INVALID with all that is wrong; the message names the first. */
export class TdInvalid extends ComityError {
  readonly problems: readonly TdProblem[];

  constructor(problems: readonly TdProblem[]) {
    const [first = { field: "(root)", description: "is wrong" }] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    super("TD_INVALID", { problem: `${first.field} ${first.description}${more}` });
    this.problems = problems;
  }
}
