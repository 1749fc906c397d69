import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { LinkResource } from "../../../src/client/link-resource.ts";
import type {
  AgreementDetail,
  TransferResource,
  UsageResource,
} from "../../../src/client/resources.ts";
import { problemOf } from "../../../src/kernel/errors.ts";
import { useAsked } from "../asked.ts";
import { endOf } from "../ended.ts";
import { age, count, day, latency, money, moment, price } from "../format.ts";
import { node } from "../node.ts";
import { follow, hrefOf } from "../router.ts";
import { caller } from "../session.ts";
import { agreements as worldAgreements, now, partnerName } from "../state.ts";
import { say } from "../words.ts";
import { Confirm } from "./confirm.tsx";
import { Unknown } from "./listed.tsx";
import { Refused } from "./refused.tsx";
import { Receipts, type SignedReceipt } from "./receipts.tsx";
import { RoomTitle } from "./room.tsx";

const RECEIPTS_SHOWN = 10;
/** To be told its receipts a node closes the window that is open. */
const RECEIPTS_EVERY_MS = 30_000;
const MAY_END: readonly string[] = ["trader", "owner"];

interface Told {
  readonly agreement: AgreementDetail;
  readonly link: LinkResource | undefined;
  readonly transfer: TransferResource | undefined;
  readonly receipts: readonly SignedReceipt[];
  /** Messages a second since it was asked last; undefined at first. */
  readonly rate: number | undefined;
}

/** Reads all of one agreement; remembers what was counted, for the rate. */
function reader(id: string): () => Promise<Told> {
  let before: { readonly at: number; readonly messages: number } | undefined;
  let receipts: readonly SignedReceipt[] = [];
  let receiptsAt = -Infinity;
  return async () => {
    const [agreement, links, transfers] = await Promise.all([
      node.agreement(id),
      node.links(),
      node.transfers.list(),
    ]);
    const newest = agreement.usage?.receipted?.seq ?? 0;
    if (
      newest > (receipts[0]?.body.seq ?? 0) &&
      performance.now() > receiptsAt + RECEIPTS_EVERY_MS
    ) {
      const after = Math.max(0, newest - RECEIPTS_SHOWN);
      const range = { after, limit: RECEIPTS_SHOWN };
      receipts = ((await node.receipts(id, range)) as SignedReceipt[]).toReversed();
      receiptsAt = performance.now();
    }
    const counted = { at: performance.now(), messages: agreement.usage?.messages ?? 0 };
    const rate = before && ((counted.messages - before.messages) * 1000) / (counted.at - before.at);
    before = counted;
    const link = links.find((one) => one.agreement === id);
    const transfer = transfers.find(
      (one) => one.agreement === id && !["COMPLETED", "TERMINATED"].includes(one.state),
    );
    return { agreement, link, transfer, receipts, rate };
  };
}

/** One agreement: how it stands, what is used of it, what both have signed; and to end it. */
export function AgreementView({ id }: { readonly id: string }) {
  const [read] = useState(() => reader(id));
  const { asked, again } = useAsked(read);
  return (
    <>
      <p class="room-back">
        <a href={hrefOf("agreements")} onClick={(event) => follow(event, "agreements")}>
          {say("agreement.all")}
        </a>
      </p>
      {asked.kind === "here" ? (
        <Agreement {...asked.told} again={again} />
      ) : (
        <>
          <RoomTitle>{say("page.agreements")}</RoomTitle>
          <Unknown kind={asked.kind} />
        </>
      )}
    </>
  );
}

