import { ComityError } from "../../kernel/errors.ts";
import { isObject, type JsonObject } from "../../kernel/json-object.ts";
import type { Product } from "../../market/product.ts";

/** What must be so of a product; all of it. */
interface Condition {
  /** Words, each of them in its title, description or keywords. */
  readonly text?: string;
  readonly keyword?: string;
  readonly sector?: string;
  /** One of these. */
  readonly ids?: readonly string[];
}

/** One page of the catalogue: which products, from where, how many. */
export interface CatalogueQuery {
  readonly conditions: readonly Condition[];
  /** Products with ids up to this one were on pages before. */
  readonly after?: string;
  readonly offset: number;
  readonly limit: number;
}

const pageDefault = 100;
const pageMax = 1_000;
const conditionsMax = 16;
const idsMax = 32;
const valueLengthMax = 200;
const cursorLengthMax = 10_000;

/** EDC's QuerySpec has members that mean nothing here, and are sent all the same. */
const idle = new Set(["@type", "@id", "@context", "sortOrder", "sortField"]);
const ownMembers = new Set(["@type", "id", "keyword", "sector", "text"]);

/**
 * The filter of a CatalogRequestMessage (DSP 2025-1 §5.2.1 leaves its form to the provider): a
 * list of `{id, sector, keyword, text}`, or EDC's QuerySpec with `filterExpression` on the id.
 * BODY_INVALID names what is not understood; nothing is left out in silence.
 */
export function catalogueQuery(
  filter: unknown,
  params: { readonly limit?: string; readonly cursor?: string },
): CatalogueQuery {
  const asked = params.cursor === undefined ? readFilter(filter) : readCursor(params.cursor);
  if (params.limit === undefined) return asked;
  return { ...asked, limit: pageSize(Number(params.limit)) };
}

/** The page, and the cursor of the one after it where there is one. */
export function pageOf(
  products: readonly Product[],
  query: CatalogueQuery,
): { page: readonly Product[]; next?: string } {
  const { conditions, after = "", offset, limit } = query;
  const found = products
    .filter(({ id }) => id > after)
    .filter((product) => conditions.every((condition) => holds(condition, product)))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = found.slice(offset, offset + limit);
  const last = page.at(-1);
  if (!last || found.length <= offset + limit) return { page };
  const next = JSON.stringify({ conditions, after: last.id, limit });
  return { page, next: Buffer.from(next).toString("base64url") };
}

