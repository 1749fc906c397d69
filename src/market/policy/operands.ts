/**
 * The operands of a permission, a row each: how a term is written and how it is read. A term and
 * its row are the same thing said twice, so there is no third place that knows both.
 */
import { isoDuration, secondsOf, secondsOfIso, shortDuration } from "../../kernel/duration.ts";
import { isObject } from "../../kernel/json-object.ts";
import type { GeoPolygon } from "../../kernel/polygon.ts";
import {
  isRecipientClass,
  type RecipientClass,
  recipientClasses,
} from "../../kernel/recipient-class.ts";
import type { Rate } from "../grant.ts";
import type { Terms } from "../product.ts";
import type { Attestation } from "../attestation.ts";
import { type AtomicConstraint, refused, unenforceable } from "./rules.ts";

type Permitted = Omit<
  Required<Terms & Attestation>,
  "price" | "noResharing" | "deleteAfterSeconds" | "attribution" | "measures"
>;

interface Words<T> {
  readonly write: (value: T) => unknown;
  /** Undefined where it is written in another way; what it may be is checked elsewhere. */
  readonly read: (value: unknown) => T | undefined;
  /** What it should have been. */
  readonly form: string;
}

interface Row<T> extends Words<T> {
  readonly leftOperand: string;
  readonly operator: string;
}

/** A set, so that its order means nothing: written sorted. */
export const names: Words<readonly string[]> = {
  write: (value) => [...value].sort(),
  read: (value) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const isText = (one: unknown): one is string => typeof one === "string" && one !== "";
    return list.length > 0 && list.every(isText) ? list.toSorted() : undefined;
  },
  form: "a list of names",
};

const recipientClass: Words<RecipientClass> = {
  write: (value) => value,
  read: (value) => (isRecipientClass(value) ? value : undefined),
  form: `one of ${recipientClasses.join(", ")}`,
};

const time: Words<string> = {
  write: (value) => value,
  read: (value) => (typeof value === "string" ? value : undefined),
  form: "ISO 8601 in UTC",
};

const whole: Words<number> = {
  write: String,
  read: (value) => {
    const number = typeof value === "string" && /^[1-9]\d{0,15}$/.test(value) ? Number(value) : 0;
    return Number.isSafeInteger(number) && number > 0 ? number : undefined;
  },
  form: "a whole number ≥ 1, as text",
};

/** ODRL wants an xsd:duration (Vocabulary 2.2, elapsedTime); seconds are understood too. */
export const duration: Words<number> = {
  write: isoDuration,
  read: (value) =>
    typeof value === "string" ? (secondsOfIso(value) ?? whole.read(value)) : undefined,
  form: 'a duration such as "P30D"',
};

/** Text survives every connector; members of an object that JSON-LD does not know do not. */
function numbered(pair: RegExp, example: string): Words<Readonly<Record<string, number>>> {
  return {
    write: (value) =>
      Object.entries(value)
        .map(([name, number]) => `${name}=${decimal(number)}`)
        .sort(),
    read: (value) => {
      const list = names.read(value);
      const pairs = list?.map((text) => pair.exec(text));
      if (!pairs?.every((found) => found !== null)) return undefined;
      const read = Object.fromEntries(pairs.map(([, name = "", text]) => [name, Number(text)]));
      return Object.keys(read).length === pairs.length ? read : undefined;
    },
    form: `a list such as ["${example}"]`,
  };
}

const member: Words<string> = {
  write: (value) => value,
  read: (value) => (typeof value === "string" && value !== "" ? value : undefined),
  form: "a name",
};

const perTime: Words<Rate> = {
  write: ({ messages, seconds, per }) => `${messages}/${shortDuration(seconds)}/${per}`,
  read: rateFrom,
  form: 'messages, time and what they are counted by, such as "1/10s/topic"',
};

/** GeoSPARQL 1.1's geoJSONLiteral: the geometry as text. The object itself is understood too. */
export const polygon: Words<GeoPolygon> = {
  write: ({ coordinates }) => JSON.stringify({ type: "Polygon", coordinates }),
  read: (value) => {
    if (typeof value !== "string")
      return isObject(value) ? (value as unknown as GeoPolygon) : undefined;
    try {
      const read: unknown = JSON.parse(value);
      return isObject(read) ? (read as unknown as GeoPolygon) : undefined;
    } catch {
      return undefined;
    }
  },
  form: "a GeoJSON Polygon",
};

