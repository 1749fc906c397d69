import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import type { Thing } from "../directory.ts";
import { listOf } from "./td-rules.ts";

export interface NodeAddress {
  readonly httpUrl: string;
  readonly mqttUrl: string;
}

const context = "https://www.w3.org/2022/wot/td/v1.1";
const mqttVocabulary = "https://www.w3.org/2019/wot/mqtt#";
/** A name and its token, over HTTP and MQTT alike: one scheme for the whole Thing. */
export const nodeSecurity = "comity";
const json = "application/json";

/**
 * The Thing as a W3C Thing Description 1.1 that is whole: what its owner wrote, and for each
 * affordance the forms by which it is reached through this node, before the owner's own.
 */
export function thingDescription(thing: Thing, address: NodeAddress): Record<string, unknown> {
  const written = thing.td ?? { properties: thing.properties };
  const { "@context": _context, properties, actions, events, ...about } = written;
  const ways: Ways = { thing, address, security: written["security"] };
  const own = objectAt(events);
  const described = {
    properties: mapped(properties, (name, one) =>
      propertyOf(name, one, ways, thing.td !== undefined),
    ),
    actions: mapped(actions, (name, one) => withForms(one, actionForms(name, ways), ways)),
    events: {
      ...("messages" in own || thing.publish.length === 0 ? {} : { messages: everything(ways) }),
      ...mapped(own, (name, one) => withForms(one, eventForms(name, ways), ways)),
    },
  };
  return {
    "@context": contextOf(written["@context"]),
    created: thing.createdAt,
    ...about,
    id: thing.urn,
    title: thing.title,
    securityDefinitions: {
      ...objectAt(written["securityDefinitions"]),
      ...aboutNode.securityDefinitions,
    },
    // for the whole Thing, not form by form: readers (node-wot) take credentials by it
    security: [nodeSecurity],
    ...Object.fromEntries(
      Object.entries(described).filter(([, members]) => Object.keys(members).length > 0),
    ),
  };
}

/** The topic on which a Thing publishes this affordance's values, or is told to act. */
export function topicOf(thing: Pick<Thing, "id" | "publish">, name: string): string {
  return `${topicBase(thing)}/${name}`;
}

/** Where values for a property that can be written go. */
export function writeTopicOf(thing: Thing, name: string): string {
  return `${topicOf(thing, name)}/set`;
}

/** The properties of a Thing as they are described, by name. */
export function propertiesOf(thing: Thing): Readonly<Record<string, JsonObject>> {
  const written = thing.td === undefined ? thing.properties : thing.td["properties"];
  return mapped(written, (_name, one) => one);
}

