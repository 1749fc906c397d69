/**
 * FHIR Observations, R4 (4.0.1) and R5 (5.0.0), which agree in all that is read here. An
 * Observation is kept whole, and made such that every member named in `checkedMembers` is of a
 * closed form: a code with its check digit, a unit, a time, a number. Whoever lets only those
 * through lets no free text through. What is no such code is no less kept: it stands in an
 * extension, where free text is expected.
 */
import { absentSystem, comparators, isCode, isUnit, statuses, ucumSystem } from "./codes.ts";

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly [member: string]: unknown;
}

export interface CodeableConcept {
  readonly coding: readonly Coding[];
  readonly [member: string]: unknown;
}

export interface Quantity {
  readonly value?: number;
  readonly comparator?: (typeof comparators)[number];
  /** UCUM's, together with `code`. */
  readonly system?: typeof ucumSystem;
  readonly code?: string;
  readonly [member: string]: unknown;
}

/** What an Observation and each of its components measured. */
export interface Measured {
  readonly code: CodeableConcept;
  readonly valueQuantity?: Quantity;
  readonly valueCodeableConcept?: CodeableConcept;
  readonly valueInteger?: number;
  readonly valueBoolean?: boolean;
  readonly dataAbsentReason?: CodeableConcept;
  readonly [member: string]: unknown;
}

export interface Observation extends Measured {
  readonly resourceType: "Observation";
  readonly status: (typeof statuses)[number];
  readonly subject?: { readonly reference?: string; readonly [member: string]: unknown };
  readonly effectiveDateTime?: string;
  readonly effectiveInstant?: string;
  readonly effectivePeriod?: { readonly start?: string; readonly end?: string };
  readonly component?: readonly Measured[];
}

/** Something that was set aside: `code`, `unit`, `value` or `form`. */
export interface Remark {
  readonly code: "code" | "unit" | "value" | "form";
  readonly text: string;
}

export interface ReadObservation {
  readonly observation: Observation;
  readonly remarks: readonly Remark[];
}

const measuredMembers = [
  "code.coding.system",
  "code.coding.code",
  "valueQuantity.value",
  "valueQuantity.comparator",
  "valueQuantity.system",
  "valueQuantity.code",
  "valueCodeableConcept.coding.system",
  "valueCodeableConcept.coding.code",
  "valueInteger",
  "valueBoolean",
  "dataAbsentReason.coding.system",
  "dataAbsentReason.coding.code",
] as const;

/** Paths at which a read Observation holds nothing but closed forms. */
export const checkedMembers: readonly string[] = [
  "resourceType",
  "status",
  "effectiveDateTime",
  "effectiveInstant",
  "effectivePeriod.start",
  "effectivePeriod.end",
  ...measuredMembers,
  ...measuredMembers.map((path) => `component.${path}`),
];

const componentsMax = 100;
const codingsMax = 20;
const depthMax = 24;
/** FHIR R5 §dateTime. */
const dateTime = /^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?)?)?$/;
/** Where a coding stands that is none of a system known here. */
const unknownCoding = "urn:comity:fhir:unknown-coding";

type Members = Readonly<Record<string, unknown>>;

/** The Observation, or in words why it is none. */
export function readObservation(value: unknown): ReadObservation | string {
  if (!isMembers(value)) return "no JSON object";
  if (value["resourceType"] !== "Observation") return "no Observation";
  if (isDeeper(value, depthMax)) return `nested deeper than ${depthMax} levels`;
  const status = statuses.find((one) => one === value["status"]);
  if (status === undefined) return "without a status of FHIR's";
  if (!isMembers(value["code"])) return "without a code";
  const remarks: Remark[] = [];
  const { subject, component, ...rest } = plain(value, remarks);
  const components = Array.isArray(component) ? component.slice(0, componentsMax) : [];
  const parts = components.filter((one) => isMembers(one) && isMembers(one["code"])) as Members[];
  if (component !== undefined && (!Array.isArray(component) || parts.length < component.length)) {
    remarks.push({ code: "form", text: "components without a code, or too many, are left out" });
  }
  const observation: Members = {
    ...timed(rest, remarks),
    ...measured(rest, remarks),
    ...(isMembers(subject) && { subject: referenced(subject, remarks) }),
    ...(parts.length > 0 && {
      component: parts.map((part) =>
        withoutUndefined({ ...plain(part, remarks), ...measured(part, remarks) }),
      ),
    }),
    resourceType: "Observation",
    status,
  };
  return { observation: withoutUndefined(observation) as unknown as Observation, remarks };
}

