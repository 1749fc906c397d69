import { resolve } from "node:path";
import { pathToFileURL, fileURLToPath } from "node:url";
import type { NewDescription } from "../client/thing-resource.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { isObject, type JsonObject } from "../kernel/json-object.ts";
import { duplicateMembers } from "../things/wot/duplicate-members.ts";
import { TdInvalid } from "../things/wot/problem.ts";
import { modelsNamedBy } from "../things/wot/thing-model.ts";
import { readText } from "./context.ts";
import { repeated } from "./flags.ts";

export interface DescriptionOptions {
  readonly td?: string;
  readonly model?: string;
  readonly placeholder?: string[];
  readonly optional?: string[];
}

export const tdOption = ["--td <file>", "its W3C Thing Description (JSON)"] as const;
export const modelOption = [
  "--model <file>",
  "a W3C Thing Model to make its Description of; a file or an http address",
] as const;
export const placeholderOption = [
  "--placeholder <name=value>",
  "what stands as {{NAME}} in the model; repeatable",
  repeated,
] as const;
export const optionalOption = [
  "--optional <pointer>",
  "an optional affordance that it has, as /actions/toggle (default: all); repeatable",
  repeated,
] as const;

const modelsMax = 64;
const modelBytesMax = 1_048_576;
const fetchMsMax = 10_000;

/** What the options say of a Thing, with every model that its model builds on. */
export async function descriptionFrom(options: DescriptionOptions): Promise<NewDescription> {
  const { td, model, placeholder = [], optional } = options;
  if (model === undefined && (placeholder.length > 0 || optional !== undefined)) {
    throw invalid("--placeholder and --optional go with --model");
  }
  return {
    ...(td !== undefined && { td: jsonIn(readText(td), td) }),
    ...(model !== undefined && (await modelFrom(model))),
    ...(placeholder.length > 0 && { placeholders: Object.fromEntries(placeholder.map(pairFrom)) }),
    ...(optional !== undefined && { optional }),
  };
}

async function modelFrom(given: string): Promise<NewDescription> {
  const href = URL.canParse(given) ? new URL(given).href : pathToFileURL(resolve(given)).href;
  const models = new Map<string, JsonObject>();
  const waiting = [href];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (models.has(next)) continue;
    if (models.size >= modelsMax) throw invalid(`${given} builds on more than ${modelsMax} models`);
    const model = jsonIn(await textAt(next), next);
    models.set(next, model);
    for (const named of modelsNamedBy(model)) {
      if (!URL.canParse(named, next)) throw invalid(`${next} names ${named}, which is no address`);
      waiting.push(new URL(named, next).href);
    }
  }
  const { [href]: model = {}, ...others } = Object.fromEntries(models);
  return { model, models: others, href };
}

async function textAt(href: string): Promise<string> {
  if (href.startsWith("file:")) return readText(fileURLToPath(href));
  if (!/^https?:/.test(href)) throw invalid(`${href} is neither a file nor an http address`);
  try {
    const answer = await fetch(href, { signal: AbortSignal.timeout(fetchMsMax) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const text = await answer.text();
    if (text.length > modelBytesMax) throw new Error(`it has more than ${modelBytesMax} bytes`);
    return text;
  } catch (error) {
    throw invalid(`${href} cannot be read: ${problemOf(error)}`);
  }
}

/** A member that is said twice is refused here: no parser after this one would see it. */
function jsonIn(text: string, path: string): JsonObject {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw invalid(`${path} holds no JSON: ${problemOf(error)}`);
  }
  const twice = duplicateMembers(text);
  if (twice.length > 0) {
    throw new TdInvalid(twice.map((field) => ({ field, description: "is said twice" })));
  }
  if (isObject(read)) return read;
  throw invalid(`${path} holds no JSON object`);
}

/** `MAX=80` is the number 80: a value is JSON where it can be. */
function pairFrom(given: string): [string, unknown] {
  const [, name, text] = /^([^=]+)=([\s\S]*)$/.exec(given) ?? [];
  if (name === undefined || text === undefined) {
    throw invalid(`--placeholder "${given}" is not NAME=VALUE`);
  }
  try {
    return [name, JSON.parse(text)];
  } catch {
    return [name, text];
  }
}

function invalid(problem: string): ComityError {
  return new ComityError("CONFIG_INVALID", { problem });
}