/** Of `field/7/#` it is `field/7`; a Thing whose first filter is no such branch uses its name. */
function topicBase({ id, publish: [first = ""] }: Pick<Thing, "id" | "publish">): string {
  const base = first.endsWith("/#") ? first.slice(0, -2) : id;
  return /[+#]/.test(base) ? id : base;
}

interface Ways {
  readonly thing: Thing;
  readonly address: NodeAddress;
  /** The owner's, for the forms that the owner wrote. */
  readonly security: unknown;
}

function contextOf(written: unknown): unknown[] {
  const others = listOf(written).filter((one) => one !== context && !("mqv" in objectAt(one)));
  return [context, { mqv: mqttVocabulary }, ...others];
}

function propertyOf(name: string, one: JsonObject, ways: Ways, isWritten: boolean): JsonObject {
  // a property of which only its type is known is a measurement: nobody sets it
  const given = isWritten ? one : { readOnly: true, ...one };
  const { thing, address } = ways;
  const { readOnly, writeOnly } = given;
  const url = `${thingUrl(ways)}/properties/${encodeURIComponent(name)}`;
  const topic = topicOf(thing, name);
  const read = [
    { href: url, op: ["readproperty"], "htv:methodName": "GET", ...http },
    observeForm(address, topic),
    // before Server-Sent Events, to which readers in a browser's ways (node-wot) send no token
    { href: `${url}/next`, op: ["observeproperty", "unobserveproperty"], ...longPoll },
    // each event's data is one value
    { href: url, op: ["observeproperty", "unobserveproperty"], subprotocol: "sse", ...http },
  ];
  const set = writeTopicOf(thing, name);
  const write = [
    { href: url, op: ["writeproperty"], "htv:methodName": "PUT", ...http },
    {
      href: mqttHref(address, set),
      op: ["writeproperty"],
      "mqv:topic": set,
      ...mqtt("publish"),
    },
  ];
  const forms = [...(writeOnly === true ? [] : read), ...(readOnly === true ? [] : write)];
  return withForms({ ...given, ...(writeOnly !== true && { observable: true }) }, forms, ways);
}

/** By which a property is observed over MQTT. */
export function observeForm(address: NodeAddress, topic: string): JsonObject {
  return {
    href: mqttHref(address, topic),
    op: ["observeproperty", "unobserveproperty"],
    "mqv:filter": topic,
    ...mqtt("subscribe"),
  };
}

function actionForms(name: string, ways: Ways): JsonObject[] {
  const { thing, address } = ways;
  const topic = topicOf(thing, name);
  const href = `${thingUrl(ways)}/actions/${encodeURIComponent(name)}`;
  return [
    { href, op: ["invokeaction"], "htv:methodName": "POST", ...http },
    {
      href: mqttHref(address, topic),
      op: ["invokeaction"],
      "mqv:topic": topic,
      ...mqtt("publish"),
    },
  ];
}

function eventForms(name: string, ways: Ways): JsonObject[] {
  const { thing, address } = ways;
  const filter = topicOf(thing, name);
  const op = ["subscribeevent", "unsubscribeevent"];
  const href = `${thingUrl(ways)}/events/${encodeURIComponent(name)}`;
  return [
    { href: mqttHref(address, filter), op, "mqv:filter": filter, ...mqtt("subscribe") },
    { href: `${href}/next`, op, ...longPoll },
    { href, op, subprotocol: "sse", ...http },
  ];
}

/** Whatever it publishes, with its topic: for those who know the Thing and not its properties. */
function everything({ thing, address }: Ways): JsonObject {
  const forms = thing.publish.map((filter) => ({
    href: `${address.httpUrl}/api/v1/streams/${pathOf(filter)}`,
    op: ["subscribeevent", "unsubscribeevent"],
    subprotocol: "sse",
    ...http,
  }));
  const properties = { topic: { type: "string" }, payload: { type: "string" } };
  return { title: "Everything it publishes", data: { type: "object", properties }, forms };
}

const aboutSecurity =
  "A Thing's name or `token`, with its token; over HTTP a bearer's token does as well.";
/** What every Description has that leads through this node. */
export const aboutNode = {
  "@context": [context, { mqv: mqttVocabulary }],
  // a TD names how to authenticate and never the secret itself (TD 1.1 §5.3.3.1)
  securityDefinitions: {
    [nodeSecurity]: { scheme: "basic", in: "header", description: aboutSecurity },
  },
  security: [nodeSecurity],
};
const http = { contentType: json };
const longPoll = { ...http, subprotocol: "longpoll" };

function mqtt(packet: "publish" | "subscribe"): JsonObject {
  return { "mqv:controlPacket": packet, contentType: json };
}

/**
 * The broker, and the topic as its path too: the binding's document names the topic in a term of
 * its own only, and consumers that were made before it (node-wot) read the path.
 */
function mqttHref({ mqttUrl }: NodeAddress, topic: string): string {
  return `${mqttUrl}/${pathOf(topic)}`;
}

function thingUrl({ thing, address }: Ways): string {
  return `${address.httpUrl}/api/v1/things/${encodeURIComponent(thing.id)}`;
}

function pathOf(topic: string): string {
  return topic.split("/").map(encodeURIComponent).join("/");
}

function withForms(
  affordance: JsonObject,
  forms: readonly JsonObject[],
  { security }: Ways,
): JsonObject {
  const own = listOf(affordance["forms"])
    .map(objectAt)
    .filter(({ href }) => typeof href === "string")
    .map((form) => (security === undefined ? form : { security, ...form }));
  return { ...affordance, forms: [...forms, ...own] };
}

function mapped(
  members: unknown,
  map: (name: string, one: JsonObject) => JsonObject,
): Record<string, JsonObject> {
  return Object.fromEntries(
    Object.entries(objectAt(members))
      .filter(([, one]) => isObject(one))
      .map(([name, one]) => [name, map(name, objectAt(one))]),
  );
}
