import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { mergePatch } from "../../kernel/merge-patch.ts";
import { TdInvalid } from "./problem.ts";
import { affordanceKinds, listOf } from "./td-rules.ts";

/** Models by their address, as the caller brought them: nothing is fetched here. */
export type Models = Readonly<Record<string, JsonObject>>;

export interface ModelUse {
  readonly model: JsonObject;
  /** The model's own address; others are relative to it, and the TD links to it. */
  readonly href?: string | undefined;
  readonly models?: Models | undefined;
  /** Values for what stands as `{{NAME}}` in the model. */
  readonly placeholders?: JsonObject | undefined;
  /** JSON pointers of `tm:optional` that the Thing does have; absent: all of them. */
  readonly optional?: readonly string[] | undefined;
}

/** Models that build on models that build on models … */
const depthMax = 16;
/** Objects and lists that are written out: few references can ask for very many. */
const nodesMax = 20_000;
export const modelType = "application/tm+json";

interface Work extends ModelUse {
  nodesLeft: number;
}

/** A Thing Description, without forms where the model has none (TD 1.1 §10.4). */
export function thingFromModel(use: ModelUse): Record<string, unknown> {
  const whole = composed(use.model, { ...use, nodesLeft: nodesMax }, use.href, 0);
  const optional = listOf(whole["tm:optional"]).filter((one) => typeof one === "string");
  for (const pointer of optional) {
    if (use.optional === undefined || use.optional.includes(pointer)) continue;
    removeAt(whole, pointer);
  }
  delete whole["tm:optional"];
  const missing = new Set<string>();
  const filled = fill(whole, use.placeholders ?? {}, missing);
  if (missing.size > 0) {
    const description = `leaves placeholders without a value: ${[...missing].sort().join(", ")}`;
    throw new TdInvalid([{ field: "(root)", description }]);
  }
  return instanceOf(filled as Record<string, unknown>, use.href);
}

/** The model with all it extends and refers to written out. */
function composed(
  model: JsonObject,
  use: Work,
  base: string | undefined,
  depth: number,
): Record<string, unknown> {
  if (depth > depthMax) throw invalid("links", `builds on more than ${depthMax} models`);
  let inherited: unknown = {};
  for (const { rel, href, type } of listOf(model["links"]).map(objectAt)) {
    // a parent that is no model by its own type is a reference for people (TD 1.1 §10.3.2.1)
    if (rel !== "tm:extends" || typeof href !== "string") continue;
    const parent = modelAt(href, use, base);
    if (parent === undefined && type !== undefined && type !== modelType) continue;
    if (parent === undefined) throw invalid("links", `extends ${href}, which is not at hand`);
    inherited = mergePatch(inherited, composed(parent.model, use, parent.href, depth + 1));
  }
  const { links: _links, ...own } = model;
  const { "tm:optional": parentsOptional, ...rest } = objectAt(inherited);
  const written = resolved(own, { use, base, root: model, depth }, "") as JsonObject;
  const merged = mergePatch(rest, written) as Record<string, unknown>;
  // what the extending model describes itself is optional no more unless it says so (§10.3.3)
  const optional = listOf(parentsOptional).filter((pointer) => !isAt(own, String(pointer)));
  const all = [...optional, ...listOf(model["tm:optional"])];
  if (all.length > 0) merged["tm:optional"] = all;
  const kept = listOf(model["links"]).filter((link) => objectAt(link)["rel"] !== "tm:extends");
  if (kept.length > 0) merged["links"] = kept;
  return merged;
}

interface Reading {
  readonly use: Work;
  readonly base: string | undefined;
  /** The document that `#/…` points into. */
  readonly root: JsonObject;
  readonly depth: number;
}

/** With each `tm:ref` replaced by what it names, and what stands beside it over that (§10.3.2.2). */
function resolved(value: unknown, reading: Reading, field: string): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (--reading.use.nodesLeft < 0) throw invalid(field, `has more than ${nodesMax} members`);
  if (Array.isArray(value)) {
    return value.map((one, index) => resolved(one, reading, `${field}.${index}`));
  }
  if (!isObject(value)) return value;
  const { "tm:ref": reference, ...beside } = value;
  const own = Object.fromEntries(
    Object.entries(beside).map(([name, member]) => {
      return [name, resolved(member, reading, field === "" ? name : `${field}.${name}`)];
    }),
  );
  if (typeof reference !== "string") return own;
  return mergePatch(referred(reference, reading, field), own);
}