const rows: { readonly [K in keyof Permitted]: Row<Permitted[K]> } = {
  topics: { leftOperand: "comity:topic", operator: "isAnyOf", ...names },
  fields: { leftOperand: "comity:field", operator: "isAnyOf", ...names },
  drop: { leftOperand: "comity:field", operator: "isNoneOf", ...names },
  round: {
    leftOperand: "comity:round",
    operator: "isAllOf",
    ...numbered(/^(.+)=(\d{1,10}(?:\.\d{1,24})?)$/, "lat=0.01"),
  },
  pseudonymise: { leftOperand: "comity:pseudonym", operator: "isAllOf", ...names },
  shift: {
    leftOperand: "comity:dateShift",
    operator: "isAllOf",
    ...numbered(/^(.+)=([1-9]\d{0,4})$/, "effectiveDateTime=365"),
  },
  shiftBy: { leftOperand: "comity:dateShiftBy", operator: "eq", ...member },
  notBefore: { leftOperand: "dateTime", operator: "gteq", ...time },
  notAfter: { leftOperand: "dateTime", operator: "lteq", ...time },
  lifeSeconds: { leftOperand: "elapsedTime", operator: "lteq", ...duration },
  dataFrom: { leftOperand: "comity:dataTime", operator: "gteq", ...time },
  dataUntil: { leftOperand: "comity:dataTime", operator: "lt", ...time },
  messagesMax: { leftOperand: "count", operator: "lteq", ...whole },
  bytesMax: { leftOperand: "comity:volumeBytes", operator: "lteq", ...whole },
  rate: { leftOperand: "comity:rate", operator: "lteq", ...perTime },
  area: { leftOperand: "spatial", operator: "isPartOf", ...polygon },
  purposes: { leftOperand: "purpose", operator: "isAnyOf", ...names },
  recipients: { leftOperand: "recipient", operator: "isAnyOf", ...names },
  jurisdictions: { leftOperand: "comity:jurisdiction", operator: "isAnyOf", ...names },
  recipientClass: { leftOperand: "comity:recipientClass", operator: "eq", ...recipientClass },
};

const permitted = Object.keys(rows) as readonly (keyof Permitted)[];

/** In the order of the rows. */
export function constraintsOf(terms: Terms & Attestation): AtomicConstraint[] {
  return permitted.flatMap((name) => {
    const { leftOperand, operator, write } = rows[name] as Row<unknown>;
    const value = terms[name];
    return value === undefined ? [] : [{ leftOperand, operator, rightOperand: write(value) }];
  });
}

/** The terms that constraints set; each may be set once. */
export function termsFrom(constraints: readonly AtomicConstraint[]): Partial<Permitted> {
  const terms: Record<string, unknown> = {};
  for (const constraint of constraints) {
    const name = termOf(constraint);
    if (name in terms) throw refused(`the operand "${constraint.leftOperand}" stands twice`);
    terms[name] = readWith(rows[name] as Row<unknown>, constraint);
  }
  return terms;
}

/** The value of an operand, or POLICY_UNENFORCEABLE with what it should have been. */
export function readWith<T>({ read, form }: Words<T>, constraint: AtomicConstraint): T {
  const { leftOperand, rightOperand } = constraint;
  const value = read(rightOperand);
  if (value !== undefined) return value;
  throw refused(`${leftOperand} "${shown(rightOperand).slice(0, 100)}" is not ${form}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}

function termOf({ leftOperand, operator }: AtomicConstraint): keyof Permitted {
  const known = permitted.filter((name) => rows[name].leftOperand === leftOperand);
  if (known.length === 0) throw unenforceable("operand", leftOperand);
  const name = known.find((one) => rows[one].operator === operator);
  if (name === undefined) throw refused(`the operator "${operator}" of "${leftOperand}"`);
  return name;
}

/** `1/10s/topic`, in a policy and as `--rate` takes it. */
export function rateFrom(value: unknown): Rate | undefined {
  if (typeof value !== "string") return undefined;
  const [count = "", window = "", per = "", ...more] = value.split("/");
  const [messages, seconds] = [whole.read(count), secondsOf(window)];
  if (messages === undefined || seconds === undefined || more.length > 0) return undefined;
  return per === "topic" || per === "stream" ? { messages, seconds, per } : undefined;
}

/** Without an exponent, every digit that counts. */
export function decimal(value: number): string {
  return value.toLocaleString("en", {
    useGrouping: false,
    maximumSignificantDigits: 12,
    notation: "standard",
  });
}
