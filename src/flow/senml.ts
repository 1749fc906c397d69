import type { Shape } from "../market/grant.ts";
import type { Member, ValueKind } from "../wire/payload-value.ts";
import { decimalOf, decimalText, sumOf } from "./decimal.ts";
import type { PayloadForm, Written } from "./payload-form.ts";
import { roundingTo } from "./rounding.ts";

/** RFC 8428 §6, table 6: what a field's number says in CBOR. */
const labels: ReadonlyMap<string, string> = new Map([
  ...["bver", "bn", "bt", "bu", "bv", "bs"].map((name, i) => [`${-1 - i}`, name] as const),
  ...["n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"].map((name, i) => [`${i}`, name] as const),
]);

/** Base fields that say the same in whichever record they stand, until the next one of theirs. */
const movable: ReadonlySet<string> = new Set(["bver", "bn", "bt", "bu"]);

/** §4.1: a base that is added to a record's own number. */
const addends = [
  { base: "bv", own: "v" },
  { base: "bs", own: "s" },
] as const;

/** §4.4: a reader of this version reads no later ones. */
const versionMax = 10;

/** RFC 8428 §4: all that a record may have, and of which kind it is. */
const kinds: ReadonlyMap<string, ValueKind> = new Map([
  ...["bn", "bu", "n", "u", "vs", "vd"].map((name) => [name, "string"] as const),
  ...["bver", "bt", "bv", "bs", "v", "s", "t", "ut"].map((name) => [name, "number"] as const),
  ["vb", "boolean"] as const,
]);

/** What a record says of its value: of these only a number can be rounded. */
const valueFields = ["v", "vs", "vb", "vd", "s"] as const;

/** A record's field; it stands by its name as it is in JSON. */
interface Field<T> {
  readonly key: T;
  readonly value: T;
  readonly kind: ValueKind;
  /** Of a string or a number: its JSON text. */
  readonly text: string | undefined;
}

type Fields<T> = Map<string, Field<T>>;

type Round = (text: string) => string | undefined;

/** The pack (RFC 8428) as it may pass, in the form it has; undefined: it cannot be read so. */
export type PackShaper = <T extends string | Buffer>(written: Written<T>) => T | undefined;

/**
 * Compiles what a grant leaves of a SenML pack. A path of the grant names records, by their own
 * name (`n`) or by the whole of it (`bn` and `n`); what is no record of the pack has none of them.
 * What stays means what it meant (§4.1): base fields of a record that is left out move to the next
 * one that stays and has none of its own. Not so a base value or sum, which may be all that the
 * record left out had to say: what stays has it added to its own number. Rounding is of `v`; with a
 * base value in force, or where something else is to be changed, the pack cannot be made safe.
 */
