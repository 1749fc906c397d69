import type { PeerResource } from "../client/resources.ts";
import type { Overview, World, WorldAgreement, WorldNode, WorldTotal } from "../client/world.ts";
import { formatAmount, parseAmount } from "../kernel/amount.ts";
import type { Happening } from "../kernel/journal.ts";

export interface PeerPart {
  readonly peer: PeerResource;
  /** The last one it told, whether or not it is online now. */
  readonly overview: Overview | undefined;
  readonly online: boolean;
}

interface Report {
  readonly by: string;
  readonly agreement: WorldAgreement;
}

const happeningsMax = 100;
/** Both sides tell of the same thing at about the same time; one of them is shown. */
const sameHappeningMs = 3_000;

/** One world of everybody's own part; pure. */
export function mergeWorld(own: Overview, peers: readonly PeerPart[]): World {
  const nodes = [own.node, ...peers.map(nodeOf).filter((node) => node !== undefined)];
  const online = new Set(nodes.filter((node) => node.online).map((node) => node.did));
  const parts = [own, ...peers.map((part) => part.overview).filter((part) => part !== undefined)];
  const agreements = mergeAgreements(own.node.did, parts).map((agreement) =>
    showBroken(agreement, online),
  );
  return {
    at: own.at,
    self: own.node.did,
    nodes,
    agreements,
    happenings: mergeHappenings(parts.map((part) => part.happenings)),
    totals: totalsOf(agreements),
  };
}

function nodeOf({ peer, overview, online }: PeerPart): WorldNode | undefined {
  if (overview) return online ? overview.node : { ...overview.node, online, messagesPerSecond: 0 };
  const { did, name, title = name, country = "", currency = "", place, url } = peer;
  if (!place) return undefined; // nothing to put on a map yet
  const base = { did, name, title, country, currency, place, url };
  return { ...base, online, messagesPerSecond: 0, things: [] };
}

/** What this node knows itself comes first, then what the consumer tells, then the provider. */
function mergeAgreements(self: string, parts: readonly Overview[]): WorldAgreement[] {
  const reports = new Map<string, Report[]>();
  for (const part of parts) {
    for (const agreement of part.agreements) {
      const list = reports.get(agreement.id) ?? [];
      list.push({ by: part.node.did, agreement });
      reports.set(agreement.id, list);
    }
  }
  return [...reports.values()].map((told) => mergeReports(self, told));
}

function mergeReports(self: string, told: readonly Report[]): WorldAgreement {
  const [first] = told;
  if (!first) throw new Error("an agreement without a report");
  const consumer = told.find(({ by, agreement }) => by === agreement.consumer)?.agreement;
  const provider = told.find(({ by, agreement }) => by === agreement.provider)?.agreement;
  const own = told.find(({ by }) => by === self)?.agreement;
  const base = own ?? consumer ?? provider ?? first.agreement;
  const ended = told.find(({ agreement }) => agreement.state === "ended")?.agreement;
  const latencyMs = consumer?.latencyMs ?? base.latencyMs;
  const effect = consumer?.effect;
  const { latencyMs: _latency, effect: _effect, ...rest } = base;
  return {
    ...rest,
    sector: provider?.sector ?? base.sector,
    link: ended ? "ended" : (consumer?.link ?? base.link),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(effect && { effect }),
    ...(ended && { state: "ended", ratePerSecond: 0 }),
    ...(ended?.endedReason !== undefined && { endedReason: ended.endedReason }),
  };
}

/** A link one of whose ends is gone is down, whatever was told last. */
function showBroken(agreement: WorldAgreement, online: ReadonlySet<string>): WorldAgreement {
  const bothOnline = online.has(agreement.provider) && online.has(agreement.consumer);
  if (agreement.state === "ended" || bothOnline) return agreement;
  return { ...agreement, link: "down", ratePerSecond: 0 };
}

function mergeHappenings(lists: readonly (readonly Happening[])[]): Happening[] {
  const all = lists.flat().sort((a, b) => a.at - b.at);
  const last = new Map<string, number>();
  const shown = all.filter(({ kind, agreement, at }) => {
    if (agreement === undefined) return true;
    const key = `${kind} ${agreement}`;
    const again = at - (last.get(key) ?? -Infinity) < sameHappeningMs;
    if (!again) last.set(key, at);
    return !again;
  });
  return shown.slice(-happeningsMax);
}

function totalsOf(agreements: readonly WorldAgreement[]): WorldTotal[] {
  const sums = new Map<string, { micro: bigint; messages: number }>();
  for (const { currency, amount, messages } of agreements) {
    const sum = sums.get(currency) ?? { micro: 0n, messages: 0 };
    sum.micro += parseAmount(amount) ?? 0n;
    sum.messages += messages;
    sums.set(currency, sum);
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, { micro, messages }]) => ({
      currency,
      amount: formatAmount(micro),
      messages,
    }));
}
