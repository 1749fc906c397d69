import type { Clock } from "../kernel/clock.ts";
import { type Entropy, newToken } from "../kernel/id.ts";
import { ShortLived } from "../kernel/short-lived.ts";
import type { Principal } from "./access.ts";
import { tokenHash } from "./token.ts";
import type { User, Users } from "./users.ts";

/** How long a link waits to be opened, and a session lives at most. */
export const consoleHours = 12;
const lifeMs = consoleHours * 3_600_000;
const linksMax = 1_000;
const sessionsMax = 1_000;

export interface ConsoleSessionsOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly users: Users;
}

/** Of one user, and of no later one with the same id. */
type Holder = Pick<User, "id" | "createdAt">;

/**
 * People in a browser: a link that is good once becomes a session, which is who opened it until it
 * ends. Both are kept as hashes and in memory only: a restart of the node signs everybody out.
 */
export class ConsoleSessions {
  readonly #options: ConsoleSessionsOptions;
  readonly #links: ShortLived<Holder>;
  readonly #sessions: ShortLived<Holder>;

  constructor(options: ConsoleSessionsOptions) {
    this.#options = options;
    this.#links = new ShortLived({ clock: options.clock, lifeMs, valuesMax: linksMax });
    this.#sessions = new ShortLived({ clock: options.clock, lifeMs, valuesMax: sessionsMax });
  }

  /** What a link of this node's carries; good once. */
  invite({ id, createdAt }: User): { readonly code: string; readonly until: string } {
    const code = newToken(this.#options.entropy);
    this.#links.put(nameOf(code), { id, createdAt });
    const until = new Date(this.#options.clock.now() + lifeMs).toISOString();
    return { code, until };
  }

  /** Whose link it was; undefined: used, too old, or never one. */
  redeem(code: string): User | undefined {
    return this.#userOf(this.#links.take(nameOf(code)));
  }

  /** The new session's secret. */
  open({ id, createdAt }: User): string {
    const secret = newToken(this.#options.entropy);
    this.#sessions.put(nameOf(secret), { id, createdAt });
    return secret;
  }

  principalOf(secret: string): Principal | undefined {
    const session = nameOf(secret);
    const user = this.#userOf(this.#sessions.get(session));
    return user && { kind: "user", id: user.id, role: user.role, session };
  }

  /** `session` as a principal names it. */
  isOpen(session: string): boolean {
    return this.#userOf(this.#sessions.get(session)) !== undefined;
  }

  close(secret: string): void {
    this.#sessions.take(nameOf(secret));
  }

  #userOf(holder: Holder | undefined): User | undefined {
    const user = holder && this.#options.users.get(holder.id);
    return user?.createdAt === holder?.createdAt ? user : undefined;
  }
}

function nameOf(secret: string): string {
  return tokenHash(secret).toString("base64url");
}
