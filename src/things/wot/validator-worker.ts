import { parentPort } from "node:worker_threads";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { isObject } from "../../kernel/json-object.ts";
import { duplicateMembers } from "./duplicate-members.ts";
import type { TdProblem } from "./problem.ts";
import { ruleProblems } from "./td-rules.ts";

export interface ValidationRequest {
  readonly number: number;
  readonly kind: "td" | "model";
  /** JSON, as it came. */
  readonly text: string;
}

export interface ValidationReply {
  readonly number: number;
  readonly problems: readonly TdProblem[];
}

const problemsMax = 20;
const json = { with: { type: "json" } } as const;
const td = await import("wot-thing-description-types/schema/td-json-schema-validation.json", json);
const tm = await import("wot-thing-model-types/schema/tm-json-schema-validation.json", json);
const schemas = { td: td.default, model: tm.default };
const compiled = new Map<ValidationRequest["kind"], ValidateFunction>();

function validatorOf(kind: ValidationRequest["kind"]): ValidateFunction {
  const known = compiled.get(kind);
  if (known !== undefined) return known;
  // the schemas' own keywords, such as `description` lists, are no business of ours
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(schemas[kind]);
  compiled.set(kind, validate);
  return validate;
}

function problemsOf({ kind, text }: ValidationRequest): TdProblem[] {
  const doc: unknown = JSON.parse(text);
  const twice = duplicateMembers(text).map((field) => ({ field, description: "is said twice" }));
  const validate = validatorOf(kind);
  const fits = validate(doc);
  const schema = fits ? [] : (validate.errors ?? []).map(problemOfSchema);
  const rules = fits && kind === "td" && isObject(doc) ? ruleProblems(doc) : [];
  return [...twice, ...schema, ...rules].slice(0, problemsMax);
}

function problemOfSchema({ instancePath, message, params }: ErrorObject): TdProblem {
  const path = instancePath.slice(1).replaceAll("/", ".");
  const field = path.replaceAll("~1", "/").replaceAll("~0", "~");
  const allowed = "allowedValues" in params ? `: ${JSON.stringify(params["allowedValues"])}` : "";
  return { field: field === "" ? "(root)" : field, description: `${message ?? ""}${allowed}` };
}

if (parentPort !== null) {
  const port = parentPort;
  port.on("message", (request: ValidationRequest) => {
    const { number } = request;
    port.postMessage({ number, problems: problemsOf(request) } satisfies ValidationReply);
  });
}
