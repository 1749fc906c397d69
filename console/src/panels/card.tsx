import type { Agreed, WorldAgreement, WorldNode } from "../world.ts";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { age, count, latency, measure, money, nation, numbered, rate, terms } from "../format.ts";
import { sectorOf } from "../sector.ts";
import { clearRight } from "../map/view.ts";
import { anchor, approach, choose, close, giveBack, leave, selection, stay } from "../selection.ts";
import { agreements, history, nodesByDid, now } from "../state.ts";
import { stateOf } from "./agreements.tsx";
import { say } from "../words.ts";
import { Arrow } from "./arrow.tsx";
import { Sign } from "./sign.tsx";
import { Spark } from "./spark.tsx";

const THINGS_SHOWN = 7;
const GAP = 18;
const EDGE = 12;

/** All there is to know about what the visitor looks at, beside it. */
export function Card() {
  const looked = selection.value;
  const node = looked?.kind === "node" ? nodesByDid.value.get(looked.id) : undefined;
  const agreement =
    looked?.kind === "agreement" ? agreements.value.find(({ id }) => id === looked.id) : undefined;
  const frame = useRef<HTMLDivElement>(null);
  const spot = anchor.value;
  useLayoutEffect(() => {
    if (frame.current && spot) put(frame.current, spot, looked?.kind === "agreement");
  });
  useKeyboard(frame, looked?.pinned === true ? `${looked.kind} ${looked.id}` : undefined);
  if (!looked || !(node ?? agreement)) return null;
  return (
    <div
      class="card"
      ref={frame}
      role="region"
      aria-label={say("card")}
      data-pinned={looked.pinned}
      onMouseEnter={stay}
      onMouseLeave={leave}
      onFocusIn={stay}
    >
      {looked.pinned && (
        <button type="button" class="card-close" aria-label={say("card.close")} onClick={close}>
          ×
        </button>
      )}
      {node && <NodeCard node={node} />}
      {agreement && <AgreementCard agreement={agreement} />}
    </div>
  );
}

/** Escape closes; what was chosen takes the focus, and gives it back. */
function useKeyboard(frame: { current: HTMLDivElement | null }, pinned: string | undefined): void {
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent): void => {
      if (key === "Escape") close();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useLayoutEffect(() => {
    if (pinned === undefined) return undefined;
    const before = document.activeElement;
    frame.current?.querySelector<HTMLElement>(".card-close")?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement || before instanceof SVGElement) {
        giveBack((options) => before.focus(options));
      }
    };
  }, [pinned]);
}

/** Beside a node, below or above an arc (whose ends stay in sight), wholly inside the map. */
function put(card: HTMLElement, spot: { readonly x: number; readonly y: number }, arc: boolean) {
  const room = card.parentElement?.getBoundingClientRect();
  if (!room) return;
  const { offsetWidth: width, offsetHeight: height } = card;
  const right = room.width - clearRight(card) - EDGE - width;
  const bottom = room.height - EDGE - height;
  const beside = spot.x + GAP <= right ? spot.x + GAP : spot.x - GAP - width;
  const under = spot.y + GAP <= bottom ? spot.y + GAP : spot.y - GAP - height;
  const left = Math.min(arc ? spot.x - width / 2 : beside, right);
  const top = Math.min(arc ? under : spot.y - height / 3, bottom);
  card.style.setProperty("--x", `${Math.round(Math.max(EDGE, left))}px`);
  card.style.setProperty("--y", `${Math.round(Math.max(EDGE, top))}px`);
}

function AgreementCard({ agreement }: { readonly agreement: WorldAgreement }) {
  const { id, title, sector, effect } = agreement;
  const titleOf = (did: string): string => nodesByDid.value.get(did)?.title ?? did;
  const said = stateOf(agreement);
  return (
    <>
      <p class="card-kind">
        <Sign sector={sectorOf(sector)} /> {say("card.agreement", { sector })}
        {said !== undefined && <b class="card-state">{said}</b>}
      </p>
      <h3>{title}</h3>
      <p class="card-parties">
        <bdi>{titleOf(agreement.provider)}</bdi> <Arrow /> <bdi>{titleOf(agreement.consumer)}</bdi>
      </p>
      {effect && (
        <p class="card-effect">
          <b>{measure(effect.value, effect.unit)}</b>
          <span>{effect.text}</span>
        </p>
      )}
      <dl>
        <dt>{say("column.rate")}</dt>
        <dd class="card-rate">
          <Spark points={history.value.get(id) ?? []} />
          {rate(agreement.ratePerSecond)}
        </dd>
        <dt>{say("column.latency")}</dt>
        <dd>{latency(agreement.latencyMs)}</dd>
        <dt>{say("card.delivered")}</dt>
        <dd>{numbered("count.message", agreement.messages)}</dd>
        <dt>{say("column.amount")}</dt>
        <dd>{money(agreement.amount, agreement.currency)}</dd>
        {hasTerms(agreement) && (
          <>
            <dt>{say("card.terms")}</dt>
            <dd>
              {terms(agreement).map((term) => (
                <span key={term} class="card-term">
                  {term}
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

function hasTerms(agreement: WorldAgreement): agreement is WorldAgreement & Agreed {
  return agreement.terms !== undefined;
}

function NodeCard({ node }: { readonly node: WorldNode }) {
  const own = agreements.value.filter(({ state }) => state === "active");
  return (
    <>
      <p class="card-kind">
        {say("card.node", { nation: nation(node.country), currency: node.currency })}
        {!node.online && <b class="card-state">{say("state.offline")}</b>}
      </p>
      <h3>{node.title}</h3>
      <p class="card-parties">
        {[node.place.name, rate(node.messagesPerSecond)].filter(Boolean).join(" · ")}
      </p>
      <Streams
        title={say("card.sells")}
        rows={own.filter(({ provider }) => provider === node.did)}
      />
      <Streams
        title={say("card.buys")}
        rows={own.filter(({ consumer }) => consumer === node.did)}
      />
      <h4>
        {say("card.things")} <span class="quiet">{count(node.things.length)}</span>
      </h4>
      <ul class="card-things">
        {node.things.slice(0, THINGS_SHOWN).map(({ id, title, last, lastAt }) => (
          <li key={id}>
            <span>{title}</span>
            <span class="card-last">{last ?? "—"}</span>
            <span class="card-age">{lastAt === undefined ? "" : age(now.value - lastAt)}</span>
          </li>
        ))}
      </ul>
      {node.things.length > THINGS_SHOWN && (
        <p class="quiet">{say("card.more", { n: count(node.things.length - THINGS_SHOWN) })}</p>
      )}
      {node.things.some(({ place }) => place) && (
        <button type="button" class="card-approach" onClick={() => lookCloser(node)}>
          {say("card.closer")}
        </button>
      )}
    </>
  );
}

/** The card would hide what somebody wants to see. */
function lookCloser({ place, things }: WorldNode): void {
  approach.value = [place, ...things.flatMap(({ place }) => place ?? [])];
  close();
}

function Streams({ title, rows }: { readonly title: string; rows: readonly WorldAgreement[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      <ul class="card-streams">
        {rows.map(({ id, title, sector }) => (
          <li key={id}>
            <Sign sector={sectorOf(sector)} />
            <button type="button" onClick={() => choose({ kind: "agreement", id })}>
              {title}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