function holds({ text, keyword, sector, ids }: Condition, product: Product): boolean {
  if (ids && !ids.includes(product.id)) return false;
  if (sector !== undefined && sector !== product.sector) return false;
  const words = product.keywords.map(fold);
  if (keyword !== undefined && !words.includes(fold(keyword))) return false;
  if (text === undefined) return true;
  const all = [fold(product.title), fold(product.description), ...words].join("\n");
  return fold(text)
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function readFilter(filter: unknown): CatalogueQuery {
  const whole = { conditions: [], offset: 0, limit: pageDefault };
  if (filter === undefined || filter === null) return whole;
  if (Array.isArray(filter)) {
    const [first] = filter as unknown[];
    // the protocol's context makes a list of EDC's one QuerySpec
    if (filter.length === 1 && isQuerySpec(first)) return querySpec(members(first));
    if (filter.length > conditionsMax) throw invalid(`it has more than ${conditionsMax} parts`);
    return { ...whole, conditions: filter.map(ownCondition) };
  }
  return querySpec(members(filter));
}

function ownCondition(value: unknown): Condition {
  const source = members(value);
  for (const key of Object.keys(source)) {
    if (!ownMembers.has(key)) throw invalid(`the member "${key}" is not understood`);
  }
  const { id, keyword, sector, text } = source;
  return {
    ...(id === undefined ? {} : { ids: [value200(id, "id")] }),
    ...(keyword === undefined ? {} : { keyword: value200(keyword, "keyword") }),
    ...(sector === undefined ? {} : { sector: value200(sector, "sector") }),
    ...(text === undefined ? {} : { text: value200(text, "text") }),
  };
}

function isQuerySpec(value: unknown): boolean {
  const own = ["filterExpression", "limit", "offset"];
  return Object.keys(members(value)).some((key) => own.includes(localName(key)));
}

function querySpec(source: Record<string, unknown>): CatalogueQuery {
  let query: CatalogueQuery = { conditions: [], offset: 0, limit: pageDefault };
  for (const [named, value] of Object.entries(source)) {
    const key = localName(named);
    if (idle.has(key) || value === null) continue;
    if (key === "offset") query = { ...query, offset: whole(value, key) };
    else if (key === "limit") query = { ...query, limit: pageSize(value) };
    else if (key === "filterExpression") query = { ...query, conditions: criteria(value) };
    else throw invalid(`the member "${named}" is not understood`);
  }
  return query;
}

function criteria(value: unknown): Condition[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (list.length > conditionsMax) throw invalid(`it has more than ${conditionsMax} parts`);
  return list.map((one) => {
    const named = Object.entries(members(one)).map(([key, held]) => [localName(key), held]);
    const { operandLeft, operator, operandRight } = Object.fromEntries(named) as Criterion;
    const left = typeof operandLeft === "string" ? localName(operandLeft) : "";
    if (left !== "id") throw invalid(`the operand "${String(operandLeft)}" is not "id"`);
    if (operator !== "=" && operator !== "in") {
      throw invalid(`the operator "${String(operator)}" is neither "=" nor "in"`);
    }
    const right = Array.isArray(operandRight) ? (operandRight as unknown[]) : [operandRight];
    if (right.length > idsMax) throw invalid(`it names more than ${idsMax} ids`);
    return { ids: right.map((id) => value200(id, "operandRight")) };
  });
}

interface Criterion {
  readonly operandLeft?: unknown;
  readonly operator?: unknown;
  readonly operandRight?: unknown;
}

/** A cursor is ours, but it comes back from outside: it is read as strictly as a filter. */
function readCursor(cursor: string): CatalogueQuery {
  if (cursor.length > cursorLengthMax) throw invalid("the cursor is none of this catalogue's");
  try {
    const text = Buffer.from(cursor, "base64url").toString("utf8");
    const source = JSON.parse(text) as { conditions: unknown; after: unknown; limit: unknown };
    const { conditions, after } = source;
    if (!Array.isArray(conditions) || conditions.length > conditionsMax) throw new Error("no list");
    return {
      conditions: conditions.map((one) => {
        const { ids, ...rest } = members(one);
        if (ids === undefined) return ownCondition(rest);
        if (!Array.isArray(ids)) throw new Error("no ids");
        return { ...ownCondition(rest), ids: ids.map((id) => value200(id, "id")) };
      }),
      after: value200(after, "after"),
      offset: 0,
      limit: pageSize(source.limit),
    };
  } catch {
    throw invalid("the cursor is none of this catalogue's");
  }
}

function pageSize(value: unknown): number {
  const limit = whole(value, "limit");
  if (limit === 0) throw invalid("the limit is 0");
  return Math.min(limit, pageMax);
}

function whole(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`the ${name} "${String(value)}" is not a whole number`);
}

function value200(value: unknown, name: string): string {
  const isText = typeof value === "string" && value !== "" && value.length <= valueLengthMax;
  if (isText) return value;
  throw invalid(`${name} is not text of 1 to ${valueLengthMax} characters`);
}

function members(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw invalid("it is no object");
}

/** EDC writes its names in full where the context does not shorten them. */
function localName(name: string): string {
  return name.replace(/^(https:\/\/w3id\.org\/edc\/v0\.0\.1\/ns\/|edc:)/, "");
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem: `the catalogue's filter: ${problem}` });
}
