import type { Run } from "./run.ts";
import type { Receiver, Share, Subscription } from "./subscription.ts";

type Taker = readonly [Subscription, Share];

/** Of those that can take a message at once so many are compared, however many there are. */
const comparedMax = 16;

/** How well a member can take a message. */
const fit = { notAtAll: 0, full: 1, away: 2, waiting: 3, atOnce: 4 } as const;
type Fit = (typeof fit)[keyof typeof fit];

interface Choice {
  readonly taker: Taker;
  readonly fit: Fit;
  /** How many were met that fit as well. */
  readonly alike: number;
}

/**
 * Subscribers that share one subscription (MQTT 5.0 §4.8.2): each message goes to one of them
 * [MQTT-4.8.2-4], the one that has least to do of those that can take it at once; among equals
 * they take turns. Where nobody can, it waits for one that has room for it, and for one who is
 * away only where nobody else has. Where no one has, it is given up, and counted.
 */
export class SharedGroup implements Receiver {
  readonly #members: Taker[] = [];
  readonly #places = new Map<Subscription, number>();
  #turn = 0;

  get size(): number {
    return this.#members.length;
  }

  join(subscription: Subscription): void {
    if (subscription.share === undefined || this.#places.has(subscription)) return;
    this.#places.set(subscription, this.#members.length);
    this.#members.push([subscription, subscription.share]);
  }

  /** False where it is no member. */
  leave(subscription: Subscription): boolean {
    const place = this.#places.get(subscription);
    if (place === undefined) return false;
    this.#places.delete(subscription);
    const last = this.#members.pop()!;
    if (last[0] === subscription) return true;
    this.#members[place] = last;
    this.#places.set(last[0], place);
    return true;
  }

  receive(run: Run): void {
    for (let rest = run; ;) {
      const choice = this.#choose(rest);
      if (choice === undefined) return;
      const [subscription, { member }] = choice.taker;
      // A burst is divided, so that no one gets all of it.
      const part = Math.ceil(run.count / Math.min(choice.alike, comparedMax));
      const most = Math.min(roomOf(choice, rest), part);
      if (rest.count <= most || choice.fit === fit.notAtAll) {
        member.receive(rest, subscription);
        return;
      }
      member.receive(rest.first(most), subscription);
      rest = rest.after(most);
    }
  }

  #choose(run: Run): Choice | undefined {
    const { length } = this.#members;
    const first = this.#turn++;
    let best: Taker | undefined;
    let bestFit: Fit = fit.notAtAll;
    let alike = 0;
    for (let i = 0; i < length && (bestFit < fit.atOnce || alike < comparedMax); i++) {
      const taker = this.#members[(first + i) % length]!;
      const itsFit = fitOf(taker, run);
      if (best === undefined || itsFit > bestFit) {
        best = taker;
        bestFit = itsFit;
        alike = 1;
      } else if (itsFit === bestFit) {
        alike++;
        if (taker[1].member.load < best[1].member.load) best = taker;
      }
    }
    return best && { taker: best, fit: bestFit, alike };
  }
}

function fitOf([subscription, { member }]: Taker, run: Run): Fit {
  const qos = qosOf(run, subscription);
  if (!member.isPresent) {
    return qos > 0 && member.queueRoomFor(run) > 0 ? fit.away : fit.notAtAll;
  }
  if (member.roomFor(qos) > 0) return fit.atOnce;
  return qos > 0 && member.queueRoomFor(run) > 0 ? fit.waiting : fit.full;
}

/** How many of the run are for it; of those that nobody has room for each has its part. */
function roomOf({ taker: [subscription, { member }], fit: its }: Choice, run: Run): number {
  if (its === fit.atOnce) return member.roomFor(qosOf(run, subscription));
  return its === fit.waiting || its === fit.away ? member.queueRoomFor(run) : Infinity;
}

function qosOf(run: Run, subscription: Subscription): 0 | 1 | 2 {
  return Math.min(run.qos, subscription.qos) as 0 | 1 | 2;
}

/** `$share/name/filter` (§4.8.2); undefined: the filter is not shared. */
export function sharedFilter(
  filter: string,
): { readonly share: string; readonly filter: string } | undefined {
  if (!filter.startsWith(prefix)) return undefined;
  const end = filter.indexOf("/", prefix.length);
  if (end === -1) return { share: filter.slice(prefix.length), filter: "" };
  return { share: filter.slice(prefix.length, end), filter: filter.slice(end + 1) };
}

/** As its client wrote it. */
export function writtenFilter({ share, filter }: Subscription): string {
  return share === undefined ? filter : `${prefix}${share.name}/${filter}`;
}

const prefix = "$share/";

/** What is wrong with the name of a share, or undefined [MQTT-4.8.2-1], [MQTT-4.8.2-2]. */
export function shareProblem(share: string): string | undefined {
  if (share === "") return "is empty";
  return /[+#]/.test(share) ? "has a wildcard" : undefined;
}
