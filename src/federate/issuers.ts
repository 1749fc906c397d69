import { type Static, Type } from "typebox";
import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { changesBetween, compareVersions, describeChange } from "../market/commission/changes.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import {
  type Commission,
  HashText,
  readCommission,
  SectorName,
  VersionText,
} from "../market/commission/document.ts";
import type { Recognition, Recognitions } from "../market/commission/recognitions.ts";
import { parseMessage } from "../wire/dsp/parse.ts";
import { commissionPath } from "./commission-routes.ts";
import type { PeerBook } from "./peers.ts";

/** A signed document of the greatest size, in base64. */
const answerBytesMax = 400_000;
const answerWithinMs = 5_000;
const versionsMax = 100;
const everyMsDefault = 3_600_000;

const Listed = Type.Object({ sector: SectorName, version: VersionText, hash: HashText });
const List = Type.Object({
  issuer: Type.String({ maxLength: 512 }),
  vocabularies: Type.Array(Listed, { minItems: 1, maxItems: versionsMax }),
});
type Listed = Static<typeof Listed>;

const Signed = Type.Object({
  payload: Type.String(),
  signatures: Type.Array(Type.Object({ protected: Type.String(), signature: Type.String() }), {
    minItems: 1,
    maxItems: 4,
  }),
});

export interface IssuersOptions {
  readonly peers: Pick<PeerBook, "getOnce" | "keyOf" | "didAt" | "list" | "nameOf">;
  readonly commissions: Commissions;
  readonly recognitions: Recognitions;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly did: string;
  /** Between two looks at what they publish; an hour where absent, 0: only when asked. */
  readonly everyMs?: number | undefined;
}

/**
 * What other participants publish as vocabularies: read, verified, and held against what was
 * accepted of them before. Every version must lead back to it by the hashes in the documents.
 */
export class Issuers {
  readonly #options: IssuersOptions;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<unknown> = Promise.resolve();

  constructor(options: IssuersOptions) {
    this.#options = options;
  }

  start(): void {
    const { everyMs = everyMsDefault } = this.#options;
    if (everyMs === 0) return;
    this.#timer ??= setInterval(() => void this.check(), everyMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checking;
  }