function referred(reference: string, reading: Reading, field: string): unknown {
  const { use, base, root, depth } = reading;
  if (depth > depthMax) throw invalid(field, `refers further than ${depthMax} models`);
  const [href = "", pointer = ""] = reference.split("#");
  const found = href === "" ? { model: root, href: base } : modelAt(href, use, base);
  if (found === undefined) throw invalid(field, `refers to ${href}, which is not at hand`);
  const target = pointerAt(found.model, pointer);
  if (target === undefined) throw invalid(field, `refers to ${reference}, where there is nothing`);
  const inside = { use, base: found.href, root: found.model, depth: depth + 1 };
  return resolved(target, inside, field);
}

/** A model that was brought, by its address as written or as it is from where it was written. */
export function modelAt(
  href: string,
  { models = {} }: Pick<ModelUse, "models">,
  base: string | undefined,
): { readonly model: JsonObject; readonly href: string } | undefined {
  const absolute = URL.canParse(href, base) ? new URL(href, base).href : href;
  const [name] = [absolute, href].filter((one) => Object.hasOwn(models, one));
  return name === undefined ? undefined : { model: models[name] ?? {}, href: absolute };
}

/** Every address by which a model names another, from where it stands. */
export function modelsNamedBy(model: JsonObject): string[] {
  const named = listOf(model["links"])
    .map(objectAt)
    .filter(({ rel, type }) => rel === "tm:extends" && (type ?? modelType) === modelType)
    .flatMap(({ href }) => (typeof href === "string" ? [href] : []));
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const reference = objectAt(value)["tm:ref"];
    if (typeof reference === "string") named.push(reference.split("#")[0] ?? "");
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(model);
  return [...new Set(named)].filter((href) => href !== "");
}

function instanceOf(filled: Record<string, unknown>, href: string | undefined) {
  const types = listOf(filled["@type"]).filter((type) => type !== "tm:ThingModel");
  delete filled["@type"];
  if (types.length > 0) filled["@type"] = types.length === 1 ? types[0] : types;
  const { model, instance } = objectAt(filled["version"]);
  if (model !== undefined && instance === undefined) {
    // an instance has a version of its own (TD 1.1 §5.3.1.5)
    filled["version"] = { instance: "1.0.0", model };
  }
  const links = listOf(filled["links"]).filter((link) => {
    return !String(objectAt(link)["rel"]).startsWith("tm:");
  });
  delete filled["links"];
  // a file's place is its machine's business
  const isPublic = href !== undefined && /^https?:/.test(href);
  const own = !isPublic ? [] : [{ rel: "type", href, type: modelType }];
  if (links.length + own.length > 0) filled["links"] = [...links, ...own];
  return filled;
}

/** `"{{X}}"` alone takes the value as it is; within a text its words (TD 1.1 §10.3.4). */
function fill(value: unknown, values: JsonObject, missing: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => fill(one, values, missing));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        return [String(fill(name, values, missing)), fill(one, values, missing)];
      }),
    );
  }
  if (typeof value !== "string") return value;
  const whole = /^\{\{([^{}]+)\}\}$/.exec(value)?.[1];
  if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole];
  return value.replaceAll(/\{\{([^{}]+)\}\}/g, (text, name: string) => {
    if (Object.hasOwn(values, name)) return String(values[name]);
    missing.add(name);
    return text;
  });
}

/** What a Thing that links to its model must keep of it. */
export function modelProblems(td: JsonObject, { model, href, models }: ModelUse) {
  const work = { model, href, models, nodesLeft: nodesMax };
  const whole = composed(model, work, href, 0);
  const optional = listOf(whole["tm:optional"]);
  return affordanceKinds.flatMap((kind) =>
    Object.entries(objectAt(whole[kind])).flatMap(([name, wanted]) => {
      const own = objectAt(td[kind])[name];
      const field = `${kind}.${name}`;
      if (own === undefined) {
        if (optional.includes(`/${kind}/${name}`)) return [];
        return [{ field, description: "is missing, and its model has it" }];
      }
      const { type } = objectAt(own);
      const { type: needed } = objectAt(wanted);
      const narrowed = needed === "number" && type === "integer";
      if (typeof needed !== "string" || type === needed || narrowed) return [];
      const text = `is of type ${JSON.stringify(type)}, and ${needed} in its model`;
      return needed.includes("{{") ? [] : [{ field, description: text }];
    }),
  );
}

function pointerAt(root: unknown, pointer: string): unknown {
  let at = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

function isAt(root: JsonObject, pointer: string): boolean {
  return pointerAt(root, pointer) !== undefined;
}

/** Of `/properties/name`; what the whole was composed of stays as it was. */
function removeAt(whole: Record<string, unknown>, pointer: string): void {
  const [, kind = "", name = ""] = pointer.split("/");
  const { [name]: _gone, ...rest } = objectAt(whole[kind]);
  if (kind in whole) whole[kind] = rest;
}

function invalid(field: string, description: string): TdInvalid {
  return new TdInvalid([{ field, description }]);
}
