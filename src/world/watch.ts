import type { World as Overview, WorldAgreement } from "../client/world.ts";
import type { Frame, Row } from "./terminal/frame.ts";
import type { Deal, World } from "./world.ts";

/** How the world is now, as one of its nodes that runs sees it, with what its desks measured. */
export async function look(world: World, startedAt: number, now: number): Promise<Frame> {
  const overview = await overviewOf(world);
  const told = new Map(overview?.agreements.map((one) => [one.id, one]));
  return {
    seconds: Math.floor((now - startedAt) / 1000),
    nodes: world.members.map(({ config, node }) => ({
      name: config.name,
      country: config.country,
      running: node.running,
      url: node.httpUrl,
    })),
    rows: world.deals.map((deal) => rowOf(deal, told.get(deal.agreement?.id ?? ""))),
    totals: (overview?.totals ?? []).map(({ currency, amount }) => ({ currency, amount })),
    ticker: (overview?.happenings ?? []).map(({ at, text }) => ({ at, text })).toReversed(),
  };
}

async function overviewOf(world: World): Promise<Overview | undefined> {
  for (const { node } of world.members) {
    if (!node.running) continue;
    try {
      return await node.http.world();
    } catch {
      // just being killed or started; another one may answer
    }
  }
  return undefined;
}

function rowOf(deal: Deal, told: WorldAgreement | undefined): Row {
  const { config, seat, agreement } = deal;
  const { value, unit } = seat.actor.outcome();
  return {
    stream: config.product,
    from: config.provider,
    to: config.consumer,
    agreement: agreement?.id ?? "",
    state: told?.link ?? "down",
    rate: told?.ratePerSecond ?? 0,
    latencyMs: seat.latencyMs,
    messages: told?.messages ?? 0,
    amount: told?.amount ?? "0",
    currency: deal.currency,
    sentence: config.sentence,
    told: deal.told,
    value,
    unit,
  };
}

/** Opens the console of the first node that runs, once, signed in as its owner. */
export async function signInLine(world: World): Promise<string> {
  for (const { node } of world.members) {
    if (!node.running) continue;
    const { path } = await node.http.signInLink();
    return `Open the console, signed in (good once): ${node.httpUrl}${path}`;
  }
  return "";
}

/** Lines that show a shared stream from outside, with the credential made for it. */
export function pasteLines(world: World): string[] {
  const deal = world.deals[0];
  if (!deal) return [];
  const { node, state } = deal.consumer;
  const token = state.tokens["visitor"] ?? "";
  const { host, port } = node.settings.mqtt;
  const { root } = deal.seat;
  return [
    `mosquitto_sub -h ${host} -p ${port} -u visitor -P ${token} -t '${root}/#' -v`,
    `curl -N -H 'Authorization: Bearer visitor:${token}' ${node.httpUrl}/api/v1/streams/${root}/%23`,
  ];
}
