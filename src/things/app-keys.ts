import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Entropy } from "../kernel/id.ts";
import { filterProblem } from "../kernel/topic.ts";
import type { Store } from "../ports/store.ts";
import type { Principal } from "./access.ts";
import {
  docOfSecret,
  isGood,
  newSecret,
  renewed,
  type Secret,
  type SecretDoc,
  secretOf,
  turnOf,
} from "./secret.ts";

/** What an app of this organisation connects with: topics and nothing else of the node. */
export interface AppKey {
  /** `[a-z0-9-]{1,64}`; the MQTT user name. */
  readonly id: string;
  /** Topic filters. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** ISO 8601, UTC; absent: good until it is removed. */
  readonly expiresAt?: string;
  readonly createdAt: string;
}

export interface AppKeyDraft {
  readonly id: string;
  readonly publish?: readonly string[] | undefined;
  readonly subscribe?: readonly string[] | undefined;
  readonly expiresInSeconds?: number | undefined;
}

export interface AppKeyWithToken {
  readonly key: AppKey;
  readonly token: string;
}

export interface AppKeysOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly keysMax?: number;
}

interface Entry {
  readonly key: AppKey;
  readonly secret: Secret;
}

const kind = "app-key";
const name = /^[a-z0-9-]{1,64}$/;
const filtersMax = 100;

export class AppKeys {
  readonly #options: AppKeysOptions;
  readonly #keysMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #closers = new Set<(id: string) => void>();

  private constructor(options: AppKeysOptions) {
    this.#options = options;
    this.#keysMax = options.keysMax ?? 10_000;
  }

  static async open(options: AppKeysOptions): Promise<AppKeys> {
    const keys = new AppKeys(options);
    for (const { id, doc } of await options.store.list<{ key: AppKey } & SecretDoc>(kind)) {
      keys.#entries.set(id, { key: doc.key, secret: secretOf(doc) });
    }
    return keys;
  }

  /** In order of id. */
  list(): readonly AppKey[] {
    return [...this.#entries.values()].map(({ key }) => key).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** BODY_INVALID, STORE_CONFLICT or LIMIT_REACHED where it cannot be. */
  async create(draft: AppKeyDraft): Promise<AppKeyWithToken> {
    const problem = draftProblem(draft);
    if (problem !== undefined) throw new ComityError("BODY_INVALID", { problem });
    if (this.#entries.size >= this.#keysMax) {
      throw new ComityError("LIMIT_REACHED", { limit: this.#keysMax, what: "app keys" });
    }
    const { id, publish = [], subscribe = [], expiresInSeconds } = draft;
    const now = this.#options.clock.now();
    const key: AppKey = {
      ...{ id, publish, subscribe, createdAt: new Date(now).toISOString() },
      ...(expiresInSeconds !== undefined && {
        expiresAt: new Date(now + expiresInSeconds * 1000).toISOString(),
      }),
    };
    const { token, secret } = newSecret(this.#options.entropy);
    await this.#keep({ key, secret }, "add");
    return { key, token };
  }

  /** A new token; the old one is good for so long, and 0 ends its connections now. */
  async rotate(id: string, graceMs: number): Promise<AppKeyWithToken> {
    const { key, secret: old } = this.#entry(id);
    const { token, secret } = renewed(old, this.#options, graceMs);
    await this.#keep({ key, secret }, "put");
    if (graceMs === 0) this.#close(id);
    return { key, token };
  }

  async remove(id: string): Promise<void> {
    this.#entry(id);
    await this.#options.store.commit([{ op: "remove", kind, id }]);
    this.#entries.delete(id);
    this.#close(id);
  }

  /** Who this is, or undefined; takes as long whether the key or only its token is wrong. */
  authenticate(id: string, token: string): Principal | undefined {
    const entry = this.#entries.get(id);
    const now = this.#options.clock.now();
    const turn = turnOf(token, entry?.secret, now);
    if (entry === undefined || turn === undefined) return undefined;
    const { publish, subscribe, expiresAt } = entry.key;
    const until = expiresAt === undefined ? Infinity : Date.parse(expiresAt);
    if (now >= until) return undefined;
    return { ...{ kind: "app", id, publish, subscribe, turn }, ...(expiresAt && { until }) };
  }

  /** Whether a connection that came with that turn's token may stay. */
  isGood(id: string, turn: number): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isGood(entry.secret, turn, this.#options.clock.now());
  }

  /** Called with the id of a key whose connections must end. Returns what stops listening. */
  onClosed(listener: (id: string) => void): () => void {
    this.#closers.add(listener);
    return () => this.#closers.delete(listener);
  }

  #close(id: string): void {
    for (const listener of this.#closers) listener(id);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new ComityError("NOT_FOUND", { what: "app key", id });
    return entry;
  }

  async #keep(entry: Entry, op: "add" | "put"): Promise<void> {
    const { id } = entry.key;
    const doc = { key: entry.key, ...docOfSecret(entry.secret) };
    await this.#options.store.commit([{ op, kind, id, doc }]);
    this.#entries.set(id, entry);
  }
}

function draftProblem({ id, publish = [], subscribe = [] }: AppKeyDraft): string | undefined {
  if (!name.test(id)) return `the key's name "${id}" is not 1 to 64 of a-z, 0-9 and -`;
  const filters = [...publish, ...subscribe];
  if (filters.length === 0) return "the key opens nothing: name topics to publish or to subscribe";
  if (filters.length > filtersMax) return `the key has more than ${filtersMax} topic filters`;
  for (const filter of filters) {
    const problem = filterProblem(filter);
    if (problem !== undefined) return `the topic filter "${filter}" ${problem}`;
  }
  return undefined;
}
