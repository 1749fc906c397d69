import { batch, computed, signal } from "@preact/signals";
import type { World, WorldAgreement, Happening, WorldNode } from "./world.ts";
import { type Connection, startFeed } from "./feed.ts";
import { followPending } from "./pending.ts";
import { caller, isSettled, signInWith, startSession } from "./session.ts";
import { dropMissing } from "./selection.ts";

/** What the page knows, as signals; the parts of the page read them and redraw themselves. */
export interface RatePoint {
  readonly at: number;
  readonly rate: number;
}

const HAPPENINGS_MAX = 40;
const HISTORY_MAX = 60;

export const world = signal<World | undefined>(undefined);
export const connection = signal<Connection>("connecting");
export const happenings = signal<readonly Happening[]>([]);
/** The node's clock, as this page can tell it; moves once a second. */
export const now = signal(Date.now());
/** Messages per second, by agreement id; `""` is the whole market. */
export const history = signal<ReadonlyMap<string, readonly RatePoint[]>>(new Map());

export const nodesByDid = computed<ReadonlyMap<string, WorldNode>>(
  () => new Map(world.value?.nodes.map((node) => [node.did, node])),
);
/** Who is on the other side of an agreement, by name where the world tells of that node. */
export function partnerName(agreement: {
  readonly role: "provider" | "consumer";
  readonly provider: string;
  readonly consumer: string;
}): string {
  const did = agreement.role === "provider" ? agreement.consumer : agreement.provider;
  return nodesByDid.value.get(did)?.title ?? did;
}

/** Running ones first, then by sector and title: rows never jump because a number changed. */
export const agreements = computed<readonly WorldAgreement[]>(() =>
  [...(world.value?.agreements ?? [])].sort(
    (a, b) =>
      Number(a.state === "ended") - Number(b.state === "ended") ||
      a.sector.localeCompare(b.sector) ||
      a.title.localeCompare(b.title) ||
      a.id.localeCompare(b.id),
  ),
);

let clockLead = 0;
let stopFeed: (() => void) | undefined;
let stopPending = new AbortController();

/** Signed in where this page was opened so; the world may be open to nobody in particular. */
export async function enter(): Promise<void> {
  // that no node answers is told by the feed
  const outcome = await startSession().catch(() => undefined);
  isSettled.value = true;
  connect(outcome);
}

/** Starts, or starts again as somebody else; `refused`: what was shown was not accepted. */
function connect(refused?: "refused"): void {
  stopFeed?.();
  stopPending.abort();
  stopPending = new AbortController();
  if (caller.value !== undefined) followPending(caller.value, stopPending.signal);
  stopFeed = startFeed({
    fetch: (...call) => fetch(...call),
    connection: (next) => {
      connection.value = next === "sign-in" ? (refused ?? next) : next;
    },
    world: takeWorld,
    happening: (happening) => {
      happenings.value = merged(happenings.value, [happening]);
    },
  });
}

export async function signIn(token: string): Promise<void> {
  connect((await signInWith(token)) ? undefined : "refused");
}

export function startClock(): void {
  setInterval(() => (now.value = Date.now() + clockLead), 1000);
}

function takeWorld(next: World): void {
  batch(() => {
    clockLead = next.at - Date.now();
    now.value = next.at;
    world.value = next;
    happenings.value = merged(happenings.value, next.happenings);
    history.value = grown(history.value, next);
    dropMissing(next);
  });
}

/** Newest first; what was told twice is kept once. */
function merged(known: readonly Happening[], told: readonly Happening[]): readonly Happening[] {
  const key = ({ at, kind, text }: Happening): string => `${at} ${kind} ${text}`;
  const seen = new Set(known.map(key));
  const fresh = told.filter((happening) => !seen.has(key(happening)));
  if (fresh.length === 0) return known;
  return [...fresh, ...known].sort((a, b) => b.at - a.at).slice(0, HAPPENINGS_MAX);
}

function grown(
  before: ReadonlyMap<string, readonly RatePoint[]>,
  { at, agreements }: World,
): ReadonlyMap<string, readonly RatePoint[]> {
  const running = agreements.filter(({ state }) => state === "active");
  const total = running.reduce((sum, { ratePerSecond }) => sum + ratePerSecond, 0);
  const rates: [string, number][] = [
    ["", total],
    ...agreements.map(({ id, ratePerSecond }): [string, number] => [id, ratePerSecond]),
  ];
  return new Map(
    rates.map(([id, rate]) => [id, [...(before.get(id) ?? []), { at, rate }].slice(-HISTORY_MAX)]),
  );
}
