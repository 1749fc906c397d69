import type { Run } from "./run.ts";
import type { Receiver, Share, Subscription } from "./subscription.ts";

/**
 * Subscribers that share one subscription (MQTT 5.0 §4.8.2): each message goes to one of them
 * [MQTT-4.8.2-4], the one that has least to do; among equals they take turns. Who is away gets
 * messages only while nobody is there.
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
    for (let rest = run; ; rest = rest.after(most)) {
      const [subscription, { member }] = this.#next(takers);
      if (rest.count <= most) {
        member.receive(rest, subscription);
        return;
      }
      member.receive(rest.first(most), subscription);
    }
  }

  #next(takers: readonly (readonly [Subscription, Share])[]): readonly [Subscription, Share] {
    const first = this.#turn++ % takers.length;
    let best = takers[first]!;
    for (let i = 1; i < takers.length; i++) {
      const other = takers[(first + i) % takers.length]!;
      if (other[1].member.load < best[1].member.load) best = other;
    }
    return best;
  }
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
