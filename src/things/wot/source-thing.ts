import type { JsonObject } from "../../kernel/json-object.ts";
import { aboutNode, type NodeAddress, observeForm } from "./thing-description.ts";

/** A Thing whose streams a source of this node publishes; it has no token and takes no command. */
export interface SourceThing {
  readonly id: string;
  readonly title: string;
  readonly properties: Readonly<
    Record<string, { readonly topic: string; readonly schema: JsonObject }>
  >;
}

/** Its Description 1.1: each property is observed on a topic of this node. */
export function sourceThingDescription(
  { id, title, properties }: SourceThing,
  address: NodeAddress,
): JsonObject {
  const observed = Object.entries(properties).map(([name, { topic, schema }]) => [
    name,
    { ...schema, readOnly: true, observable: true, forms: [observeForm(address, topic)] },
  ]);
  return { ...aboutNode, id, title, properties: Object.fromEntries(observed) as JsonObject };
}