function Agreement(props: Told & { readonly again: () => void }) {
  const { agreement, link, receipts, rate } = props;
  const { title, role, usage, signedAt, ended, plain } = agreement;
  return (
    <div class="sheet">
      <RoomTitle>
        <bdi>{title}</bdi>
      </RoomTitle>
      <p>
        {say(`sold.${role}`)} <bdi>{partnerName(agreement)}</bdi>
      </p>
      <Acts {...props} />
      <dl class="facts">
        <Fact name={say("agreement.state")}>
          {ended
            ? `${say(`ended.${endOf(ended.reason)}`)}, ${moment(ended.at)}`
            : stateOf(props.transfer)}
        </Fact>
        {link && (
          <Fact name={say("agreement.link")}>
            {say(`link.${link.state}`)}
            {link.lagMs === undefined ? "" : ` · ${latency(link.lagMs)}`}
            {link.lastError === undefined || link.state === "up" ? "" : ` · ${link.lastError}`}
          </Fact>
        )}
        {usage && (
          <>
            <Fact name={say("column.rate")}>
              {rate === undefined ? "—" : say("rate.second", { n: count(Math.round(rate)) })}
            </Fact>
            <Fact name={say("column.messages")}>{count(usage.messages)}</Fact>
            <Fact name={say("column.amount")}>{money(usage.amount, usage.currency)}</Fact>
            <Fact name={say("agreement.receipted")}>
              {usage.receipted ? count(usage.receipted.messages) : "—"}
            </Fact>
          </>
        )}
        <Limits id={agreement.id} usage={usage} />
        <Fact name={say("agreement.price")}>
          <bdi>{price(agreement.price)}</bdi>
        </Fact>
        <Fact name={say("agreement.signed")}>
          {`${moment(signedAt)} · ${age(now.value - Date.parse(signedAt))}`}
        </Fact>
      </dl>
      <h2>{say("agreement.terms")}</h2>
      <p lang="en" dir="ltr">
        {plain}
      </p>
      <Refused refused={usage?.refused ?? {}} />
      <Receipts receipts={receipts} />
    </div>
  );
}

/** What is used of what was agreed at most; the world tells what that is. */
function Limits({ id, usage }: { readonly id: string; readonly usage: UsageResource | undefined }) {
  const agreed = worldAgreements.value.find((one) => one.id === id)?.terms;
  const { messages = 0, bytes = 0 } = usage ?? {};
  const limits = [
    agreed?.messagesMax === undefined
      ? undefined
      : say("limit.messages", { used: count(messages), most: count(agreed.messagesMax) }),
    agreed?.bytesMax === undefined
      ? undefined
      : say("limit.bytes", { used: count(bytes), most: count(agreed.bytesMax) }),
    agreed?.notAfter === undefined ? undefined : say("terms.until", { day: day(agreed.notAfter) }),
  ].filter((one) => one !== undefined);
  if (limits.length === 0) return null;
  return <Fact name={say("agreement.limits")}>{limits.join(" · ")}</Fact>;
}

function stateOf(transfer: TransferResource | undefined): string {
  return transfer?.state === "SUSPENDED"
    ? say("agreement.rests", { by: say(`side.${transfer.suspendedBy ?? "provider"}`) })
    : say("running");
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What one may do to it; the node says no to who may not. */
function Acts({ agreement, transfer, again }: Told & { readonly again: () => void }) {
  const [asks, setAsks] = useState(false);
  const [said, setSaid] = useState("");
  if (agreement.state === "ended" || !MAY_END.includes(caller.value?.role ?? "")) return null;
  const act = (what: () => Promise<unknown>): void => {
    setSaid("");
    setAsks(false);
    what()
      .then(again)
      .catch((problem: unknown) => setSaid(problemOf(problem)));
  };
  const rests = transfer?.state === "SUSPENDED";
  return (
    <div class="acts">
      {transfer && (
        <button
          type="button"
          onClick={() => act(() => node.transfers.act(transfer.pid, rests ? "resume" : "suspend"))}
        >
          {say(rests ? "agreement.resume" : "agreement.suspend")}
        </button>
      )}
      <button type="button" class="grave" onClick={() => setAsks(true)}>
        {say("agreement.revoke")}
      </button>
      {asks && (
        <Confirm
          title={say("agreement.revoke")}
          does={say("agreement.revoke")}
          onNo={() => setAsks(false)}
          onYes={() => act(() => node.revoke(agreement.id))}
        >
          <p>
            <b>
              <bdi>{agreement.title}</bdi>
            </b>
          </p>
          <p>{say("revoke.stops")}</p>
          <p>{say("revoke.owed")}</p>
          <p>{say("revoke.final")}</p>
        </Confirm>
      )}
      <p role="status">{said}</p>
    </div>
  );
}
