/** The form of a policy, whoever wrote it: JSON in, rules with plain names out. */
import {
  type AtomicConstraint,
  type Constraint,
  policyProfile,
  refused,
  type Rule,
  type Rules,
  unenforceable,
} from "./rules.ts";

const depthMax = 8;
/** Constraints of one policy, logical ones included. */
const constraintsMax = 200;
/** Of all polygons of one policy: each is checked for crossings, at the square of its points. */
const pointsMax = 2_000;

/** `odrl:use` and its IRI are `use` (the prefix of DSP 2025-1's context). */
const odrl = /^(odrl:|https?:\/\/www\.w3\.org\/ns\/odrl\/2\/)/;

/** What a policy carries besides its rules: identity and parties, checked elsewhere. */
const beside = new Set(
  "@context @type @id uid type target assigner assignee timestamp comity".split(" "),
);
const logical = ["and", "or", "xone"] as const;

/**
 * Connectors write the same policy in different ways. Taken as the same: one object for a list of
 * one, `{"@list": […]}` for a list, empty lists for none, the `odrl:` prefix or the full IRI on
 * names and words, `{"@id": …}` for a word, `{"@value": …}` for a value, any order. Everything
 * else is refused by its name.
 */
export function readShape(policy: unknown): Rules {
  const source = members(policy, "the policy");
  const budget = { left: constraintsMax, points: pointsMax };
  for (const [key, value] of source) {
    if (beside.has(key) || key === "profile" || list(value).length === 0) continue;
    if (!["permission", "prohibition", "obligation"].includes(key)) {
      throw unenforceable("policy member", key);
    }
  }
  for (const profile of list(source.get("profile"))) {
    if (word(profile, "a profile") !== policyProfile) throw unenforceable("profile", profile);
  }
  const rules = (kind: string): Rule[] =>
    list(source.get(kind)).map((rule) => readRule(rule, budget));
  const [prohibition, obligation] = [rules("prohibition"), rules("obligation")];
  return {
    profile: policyProfile,
    permission: rules("permission"),
    ...(prohibition.length === 0 ? {} : { prohibition }),
    ...(obligation.length === 0 ? {} : { obligation }),
  };
}

interface Budget {
  left: number;
  points: number;
}

function readRule(value: unknown, budget: Budget): Rule {
  const source = members(value, "a rule");
  refuseOthers(source, ["action", "constraint"], "rule member");
  const constraint = list(source.get("constraint")).map((one) => readConstraint(one, budget, 1));
  const action = word(source.get("action"), "an action");
  return { action, ...(constraint.length === 0 ? {} : { constraint }) };
}

function readConstraint(value: unknown, budget: Budget, depth: number): Constraint {
  if (depth > depthMax) throw refused(`its conditions are nested deeper than ${depthMax}`);
  if (--budget.left < 0) throw refused(`it has more than ${constraintsMax} constraints`);
  const source = members(value, "a constraint");
  const kinds = logical.filter((kind) => source.has(kind));
  const [kind, ...more] = kinds;
  if (kind === undefined) return readAtomic(source, budget);
  if (more.length > 0) throw refused(`a constraint has both "${kind}" and "${more[0]}"`);
  refuseOthers(source, [kind], "constraint member");
  const parts = list(source.get(kind)).map((one) => readConstraint(one, budget, depth + 1));
  if (parts.length === 0) throw refused(`"${kind}" is empty`);
  const made: Partial<Record<(typeof logical)[number], Constraint[]>> = { [kind]: parts };
  return made as Constraint;
}

function readAtomic(source: ReadonlyMap<string, unknown>, budget: Budget): AtomicConstraint {
  refuseOthers(source, ["leftOperand", "operator", "rightOperand"], "constraint member");
  const leftOperand = word(source.get("leftOperand"), "a leftOperand");
  const rightOperand = plain(source.get("rightOperand"));
  if (leftOperand === "spatial") budget.points -= pointsIn(rightOperand);
  if (budget.points < 0) throw refused(`its polygons have more than ${pointsMax} points`);
  return { leftOperand, operator: word(source.get("operator"), "an operator"), rightOperand };
}

/** Told by how each begins, before anything is made of them. */
function pointsIn(polygon: unknown): number {
  if (typeof polygon === "string") return polygon.match(/\[\s*[-\d]/g)?.length ?? 0;
  const rings = (polygon as { coordinates?: unknown } | null)?.coordinates;
  if (!Array.isArray(rings)) return 0;
  return rings.reduce<number>((sum, ring) => sum + (Array.isArray(ring) ? ring.length : 0), 0);
}

function refuseOthers(
  source: ReadonlyMap<string, unknown>,
  known: readonly string[],
  what: string,
): void {
  for (const [key, value] of source) {
    const empty = Array.isArray(value) && value.length === 0;
    if (!known.includes(key) && key !== "@type" && !empty) throw unenforceable(what, key);
  }
}

/** By its plain names; a member that stands twice, with and without its prefix, is refused. */
function members(value: unknown, what: string): ReadonlyMap<string, unknown> {
  const object = single(value);
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw refused(`${what} is not an object`);
  }
  const found = new Map<string, unknown>();
  for (const [key, member] of Object.entries(object)) {
    const name = key.replace(odrl, "");
    if (found.has(name)) throw refused(`"${name}" stands twice in ${what}`);
    if (member !== undefined) found.set(name, member);
  }
  return found;
}

function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value as unknown[];
  const inner = only(value, "@list");
  return Array.isArray(inner) ? (inner as unknown[]) : [value];
}

/** A name: an action, an operator, an operand. */
function word(value: unknown, what: string): string {
  const one = single(value);
  const text = only(one, "@id") ?? one;
  if (typeof text !== "string") throw refused(`${what} is not text`);
  return text.replace(odrl, "");
}

/** A value without JSON-LD's wrapping. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return (value as unknown[]).map(unwrapped);
  const inner = only(value, "@list");
  return Array.isArray(inner) ? (inner as unknown[]).map(unwrapped) : unwrapped(value);
}

function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const source = value as Record<string, unknown>;
  const keys = Object.keys(source).filter((key) => key !== "@type");
  if (keys.length !== 1) return value;
  return source["@value"] ?? source["@id"] ?? value;
}

/** The member, where it is the object's only one. */
function only(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === key ? (value as Record<string, unknown>)[key] : undefined;
}