export function compilePackShape(shape: Shape): PackShaper | undefined {
  if (shape.pseudonymise !== undefined || shape.shift !== undefined) return undefined;
  const allowed = shape.allow && new Set(shape.allow);
  const dropped = new Set(shape.drop);
  const steps = new Map(
    Object.entries(shape.round ?? {}).map(([name, step]) => [name, roundingTo(step)] as const),
  );
  return ({ message, form }) => {
    const base: Fields<typeof message> = new Map();
    const moved: Fields<typeof message> = new Map();
    const told = new Map<string, string | undefined>();
    const kept: (typeof message)[] = [];
    let isReadable = true;
    form.walkElements(message, form.firstAt(message), (at) => {
      const fields = isReadable ? fieldsAt({ message, form }, at) : undefined;
      if (fields === undefined) {
        isReadable = false;
        return;
      }
      for (const [name, field] of fields) {
        if (movable.has(name) || addends.some((one) => one.base === name)) base.set(name, field);
      }
      const own = stringOf(fields.get("n")?.text);
      const names = [own, `${stringOf(base.get("bn")?.text)}${own}`];
      // Without a name it is no record (§4.5.1), but some other list of objects.
      if (names[1] === "") {
        isReadable = false;
        return;
      }
      const stays =
        (allowed === undefined || names.some((name) => allowed.has(name))) &&
        !names.some((name) => dropped.has(name));
      if (!stays) {
        for (const [name, field] of fields) if (movable.has(name)) moved.set(name, field);
        return;
      }
      for (const [name, field] of moved) if (!fields.has(name)) fields.set(name, field);
      moved.clear();
      const round = steps.get(names[0]!) ?? steps.get(names[1]!);
      const made =
        withAddends(fields, base, told, form) &&
        (round === undefined || (!hasAddend(base) && withRounded(fields, round, form)))
          ? form.object([...fields.values()].map(({ key, value }) => form.member(key, value)))
          : undefined;
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
): Fields<T> | undefined {
  if (form.kindAt(message, at) !== "object") return undefined;
  const fields: Fields<T> = new Map();
  let isPlain = true;
  form.walkMembers(message, at, (member: Member) => {
    const { keyAt, keyEnd, valueAt, valueEnd } = member;
    const name = labels.get(member.name) ?? member.name;
    const kind = form.kindAt(message, valueAt);
    const hasText = kind === "string" || kind === "number";
    const expected = kinds.get(name);
    // A name that ends with _ must be understood (§4.4), and none is here.
    const isWrong = expected === undefined ? name.endsWith("_") : !isOf(kind, expected, name);
    const text = hasText ? form.textOf(message, valueAt, valueEnd) : undefined;
    if (isWrong || fields.has(name)) isPlain = false;
    if (name === "bver" && Number(text) > versionMax) isPlain = false;
    // What the standard does not know could hold anything: it is left out.
    if (expected === undefined) return;
    fields.set(name, {
      kind,
      key: form.slice(message, keyAt, keyEnd),
      value: form.slice(message, valueAt, valueEnd),
      text,
    });
  });
  return isPlain ? fields : undefined;
}

/**
 * Makes a record's numbers what they meant, from the bases that the pack as it goes out has `told`.
 * False: a number is too long to be added to.
 */
function withAddends<T extends string | Buffer>(
  fields: Fields<T>,
  base: ReadonlyMap<string, Field<T>>,
  told: Map<string, string | undefined>,
  form: PayloadForm<T>,
): boolean {
  for (const { base: name, own } of addends) {
    const meant = base.get(name);
    // Without a value of any kind the base is the record's own (§4.2), and may be told.
    const isOwn = name === "bv" && !valueFields.some((value) => fields.has(value));
    if (meant !== undefined && isOwn && meant.text !== told.get(name)) fields.set(name, meant);
    if (fields.has(name)) told.set(name, meant?.text);
    const field = fields.get(own);
    if (field === undefined || meant?.text === told.get(name)) continue;
    const sum = sumText(field.text, meant?.text, negative(told.get(name)));
    if (sum === undefined) return false;
    fields.set(own, { ...field, text: sum, value: form.valueOf(sum) });
  }
  return true;
}

function sumText(...texts: readonly (string | undefined)[]): string | undefined {
  const numbers = texts.map((text) => decimalOf(text ?? "0"));
  let sum = decimalOf("0");
  for (const number of numbers) sum = sum && number && sumOf(sum, number);
  return sum && decimalText(sum);
}

function negative(number: string | undefined): string | undefined {
  return number?.startsWith("-") === true ? number.slice(1) : number && `-${number}`;
}

/** A base or a sum tells the value more exactly than it is sold. */
function hasAddend(base: ReadonlyMap<string, unknown>): boolean {
  return addends.some((one) => base.has(one.base));
}

/** False: the record's value is no number, or more is told of it. */
function withRounded<T extends string | Buffer>(
  fields: Fields<T>,
  round: Round,
  form: PayloadForm<T>,
): boolean {
  for (const name of valueFields) {
    const field = fields.get(name);
    if (field === undefined) continue;
    const rounded = name === "v" && field.text !== undefined ? round(field.text) : undefined;
    if (rounded === undefined) return false;
    fields.set(name, { ...field, value: form.valueOf(rounded) });
  }
  return true;
}

/** §6: in CBOR data (`vd`) is a string of octets. */
function isOf(kind: ValueKind, expected: ValueKind, name: string): boolean {
  return kind === expected || (kind === "bytes" && name === "vd");
}

function stringOf(text: string | undefined): string {
  return text === undefined ? "" : (JSON.parse(text) as string);
}
