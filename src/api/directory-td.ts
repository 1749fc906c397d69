import type { NodeFacts } from "./deps.ts";

const json = "application/json";
const problem = "application/problem+json";
const td = "application/td+json";
const id = { type: "string", format: "iri-reference", title: "Thing Description ID" };
const diff = { type: "boolean", description: "Include what changed." };

/** The directory as a Thing itself, after the Thing Model of WoT Discovery §7.2.4. */
export function directoryTd(node: NodeFacts, httpUrl: string): Record<string, unknown> {
  return {
    "@context": [
      "https://www.w3.org/2022/wot/td/v1.1",
      "https://www.w3.org/2022/wot/discovery",
      { htv: "http://www.w3.org/2011/http#" },
    ],
    "@type": "ThingDirectory",
    id: `${node.did}#things`,
    title: `Things of ${node.title}`,
    version: { instance: node.version, model: "1.0.0" },
    base: httpUrl,
    securityDefinitions: { bearer: { scheme: "bearer", in: "header" } },
    security: "bearer",
    properties: {
      things: {
        description: "Retrieve all Thing Descriptions",
        type: "array",
        readOnly: true,
        uriVariables: {
          offset: { type: "number", default: 0, description: "Number of TDs to skip." },
          limit: { type: "number", description: "Number of TDs in a page." },
          format: { type: "string", enum: ["array", "collection"], default: "array" },
        },
        forms: [
          { ...read("/things{?offset,limit,format}", "application/ld+json"), op: "readproperty" },
        ],
      },
    },
    actions: {
      createThing: { ...byId, ...input, forms: [write("PUT", "/things/{id}", td, 201, 400)] },
      createAnonymousThing: { ...input, forms: [write("POST", "/things", td, 201, 400)] },
      retrieveThing: { ...byId, ...safe, forms: [read("/things/{id}", td, 404)] },
      updateThing: { ...byId, ...input, forms: [write("PUT", "/things/{id}", td, 204, 400)] },
      partiallyUpdateThing: {
        ...{ ...byId, ...input },
        forms: [write("PATCH", "/things/{id}", "application/merge-patch+json", 204, 400, 404)],
      },
      deleteThing: { ...byId, forms: [write("DELETE", "/things/{id}", td, 204, 404)] },
      searchJSONPath: {
        uriVariables: { query: { type: "string", title: "A valid JSONPath expression" } },
        ...safe,
        forms: [read("/search/jsonpath?query={query}", json, 400)],
      },
    },
    events: {
      thingCreated: { uriVariables: { diff }, ...event("/events/thing_created{?diff}") },
      thingUpdated: { uriVariables: { diff }, ...event("/events/thing_updated{?diff}") },
      thingDeleted: event("/events/thing_deleted"),
    },
  };
}

const byId = { uriVariables: { id } };
const input = { input: { type: "object", description: "Implied by the content type." } };
const safe = { output: { type: "object" }, safe: true, idempotent: true };

function read(href: string, contentType: string, ...errors: number[]): Record<string, unknown> {
  const response = { contentType, "htv:statusCodeValue": 200 };
  return { href, "htv:methodName": "GET", response, ...responses(errors) };
}

function write(
  method: string,
  href: string,
  contentType: string,
  status: number,
  ...errors: number[]
): Record<string, unknown> {
  const response = { contentType: json, "htv:statusCodeValue": status };
  return { href, "htv:methodName": method, contentType, response, ...responses(errors) };
}

function responses(errors: readonly number[]): Record<string, unknown> {
  if (errors.length === 0) return {};
  return {
    additionalResponses: errors.map((status) => {
      return { success: false, contentType: problem, "htv:statusCodeValue": status };
    }),
  };
}

function event(href: string): Record<string, unknown> {
  const field = { "htv:fieldName": "Last-Event-ID", description: "For reconnection." };
  const form = { op: "subscribeevent", href, subprotocol: "sse", "htv:headers": [field] };
  const response = { contentType: "text/event-stream" };
  return { data: { type: "object" }, forms: [{ ...form, response }] };
}
