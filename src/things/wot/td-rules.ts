import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import type { TdProblem } from "./problem.ts";

export const affordanceKinds = ["properties", "actions", "events"] as const;

/** What the Recommendation asks of a Thing Description beyond what its schema can say. */
export function ruleProblems(td: JsonObject): TdProblem[] {
  return [...securityProblems(td), ...linkProblems(td)];
}

/** Every name of a security scheme is defined in the same TD (TD 1.1 §5.3.1.1, `security`). */
function securityProblems(td: JsonObject): TdProblem[] {
  const schemes = objectAt(td["securityDefinitions"]);
  const problems: TdProblem[] = [];
  const need = (field: string, names: unknown): void => {
    for (const name of listOf(names)) {
      if (typeof name !== "string" || Object.hasOwn(schemes, name)) continue;
      problems.push({ field, description: `names "${name}", which securityDefinitions lacks` });
    }
  };
  need("security", td["security"]);
  for (const [name, scheme] of Object.entries(schemes)) {
    // combo schemes (TD 1.1 §5.3.3.4) refer to others of the same TD
    for (const kind of ["oneOf", "allOf"]) {
      need(`securityDefinitions.${name}.${kind}`, objectAt(scheme)[kind]);
    }
  }
  for (const { field, form } of formsOf(td)) need(`${field}.security`, form["security"]);
  return problems;
}

/** A Thing is an instance of one model at most (TD 1.1 §5.3.4.1, link relation `type`). */
function linkProblems(td: JsonObject): TdProblem[] {
  const models = listOf(td["links"]).filter((link) => objectAt(link)["rel"] === "type");
  if (models.length < 2) return [];
  return [{ field: "links", description: "has more than one link of the relation type" }];
}

interface PlacedForm {
  readonly field: string;
  readonly form: JsonObject;
}

/** Of the Description itself and of all its affordances. */
export function formsOf(td: JsonObject): PlacedForm[] {
  const found: PlacedForm[] = [];
  const take = (field: string, forms: unknown): void => {
    for (const [index, form] of listOf(forms).entries()) {
      if (isObject(form)) found.push({ field: `${field}.forms.${index}`, form });
    }
  };
  for (const [index, form] of listOf(td["forms"]).entries()) {
    if (isObject(form)) found.push({ field: `forms.${index}`, form });
  }
  for (const kind of affordanceKinds) {
    for (const [name, affordance] of Object.entries(objectAt(td[kind]))) {
      take(`${kind}.${name}`, objectAt(affordance)["forms"]);
    }
  }
  return found;
}

/** Many members may be one value or a list of them. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly unknown[]) : [value];
}
