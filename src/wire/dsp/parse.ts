import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { ComityError } from "../../kernel/errors.ts";

const compiled = new WeakMap<TSchema, Validator>();

/** The value as the schema's type, keys it does not name kept; BODY_INVALID says where it fails. */
export function parseMessage<S extends TSchema>(schema: S, value: unknown): Static<S> {
  if (matchesMessage(schema, value)) return value;
  const [first] = validatorOf(schema).Errors(value);
  const where = first?.instancePath ? first.instancePath : "the message";
  throw new ComityError("BODY_INVALID", { problem: `${where} ${first?.message ?? "is wrong"}` });
}

export function matchesMessage<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return validatorOf(schema).Check(value);
}

function validatorOf(schema: TSchema): Validator {
  let validator = compiled.get(schema);
  if (!validator) {
    validator = Compile(schema);
    compiled.set(schema, validator);
  }
  return validator;
}