  /** `named`: a DID, a peer's name, or the address of its node. Again: accepts what is new. */
  async recognise(named: string, sector: string): Promise<Recognition> {
    const { recognitions, did } = this.#options;
    const issuer = await this.#didOf(named);
    if (issuer === did) {
      const problem = "this node recognises what it publishes itself";
      throw new ComityError("COMMISSION_REFUSED", { issuer, sector, problem });
    }
    const known = recognitions.get(issuer, sector);
    if (known !== undefined) return known;
    return recognitions.recognise(await this.#read(issuer, sector));
  }

  /** Looks at what all of them publish now; never rejects, what is wrong stands with each. */
  async check(): Promise<void> {
    const work = this.#checking.then(async () => {
      for (const recognition of this.#options.recognitions.list()) {
        await this.#check(recognition).catch(() => undefined); // the store tells it itself
      }
    });
    this.#checking = work;
    await work;
  }

  async #check(recognition: Recognition): Promise<void> {
    const { recognitions, commissions } = this.#options;
    const { issuer, sector, offered } = recognition;
    try {
      const since = await this.#read(issuer, sector, commissions.get(recognition.accepted));
      const now = await recognitions.offer(recognition, since);
      if (now.offered !== undefined && now.offered !== offered) this.#tell(now);
    } catch (thrown) {
      const rival = thrown instanceof Equivocation ? thrown.rival.signed : undefined;
      const problem = thrown instanceof ComityError ? thrown.message : problemOf(thrown);
      await recognitions.object(recognition, problem, rival);
    }
  }

  /** What it has published since the known version, the oldest first; without one, all of it. */
  async #read(issuer: string, sector: string, known?: Commission): Promise<readonly Commission[]> {
    const { issuer: said, vocabularies } = parseMessage(
      List,
      await this.#get(issuer, `/commissions/${sector}`),
    );
    const refused = (problem: string): ComityError =>
      new ComityError("COMMISSION_REFUSED", { issuer, sector, problem });
    if (said !== issuer) throw refused(`its list is ${said}'s`);
    const list = vocabularies
      .filter((one) => one.sector === sector)
      .sort((a, b) => compareVersions(a.version, b.version));
    await this.#assertOneEach(issuer, sector, list);
    let wanted = list.at(-1);
    if (wanted === undefined) throw refused("its list names none");
    if (known !== undefined && compareVersions(wanted.version, known.document.version) < 0) {
      const { version } = known.document;
      throw refused(`its newest is ${wanted.version}, and ${version} was accepted here`);
    }
    const chain: Commission[] = [];
    while (wanted !== undefined && wanted.hash !== known?.hash) {
      const found = await this.#readOne(issuer, wanted);
      chain.unshift(found);
      const { version, previous } = found.document;
      if (previous === undefined) {
        if (known === undefined) break;
        throw refused(`${version} does not come after ${known.document.version}, which it signed`);
      }
      wanted = list.find(({ hash }) => hash === previous);
      if (wanted === undefined || compareVersions(wanted.version, version) >= 0) {
        throw refused(`${version} names a version before it that is not in its list`);
      }
    }
    return chain;
  }

  /** Two documents under one version are two words about one thing: kept as proof, not taken. */
  async #assertOneEach(issuer: string, sector: string, list: readonly Listed[]): Promise<void> {
    const kept = this.#options.commissions.versions(issuer, sector);
    for (const listed of list) {
      const before = kept.find(({ document }) => document.version === listed.version);
      if (before === undefined || before.hash === listed.hash) continue;
      throw new Equivocation(before, await this.#readOne(issuer, listed));
    }
  }

  async #readOne(issuer: string, { sector, version, hash }: Listed): Promise<Commission> {
    const { peers } = this.#options;
    const answer = await this.#get(issuer, commissionPath({ sector, version }));
    const signed = parseMessage(Signed, answer);
    const found = await readCommission(signed, issuer, await peers.keyOf(issuer));
    const { document } = found;
    if (found.hash === hash && document.sector === sector && document.version === version) {
      return found;
    }
    const problem = `under ${version} its list has ${hash}, and its node ${found.hash}`;
    throw new ComityError("COMMISSION_REFUSED", { issuer, sector, problem });
  }

  #get(issuer: string, path: string): Promise<unknown> {
    const limits = { timeoutMs: answerWithinMs, bytesMax: answerBytesMax };
    return this.#options.peers.getOnce(issuer, path, limits);
  }

  async #didOf(named: string): Promise<string> {
    const { peers } = this.#options;
    if (named.startsWith("did:")) return named;
    const peer = peers.list().find(({ name }) => name === named);
    return peer?.did ?? peers.didAt(named);
  }

  #tell({ issuer, sector, accepted, offered = "" }: Recognition): void {
    const { peers, commissions, clock, journal } = this.#options;
    const [old, next] = [commissions.get(accepted), commissions.get(offered)];
    if (old === undefined || next === undefined) return;
    const breaking = changesBetween(old.document, next.document).filter(
      ({ level }) => level === "major",
    );
    const what = `${peers.nameOf(issuer)} has published ${sector} ${next.document.version}`;
    const broken = breaking.map(describeChange).join("; ");
    const text = broken === "" ? what : `${what}, which breaks: ${broken}`;
    journal.record({ at: clock.now(), kind: "commission.new", text });
  }
}

class Equivocation extends ComityError {
  readonly rival: Commission;

  constructor(kept: Commission, rival: Commission) {
    const { issuer, sector, version } = kept.document;
    const problem = `it signed two documents as ${version}: ${kept.hash} and ${rival.hash}`;
    super("COMMISSION_REFUSED", { issuer, sector, problem });
    this.rival = rival;
  }
}
