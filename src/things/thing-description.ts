import type { Thing } from "./directory.ts";

/** The Thing as a W3C Thing Description 1.1; `httpUrl` is where the node's streams are read. */
export function thingDescription(thing: Thing, httpUrl: string): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(thing.properties)) {
    const affordance = isObject(given) ? given : {};
    // every affordance has at least one form (TD 1.1 §5.3.1.2)
    const forms = [form(httpUrl, `${thing.id}/${name}`, "observeproperty")];
    properties[name] = { readOnly: true, observable: true, ...affordance, forms };
  }
  const published = thing.publish.map((filter) => form(httpUrl, filter, "subscribeevent"));
  return {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    id: thing.urn,
    title: thing.title,
    created: thing.createdAt,
    // a TD names how to authenticate and never the secret itself (TD 1.1 §5.3.3.1)
    securityDefinitions: { bearer: { scheme: "bearer", in: "header" } },
    security: ["bearer"],
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(published.length > 0 && {
      events: { messages: { title: "Everything it publishes", forms: published } },
    }),
  };
}

function form(httpUrl: string, filter: string, op: string): Record<string, unknown> {
  const path = filter.split("/").map(encodeURIComponent).join("/");
  return {
    href: `${httpUrl}/api/v1/streams/${path}`,
    op: [op],
    subprotocol: "sse",
    contentType: "text/event-stream",
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
