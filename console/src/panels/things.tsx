import type { ThingResource } from "../../../src/client/thing-resource.ts";
import { useAsked } from "../asked.ts";
import { age, numbered } from "../format.ts";
import { node } from "../node.ts";
import { now } from "../state.ts";
import { rich, say } from "../words.ts";
import { Listed } from "./listed.tsx";
import { Room, RoomTitle } from "./room.tsx";
import { Rows } from "./rows.tsx";

/** What is connected to this node, with the last each said. */
export function ThingsPage() {
  const { asked } = useAsked(node.things);
  return (
    <Room>
      <RoomTitle>{say("page.things")}</RoomTitle>
      <Listed
        asked={asked}
        none={rich("things.none", { command: <code>comity thing add NAME</code> })}
        filter={say("things.filter")}
        textOf={({ id, title, kind }) => `${id} ${title} ${kind}`}
        counted={(n) => numbered("count.thing", n)}
        table={(things) => (
          <Rows
            kind="things"
            label={say("page.things")}
            titles={[
              say("things.thing"),
              say("things.kind"),
              say("things.last"),
              say("things.age"),
            ]}
            rows={things}
            keyOf={({ id }) => id}
            cells={cellsOf}
          />
        )}
      />
    </Room>
  );
}

function cellsOf({ id, title, kind, last, lastAt }: ThingResource) {
  return [
    <>
      <b>
        <bdi>{title}</bdi>
      </b>{" "}
      {title === id ? "" : <bdi>{id}</bdi>}
    </>,
    kind,
    <code>
      <bdi>{last ?? "—"}</bdi>
    </code>,
    lastAt === undefined ? "—" : age(now.value - lastAt),
  ];
}
