import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { type Entropy, newToken } from "../kernel/id.ts";
import { priceProblem } from "../kernel/price-problem.ts";
import type { Store } from "../ports/store.ts";
import { type Principal, type Role, roles } from "./access.ts";
import { tokenHash } from "./token.ts";

/** A person or a program that works on this node. */
export interface User {
  /** `[a-z0-9-]{1,64}`. */
  readonly id: string;
  readonly role: Role;
  /** What the agreements this user makes may cost in a month; absent: no limit. */
  readonly budget?: Budget;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

export interface Budget {
  /** Decimal string, at most six places. */
  readonly amount: string;
  /** ISO 4217 code. */
  readonly currency: string;
}

export interface UsersOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly usersMax?: number;
  /**
   * Keeps the first owner's token where its owner finds it. Called before the user is stored, so
   * that a crash between the two leaves no node without a known owner.
   */
  readonly keepAdminToken: (token: string) => Promise<void>;
}

interface StoredUser {
  readonly user: User;
  readonly tokenHash: string;
}

const kind = "user";
const name = /^[a-z0-9-]{1,64}$/;

export class Users {
  readonly #options: UsersOptions;
  readonly #usersMax: number;
  readonly #users = new Map<string, StoredUser>();
  /** By the hash of the token: finding it takes the token itself, so no comparison leaks it. */
  readonly #byHash = new Map<string, User>();
  readonly #closers = new Set<(user: User) => void>();

  private constructor(options: UsersOptions) {
    this.#options = options;
    this.#usersMax = options.usersMax ?? 10_000;
  }

  /** The first time it makes the owner `admin`; only then there is an `adminToken`. */
  static async open(options: UsersOptions): Promise<{ users: Users; adminToken?: string }> {
    const users = new Users(options);
    for (const { doc } of await options.store.list<StoredUser>(kind)) users.#hold(doc);
    if (users.#users.size > 0) return { users };
    const adminToken = newToken(options.entropy);
    await options.keepAdminToken(adminToken);
    await users.#keep("admin", "owner", adminToken);
    return { users, adminToken };
  }

  /** In order of id. */
  list(): readonly User[] {
    return [...this.#users.values()]
      .map((stored) => stored.user)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: string): User | undefined {
    return this.#users.get(id)?.user;
  }

  async create(id: string, role: Role, budget?: Budget): Promise<{ user: User; token: string }> {
    if (!name.test(id)) {
      const problem = `the user's id "${id}" is not 1 to 64 of a-z, 0-9 and -`;
      throw new ComityError("BODY_INVALID", { problem });
    }
    if (!roles.includes(role)) {
      throw new ComityError("BODY_INVALID", { problem: `there is no role "${role}"` });
    }
    requireBudget(role, budget);
    if (this.#users.size >= this.#usersMax) {
      throw new ComityError("LIMIT_REACHED", { limit: this.#usersMax, what: "users" });
    }
    const token = newToken(this.#options.entropy);
    return { user: await this.#keep(id, role, token, budget), token };
  }

  /** Another budget, or none any more; agreements that were made stand. */
  async setBudget(id: string, budget: Budget | undefined): Promise<User> {
    const stored = this.#need(id);
    requireBudget(stored.user.role, budget);
    const { budget: _before, ...rest } = stored.user;
    const changed = { ...stored, user: { ...rest, ...(budget && { budget }) } };
    await this.#options.store.commit([{ op: "put", kind, id, doc: changed }]);
    this.#hold(changed);
    return changed.user;
  }

  async remove(id: string): Promise<void> {
    const stored = this.#need(id);
    const owners = this.list().filter((user) => user.role === "owner");
    if (stored.user.role === "owner" && owners.length === 1) {
      const act = "be removed: a node keeps at least one owner";
      throw new ComityError("FORBIDDEN", { who: `owner ${id}`, act });
    }
    await this.#options.store.commit([{ op: "remove", kind, id }]);
    this.#users.delete(id);
    this.#byHash.delete(stored.tokenHash);
    for (const listener of this.#closers) listener(stored.user);
  }

  /** Called with a user whose connections must end. Returns what stops listening. */
  onClosed(listener: (user: User) => void): () => void {
    this.#closers.add(listener);
    return () => this.#closers.delete(listener);
  }

  authenticate(token: string): Principal | undefined {
    const user = this.#byHash.get(tokenHash(token).toString("base64url"));
    return user && { kind: "user", id: user.id, role: user.role };
  }

  #need(id: string): StoredUser {
    const stored = this.#users.get(id);
    if (!stored) throw new ComityError("NOT_FOUND", { what: "user", id });
    return stored;
  }

  async #keep(id: string, role: Role, token: string, budget?: Budget): Promise<User> {
    const createdAt = new Date(this.#options.clock.now()).toISOString();
    const user: User = { id, role, ...(budget && { budget }), createdAt };
    const stored = { user, tokenHash: tokenHash(token).toString("base64url") };
    await this.#options.store.commit([{ op: "add", kind, id, doc: stored }]);
    this.#hold(stored);
    return user;
  }

  #hold(stored: StoredUser): void {
    this.#users.set(stored.user.id, stored);
    this.#byHash.set(stored.tokenHash, stored.user);
  }
}

/** Only who may agree spends, and an owner gives the budgets. */
function requireBudget(role: Role, budget: Budget | undefined): void {
  if (!budget) return;
  const { amount, currency } = budget;
  const problem =
    role === "trader"
      ? priceProblem({ amount, currency, perMessages: 1 })
      : `a budget is for the role trader, not ${role}`;
  if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
}
