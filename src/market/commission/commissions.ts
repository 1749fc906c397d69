import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import type { Store } from "../../ports/store.ts";
import {
  changesBetween,
  type Change,
  compareVersions,
  describeChange,
  levelOf,
  raised,
} from "./changes.ts";
import {
  type Commission,
  type Content,
  type Document,
  type NewCommission,
  signCommission,
} from "./document.ts";

export interface CommissionsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Documents, own and others'. */
  readonly documentsMax?: number;
}

const kind = "commission";
const firstVersion = "1.0.0";

/** The vocabularies that are kept here, by hash; every version stays. */
export class Commissions {
  readonly #options: CommissionsOptions;
  readonly #kept = new Map<string, Commission>();
  /** One after the other: the version before must be known. */
  #publishing: Promise<unknown> = Promise.resolve();

  private constructor(options: CommissionsOptions) {
    this.#options = options;
  }

  static async open(options: CommissionsOptions): Promise<Commissions> {
    const commissions = new Commissions(options);
    for (const { doc } of await options.store.list<Commission>(kind)) {
      commissions.#kept.set(doc.hash, doc);
    }
    return commissions;
  }

  /** By issuer, sector and version. */
  list(): readonly Commission[] {
    return [...this.#kept.values()].sort(({ document: a }, { document: b }) => {
      const byName = a.issuer.localeCompare(b.issuer) || a.sector.localeCompare(b.sector);
      return byName || compareVersions(a.version, b.version);
    });
  }

  /** Of one issuer and sector, the oldest first. */
  versions(issuer: string, sector: string): readonly Commission[] {
    return this.list().filter(({ document }) => {
      return document.issuer === issuer && document.sector === sector;
    });
  }

  /** What this node has published. */
  published(): readonly Commission[] {
    return this.list().filter(({ document }) => this.isOwn(document));
  }

  isOwn({ issuer }: Pick<Document, "issuer">): boolean {
    return issuer === this.#options.signer.did;
  }

  get(hash: string): Commission | undefined {
    return this.#kept.get(hash);
  }

  /**
   * By hash, or as `[issuer/]sector[@version]`: the newest where no version is named, this node's
   * own where no issuer is and it has one. NOT_FOUND where there is none, BODY_INVALID where
   * several fit.
   */
  need(name: string): Commission {
    const [, issuer, sector = "", version] = /^(?:(.+)\/)?([^/@]*)(?:@(.+))?$/.exec(name) ?? [];
    const named = this.list().filter(({ document }) => {
      if (document.sector !== sector || (version ?? document.version) !== document.version) {
        return false;
      }
      return (issuer ?? document.issuer) === document.issuer;
    });
    const own = named.filter(({ document }) => this.isOwn(document));
    const fitting = issuer === undefined && own.length > 0 ? own : named;
    const issuers = new Set(fitting.map(({ document }) => document.issuer));
    if (issuers.size > 1) {
      const problem = `${name} is published by ${[...issuers].join(" and ")}: name one, as in`;
      throw new ComityError("BODY_INVALID", { problem: `${problem} ${[...issuers][0]}/${name}` });
    }
    const found = this.#kept.get(name) ?? fitting.at(-1);
    if (!found) throw new ComityError("NOT_FOUND", { what: "vocabulary", id: name });
    return found;
  }

  /**
   * Signs and keeps it as the next version. COMMISSION_BREAKS where the version it names promises
   * more than it keeps; STATE_INVALID where it says nothing new.
   */
  publish(input: NewCommission): Promise<{ commission: Commission; changes: readonly Change[] }> {
    const published = this.#publishing.then(() => this.#publish(input));
    this.#publishing = published.catch(() => undefined);
    return published;
  }

  async #publish({ version: named, ...said }: NewCommission) {
    const { signer, clock } = this.#options;
    const { sector, title, messages, indicators = {} } = said;
    const { template = { product: {}, terms: {} } } = said;
    const content: Content = { sector, title, messages, indicators, template };
    const last = this.versions(signer.did, sector).at(-1);
    const changes = last === undefined ? [] : changesBetween(last.document, content);
    const document: Document = {
      ...{ v: 1, ...content },
      version: last === undefined ? (named ?? firstVersion) : nextVersion(last, changes, named),
      issuer: signer.did,
      issuedAt: new Date(clock.now()).toISOString(),
      ...(last !== undefined && { previous: last.hash }),
    };
    const commission = await signCommission(document, signer);
    await this.keep([commission]);
    return { commission, changes };
  }

  async keep(commissions: readonly Commission[]): Promise<void> {
    const { store, documentsMax = 1_000 } = this.#options;
    const added = commissions.filter(({ hash }) => !this.#kept.has(hash));
    if (this.#kept.size + added.length > documentsMax) {
      throw new ComityError("LIMIT_REACHED", { limit: documentsMax, what: "vocabularies" });
    }
    await store.commit(added.map((doc) => ({ op: "put", kind, id: doc.hash, doc })));
    for (const one of added) this.#kept.set(one.hash, one);
  }
}

function nextVersion(
  { document: { sector, version: last } }: Commission,
  changes: readonly Change[],
  named: string | undefined,
): string {
  const level = levelOf(changes);
  if (level === undefined) {
    const state = `published as ${last} already, word for word`;
    throw new ComityError("STATE_INVALID", {
      ...{ what: "Vocabulary", id: sector, state, act: "to publish it again" },
    });
  }
  const wanted = raised(last, level);
  if (named === undefined) return wanted;
  if (compareVersions(named, wanted) >= 0) return named;
  const isOlder = compareVersions(named, last) <= 0;
  const asked = changes.filter((change) => change.level === level).map(describeChange);
  const problem = isOlder ? `is not after ${last}` : `is a ${level} change: ${asked.join("; ")}`;
  throw new ComityError("COMMISSION_BREAKS", { sector, version: named, last, problem, wanted });
}
