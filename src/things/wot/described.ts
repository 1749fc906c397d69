import { type JsonObject, objectAt } from "../../kernel/json-object.ts";
import type { Thing } from "../directory.ts";
import { TdInvalid } from "./problem.ts";
import { type NodeAddress, thingDescription } from "./thing-description.ts";
import {
  modelAt,
  modelProblems,
  type Models,
  modelType,
  type ModelUse,
  thingFromModel,
} from "./thing-model.ts";
import { listOf } from "./td-rules.ts";
import type { Validator } from "./validator.ts";

/** What a Thing's Description is made of: written by hand, or from a model. */
export interface Described extends Omit<ModelUse, "model"> {
  readonly td?: JsonObject | undefined;
  readonly model?: JsonObject | undefined;
}

/**
 * The Description to keep for a Thing; TdInvalid where it would not be valid with the forms and
 * security that this node adds to it, or departs from the model it names.
 */
export async function describedTd(
  described: Described,
  thing: Pick<Thing, "id" | "title"> & Partial<Thing>,
  { validator, address }: { validator: Validator; address: NodeAddress },
): Promise<JsonObject | undefined> {
  const { td: written, model } = described;
  if (model !== undefined) await readModel(JSON.stringify(model), validator, described);
  const made = model && thingFromModel({ ...described, model });
  const td = made && written ? { ...made, ...written } : (written ?? made);
  if (td === undefined) return undefined;
  const blank = { urn: `urn:uuid:${"0".repeat(8)}`, kind: "thing", publish: [], subscribe: [] };
  const whole: Thing = { ...blank, properties: {}, createdAt: epoch, ...thing, td };
  const text = JSON.stringify(thingDescription(whole, address));
  await readTd(text, validator, described.models);
  return td;
}

/** A valid Description; TdInvalid, also where it lacks what the model has that it links to. */
export async function readTd(
  text: string,
  validator: Validator,
  models: Models = {},
): Promise<JsonObject> {
  const td = await validator.read("td", text);
  const departures = listOf(td["links"]).flatMap((link) => {
    const { rel, href } = objectAt(link);
    const known =
      typeof href === "string" && Object.hasOwn(models, href) ? models[href] : undefined;
    if (rel !== "type" || known === undefined) return [];
    return modelProblems(td, { model: known, href: String(href), models });
  });
  if (departures.length > 0) throw new TdInvalid(departures);
  return td;
}

/** A valid Model whose parents are at hand. */
export async function readModel(
  text: string,
  validator: Validator,
  use: Pick<ModelUse, "models" | "href"> = {},
): Promise<JsonObject> {
  const model = await validator.read("model", text);
  const missing = listOf(model["links"]).flatMap((link) => {
    const { rel, type, href } = objectAt(link);
    if (rel !== "tm:extends" || type !== modelType || typeof href !== "string") return [];
    if (modelAt(href, use, use.href) !== undefined) return [];
    return [{ field: "links", description: `extends ${href}, which is not at hand` }];
  });
  if (missing.length > 0) throw new TdInvalid(missing);
  return model;
}

const epoch = "1970-01-01T00:00:00.000Z";
