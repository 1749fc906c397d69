import { isDeepStrictEqual } from "node:util";
import { type JsonObject, objectAt } from "../kernel/json-object.ts";
import type { DescribedThing } from "../sectors/sector.ts";
import { TdInvalid } from "../things/wot/problem.ts";
import { sourceThingDescription } from "../things/wot/source-thing.ts";
import { formsOf } from "../things/wot/td-rules.ts";
import type { Rooms } from "./rooms.ts";

/** Keeps Things behind sources in the directory; one that has not changed is no event there. */
export function describeSourceThings({ address, directory }: Pick<Rooms, "address" | "directory">) {
  return async ({ id, title, properties }: DescribedThing, sourceTopic: string): Promise<void> => {
    const own = Object.entries(properties).map(([name, { topic, schema }]) => [
      ...[name, { schema, topic: `${sourceTopic}/${topic}` }],
    ]);
    const thing = { id, title, properties: Object.fromEntries(own) };
    const td = sourceThingDescription(thing, address());
    const before = await directory.get(id);
    if (before !== undefined) {
      if (!isOf(before, sourceTopic)) {
        const description = "is that of a Thing that this source has not described";
        throw new TdInvalid([{ field: "id", description }]);
      }
      const same = ["title", "properties"].every((one) => isDeepStrictEqual(before[one], td[one]));
      if (same) return;
    }
    await directory.put(id, JSON.stringify(td));
  };
}

/** Whoever names a machine like a Thing of somebody else does not get at its Description. */
function isOf(td: JsonObject, sourceTopic: string): boolean {
  return formsOf(td).every(({ form }) => {
    return String(objectAt(form)["mqv:filter"]).startsWith(`${sourceTopic}/`);
  });
}