/** When it was observed, milliseconds since the Unix epoch; of a period its end. */
export function observedAt(observation: Observation): number | undefined {
  const { effectiveDateTime, effectiveInstant, effectivePeriod } = observation;
  const text =
    effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start;
  return text === undefined ? undefined : Date.parse(text);
}

/** Codes of one system. */
export function codesOf(concept: CodeableConcept | undefined, system: string): readonly string[] {
  return (concept?.coding ?? []).filter((one) => one.system === system).map(({ code }) => code);
}

function timed(value: Members, remarks: Remark[]): Members {
  const period = value["effectivePeriod"];
  const { start, end, ...more } = isMembers(period) ? plain(period, remarks) : {};
  const time = (text: unknown): string | undefined => {
    if (text === undefined) return undefined;
    const isTime =
      typeof text === "string" && dateTime.test(text) && !Number.isNaN(Date.parse(text));
    if (!isTime) remarks.push({ code: "form", text: "a time is no FHIR dateTime" });
    return isTime ? text : undefined;
  };
  return {
    ...value,
    effectiveDateTime: time(value["effectiveDateTime"]),
    effectiveInstant: time(value["effectiveInstant"]),
    effectivePeriod: isMembers(period)
      ? withoutUndefined({ ...more, start: time(start), end: time(end) })
      : undefined,
  };
}

/** The members of `Measured`; undefined stands in the place of what is none. */
function measured(value: Members, remarks: Remark[]): Members {
  const integer = value["valueInteger"];
  const boolean = value["valueBoolean"];
  const concept = (name: string): CodeableConcept | undefined =>
    isMembers(value[name]) ? conceptOf(value[name], remarks) : undefined;
  return {
    code: concept("code"),
    valueQuantity: isMembers(value["valueQuantity"])
      ? quantityOf(value["valueQuantity"], remarks)
      : undefined,
    valueCodeableConcept: concept("valueCodeableConcept"),
    dataAbsentReason: concept("dataAbsentReason"),
    valueInteger: Number.isInteger(integer) ? integer : undefined,
    valueBoolean: typeof boolean === "boolean" ? boolean : undefined,
  };
}

function quantityOf(value: Members, remarks: Remark[]): Quantity {
  const { value: number, comparator, system, code, ...rest } = plain(value, remarks);
  const isNumber = typeof number === "number" && Number.isFinite(number);
  if (number !== undefined && !isNumber) {
    remarks.push({ code: "value", text: "a quantity's value is no number" });
  }
  const isKnown = system === ucumSystem && isUnit(code);
  if (!isKnown) remarks.push({ code: "unit", text: "a quantity's unit is none of UCUM's known" });
  const compared = comparators.find((one) => one === comparator);
  return {
    ...rest,
    // FHIR R5 §quantity: a unit that no code says is one for people
    ...(!isKnown && rest["unit"] === undefined && typeof code === "string" && { unit: code }),
    ...(isNumber && { value: number }),
    ...(compared !== undefined && { comparator: compared }),
    ...(isKnown && { system: ucumSystem, code }),
  };
}

/** Codes that are certainly codes stay; the others are kept beside them. */
function conceptOf(value: Members, remarks: Remark[]): CodeableConcept {
  const { coding, ...rest } = plain(value, remarks);
  const all = (Array.isArray(coding) ? coding : []).filter(isMembers).slice(0, codingsMax);
  const known = all.filter((one) => isCode(one["system"], one["code"]));
  const unknown = all.filter((one) => !known.includes(one));
  if (known.length === 0) remarks.push({ code: "code", text: "no code of a known system" });
  const before: unknown = rest["extension"];
  const extension = [
    ...(Array.isArray(before) ? (before as unknown[]) : []),
    ...unknown.map((valueCoding) => ({ url: unknownCoding, valueCoding })),
  ];
  return {
    ...rest,
    ...(extension.length > 0 && { extension }),
    coding:
      known.length === 0
        ? [{ system: absentSystem, code: "unknown" }]
        : known.map((one) => plain(one, remarks) as Coding),
  };
}

function referenced(subject: Members, remarks: Remark[]): Members {
  const { reference, ...rest } = plain(subject, remarks);
  return { ...rest, ...(typeof reference === "string" && { reference }) };
}

/** FHIR R5 §json: names of members have no dots; a path could not tell them from its own. */
function plain(value: Members, remarks: Remark[]): Members {
  const names = Object.keys(value).filter((name) => name.includes("."));
  if (names.length === 0) return value;
  remarks.push({ code: "form", text: "members with a dot in their name are left out" });
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function withoutUndefined<T extends object>(value: T): T {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as T;
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}
