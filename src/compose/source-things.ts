import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../kernel/json-object.ts";
import type { DescribedThing } from "../sectors/sector.ts";
import { TdInvalid } from "../things/wot/problem.ts";
import { sourceThingDescription } from "../things/wot/source-thing.ts";
import { formsOf } from "../things/wot/td-rules.ts";
import type { Rooms } from "./rooms.ts";

/** As for those that come over HTTP. */
const tdBytesMax = 1_048_576;

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
    const text = JSON.stringify(td);
    if (Buffer.byteLength(text) > tdBytesMax) {
      throw new TdInvalid([{ field: "(root)", description: `has more than ${tdBytesMax} bytes` }]);
    }
    await directory.put(id, text);
  };
}

/** Whoever names a machine like a Thing of somebody else does not get at its Description. */
function isOf(td: JsonObject, sourceTopic: string): boolean {
  const filters = formsOf(td).map(({ form }) => String(form["mqv:filter"]));
  return filters.length > 0 && filters.every((one) => one.startsWith(`${sourceTopic}/`));
}
