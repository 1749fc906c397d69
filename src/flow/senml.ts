import type { Shape } from "../market/grant.ts";
import type { Member, ValueKind } from "../wire/payload-value.ts";
import type { PayloadForm, Written } from "./payload-form.ts";
import { roundingTo } from "./rounding.ts";

/** RFC 8428 §6, table 6: what a field's number says in CBOR. */
const labels: ReadonlyMap<string, string> = new Map([
  ...["bver", "bn", "bt", "bu", "bv", "bs"].map((name, i) => [`${-1 - i}`, name] as const),
  ...["n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"].map((name, i) => [`${i}`, name] as const),
]);

const baseFields: ReadonlySet<string> = new Set(["bver", "bn", "bt", "bu", "bv", "bs"]);

/** RFC 8428 §4: all that a record may have, and of which kind it is. */
const kinds: ReadonlyMap<string, ValueKind> = new Map([
  ...["bn", "bu", "n", "u", "vs", "vd"].map((name) => [name, "string"] as const),
  ...["bver", "bt", "bv", "bs", "v", "s", "t", "ut"].map((name) => [name, "number"] as const),
  ["vb", "boolean"] as const,
]);

/** What a record says of its value: of these only a number can be rounded. */
const valueFields: ReadonlySet<string> = new Set(["v", "vs", "vb", "vd", "s"]);

/** A record's field; it stands by its name as it is in JSON. */
interface Field<T> {
  readonly key: T;
  readonly value: T;
  readonly kind: ValueKind;
  /** Of a string or a number: its JSON text. */
  readonly text: string | undefined;
}

/** The pack (RFC 8428) as it may pass, in the form it has; undefined: it cannot be read so. */
export type PackShaper = <T extends string | Buffer>(written: Written<T>) => T | undefined;

/**
 * Compiles what a grant leaves of a SenML pack. A path of the grant names records, by their own
 * name (`n`) or by the whole of it (`bn` and `n`); what is no record of the pack has none of them.
 * Base fields of a record that is left out move to the next one that stays and has none of its own,
 * so that what stays means what it meant (§4.1). Rounding is of `v`; with a base value (`bv`) in
 * force, or where something else is to be changed, the pack cannot be made safe.
 */
export function compilePackShape(shape: Shape): PackShaper | undefined {
  if (shape.pseudonymise !== undefined || shape.shift !== undefined) return undefined;
  const allowed = shape.allow && new Set(shape.allow);
  const dropped = new Set(shape.drop);
  const steps = new Map(
    Object.entries(shape.round ?? {}).map(([name, step]) => [name, roundingTo(step)] as const),
  );
  return ({ message, form }) => {
    const base = new Map<string, string | undefined>();
    const moved = new Map<string, Field<typeof message>>();
    const kept: (typeof message)[] = [];
    let isReadable = true;
    form.walkElements(message, form.firstAt(message), (at) => {
      const fields = isReadable ? fieldsAt({ message, form }, at) : undefined;
      if (fields === undefined) {
        isReadable = false;
        return;
      }
      for (const [name, { text }] of fields) if (baseFields.has(name)) base.set(name, text);
      const own = stringOf(fields.get("n")?.text);
      const names = [own, `${stringOf(base.get("bn"))}${own}`];
      // Without a name it is no record (§4.5.1), but some other list of objects.
      if (names[1] === "") {
        isReadable = false;
        return;
      }
      const stays =
        (allowed === undefined || names.some((name) => allowed.has(name))) &&
        !names.some((name) => dropped.has(name));
      if (!stays) {
        for (const [name, field] of fields) if (baseFields.has(name)) moved.set(name, field);
        return;
      }
      const round = steps.get(names[0]!) ?? steps.get(names[1]!);
      const hasBase = base.has("bv") || base.has("bs");
      const made = recordOf(form, fields, moved, round, hasBase);
      moved.clear();
      if (made === undefined) isReadable = false;
      else kept.push(made);
    });
    return isReadable ? form.array(kept) : undefined;
  };
}

/** Undefined: it is no record, or has a field twice, of which readers take one or the other. */
function fieldsAt<T extends string | Buffer>(
  { message, form }: Written<T>,
  at: number,
): Map<string, Field<T>> | undefined {
  if (form.kindAt(message, at) !== "object") return undefined;
  const fields = new Map<string, Field<T>>();
  let isPlain = true;
  form.walkMembers(message, at, (member: Member) => {
    const { keyAt, keyEnd, valueAt, valueEnd } = member;
    const name = labels.get(member.name) ?? member.name;
    const kind = form.kindAt(message, valueAt);
    const hasText = kind === "string" || kind === "number";
    const expected = kinds.get(name);
    // A name that ends with _ must be understood (§4.4), and none is here.
    const isWrong = expected === undefined ? name.endsWith("_") : kind !== expected;
    if (isWrong || fields.has(name)) isPlain = false;
    // What the standard does not know could hold anything: it is left out.
    if (expected === undefined) return;
    fields.set(name, {
      kind,
      key: form.slice(message, keyAt, keyEnd),
      value: form.slice(message, valueAt, valueEnd),
      text: hasText ? form.textOf(message, valueAt, valueEnd) : undefined,
    });
  });
  return isPlain ? fields : undefined;
}

function recordOf<T extends string | Buffer>(
  form: PayloadForm<T>,
  fields: ReadonlyMap<string, Field<T>>,
  moved: ReadonlyMap<string, Field<T>>,
  round: ((text: string) => string | undefined) | undefined,
  hasBaseValue: boolean,
): T | undefined {
  const members: T[] = [];
  for (const [name, { key, value }] of moved) {
    if (!fields.has(name)) members.push(form.member(key, value));
  }
  for (const [name, { key, value, kind, text }] of fields) {
    if (round === undefined || !valueFields.has(name)) {
      members.push(form.member(key, value));
      continue;
    }
    // A sum or a base tells the value more exactly than it is sold.
    const isNumber = name === "v" && kind === "number" && !hasBaseValue;
    const rounded = isNumber && text !== undefined ? round(text) : undefined;
    if (rounded === undefined) return undefined;
    members.push(form.member(key, form.valueOf(rounded)));
  }
  return form.object(members);
}

function stringOf(text: string | undefined): string {
  return text === undefined ? "" : (JSON.parse(text) as string);
}
