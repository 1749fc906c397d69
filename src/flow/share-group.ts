import type { Run } from "./run.ts";
import type { Receiver, Share, Subscription } from "./subscription.ts";

type Taker = readonly [Subscription, Share];

/**
 * Subscribers that share one subscription (MQTT 5.0 §4.8.2): each message goes to one of them
 * [MQTT-4.8.2-4], the one that has least to do of those that can take it at once; among equals
 * they take turns. Who is away gets messages only while nobody is there.
 */
export class SharedGroup implements Receiver {
  readonly #members = new Map<Subscription, Share>();
  #turn = 0;

  get size(): number {
    return this.#members.size;
  }

  join(subscription: Subscription): void {
    if (subscription.share !== undefined) this.#members.set(subscription, subscription.share);
  }

  /** False where it is no member. */
  leave(subscription: Subscription): boolean {
    return this.#members.delete(subscription);
  }

  receive(run: Run): void {
    const all = [...this.#members];
    const present = all.filter(([, { member }]) => member.isPresent);
    const takers = present.length > 0 ? present : all;
    if (takers.length === 0) return;
    // A burst is divided, so that no one gets all of it.
    const most = Math.ceil(run.count / takers.length);
    for (let rest = run; ;) {
      const taker = this.#next(takers, run.qos);
      const [subscription, { member }] = taker;
      const room = roomOf(taker, run.qos);
      // Where nobody has room, each has its part to wait for.
      const part = room === 0 ? most : Math.min(most, room);
      if (rest.count <= part) {
        member.receive(rest, subscription);
        return;
      }
      member.receive(rest.first(part), subscription);
      rest = rest.after(part);
    }
  }

  #next(takers: readonly Taker[], qos: 0 | 1 | 2): Taker {
    const first = this.#turn++ % takers.length;
    let best = takers[first]!;
    for (let i = 1; i < takers.length; i++) {
      const other = takers[(first + i) % takers.length]!;
      if (isBetter(other, best, qos)) best = other;
    }
    return best;
  }
}

function roomOf([subscription, { member }]: Taker, qos: 0 | 1 | 2): number {
  return member.roomFor(Math.min(qos, subscription.qos) as 0 | 1 | 2);
}

function isBetter(one: Taker, other: Taker, qos: 0 | 1 | 2): boolean {
  const hasRoom = roomOf(one, qos) > 0;
  if (hasRoom !== roomOf(other, qos) > 0) return hasRoom;
  return one[1].member.load < other[1].member.load;
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
