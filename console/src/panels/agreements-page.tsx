import type { AgreementResource, UsageResource } from "../../../src/client/resources.ts";
import { useAsked } from "../asked.ts";
import { endOf } from "../ended.ts";
import { count, money, numbered, price } from "../format.ts";
import { node } from "../node.ts";
import { follow, hrefOf, looked } from "../router.ts";
import { partnerName } from "../state.ts";
import { rich, say } from "../words.ts";
import { AgreementView } from "./agreement.tsx";
import { Listed } from "./listed.tsx";
import { Room, RoomTitle } from "./room.tsx";
import { Rows } from "./rows.tsx";

/** What this node sells and buys, and how each of it stands. */
export function AgreementsPage() {
  const id = looked.value;
  return <Room>{id === undefined ? <List /> : <AgreementView id={id} />}</Room>;
}

/** An agreement with what was counted and what its partner is called. */
interface Line extends AgreementResource {
  readonly partner: string;
  readonly usage: UsageResource | undefined;
}

async function lines(): Promise<readonly Line[]> {
  const [agreements, usages] = await Promise.all([node.agreements(), node.usage()]);
  const counted = new Map(usages.map((one) => [one.agreement, one]));
  return agreements
    .map((one) => ({ ...one, partner: partnerName(one), usage: counted.get(one.id) }))
    .toSorted(
      (a, b) =>
        Number(a.state === "ended") - Number(b.state === "ended") ||
        b.signedAt.localeCompare(a.signedAt),
    );
}

function List() {
  const { asked } = useAsked(lines);
  return (
    <>
      <RoomTitle>{say("page.agreements")}</RoomTitle>
      <Listed
        asked={asked}
        none={rich("agreements.none", {
          find: <code>comity find</code>,
          agree: <code>comity agree</code>,
        })}
        filter={say("agreements.filter")}
        textOf={({ title, partner, role, id }) =>
          `${title} ${partner} ${say(`sold.${role}`)} ${id}`
        }
        counted={(n) => numbered("count.agreement", n)}
        table={(rows) => (
          <Rows
            kind="agreements"
            label={say("page.agreements")}
            titles={[
              say("column.stream"),
              say("agreement.with"),
              say("agreement.price"),
              say("column.messages"),
              say("column.amount"),
              say("agreement.state"),
            ]}
            rows={rows}
            keyOf={({ id }) => id}
            cells={cellsOf}
          />
        )}
      />
    </>
  );
}

function cellsOf({ id, title, partner, role, usage, state, ended, ...agreed }: Line) {
  const { messages = 0, amount = "0", currency = agreed.price.currency } = usage ?? {};
  const href = hrefOf("agreements", id);
  return [
    <a href={href} onClick={(event) => follow(event, "agreements", id)}>
      <bdi>{title}</bdi>
    </a>,
    <>
      {say(`sold.${role}`)} <bdi>{partner}</bdi>
    </>,
    <bdi>{price(agreed.price)}</bdi>,
    count(messages),
    money(amount, currency),
    <span class={`state-${state}`}>
      {ended ? say(`ended.${endOf(ended.reason)}`) : say("running")}
    </span>,
  ];
}
