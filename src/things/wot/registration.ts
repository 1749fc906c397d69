import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { TdInvalid, type TdProblem } from "./problem.ts";
import { listOf } from "./td-rules.ts";

/** What the directory knows of a Description besides it (WoT Discovery §7.2.1.1). */
export interface Registration {
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly modified: string;
  readonly expires?: string;
  /** Seconds from each change on. */
  readonly ttl?: number;
}

export interface Registered {
  /** As it was given, without its registration. */
  readonly td: JsonObject;
  readonly registration: Registration;
}

const context = "https://www.w3.org/2022/wot/discovery";
const ttlSecondsMax = 315_360_000;
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** Parts what its producer may say of the registration from the Description. */
export function registered(given: JsonObject, now: number, createdAt = now): Registered {
  const { registration: told, ...td } = given;
  const { ttl, expires } = toldOf(told);
  const created = new Date(createdAt).toISOString();
  const modified = new Date(now).toISOString();
  // with a ttl the server computes `expires`, whatever the client says of it
  const end = ttl === undefined ? expires : new Date(now + ttl * 1000).toISOString();
  const registration = { created, modified, ...(end !== undefined && { expires: end }) };
  return { td, registration: { ...registration, ...(ttl !== undefined && { ttl }) } };
}

function toldOf(told: unknown): { ttl?: number; expires?: string } {
  if (told === undefined) return {};
  const problems: TdProblem[] = [];
  if (!isObject(told)) problems.push({ field: "registration", description: "must be object" });
  const { ttl, expires } = objectAt(told);
  const isPeriod = typeof ttl === "number" && ttl > 0 && ttl <= ttlSecondsMax;
  if (ttl !== undefined && !isPeriod) {
    const description = `must be seconds, more than 0 and at most ${ttlSecondsMax}`;
    problems.push({ field: "registration.ttl", description });
  }
  // the offset is not optional (WoT Discovery §7.2.1.1, RFC 3339)
  const isTime = typeof expires === "string" && dateTime.test(expires);
  if (expires !== undefined && (!isTime || Number.isNaN(Date.parse(expires)))) {
    problems.push({ field: "registration.expires", description: "must be an RFC 3339 date-time" });
  }
  if (problems.length > 0) throw new TdInvalid(problems);
  return {
    ...(isPeriod && { ttl }),
    ...(isTime && { expires: new Date(expires).toISOString() }),
  };
}

/** With its registration, the discovery context and its id. */
export function enriched(
  td: JsonObject,
  id: string,
  registration: Partial<Registration>,
): JsonObject {
  const contexts = listOf(td["@context"]);
  return {
    ...td,
    "@context": contexts.includes(context) ? td["@context"] : [...contexts, context],
    id,
    registration,
  };
}

/** What a patch is applied to: the Description with what its producer may say of its registration. */
export function patchable({ td, registration: { ttl, expires } }: Registered): JsonObject {
  if (ttl !== undefined) return { ...td, registration: { ttl } };
  return expires === undefined ? { ...td } : { ...td, registration: { expires } };
}
