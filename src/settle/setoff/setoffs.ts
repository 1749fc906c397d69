/**
 * Set-off: what two participants owe each other under accepted statements is cleared against each
 * other, in one currency, by a document that both sign. It says statement by statement what was
 * due, what of it is cleared, and what each is owed then.
 *
 * The side whose DID is lower draws it up and numbers it, so that two are never begun at once; the
 * other compares it with its own books and signs at most one of each number. It counts, on both
 * sides, as soon as the second signature is made: whoever gave the first has agreed, and takes the
 * second whenever it comes. While a draft is out its statements are neither paid nor disputed by
 * who drew it up. No money moves; what is left is paid outside.
 */
import type { Clock } from "../../kernel/clock.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { type Crash, neverCrash } from "../../kernel/crash.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { PublicJwk, Signer } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import type { Ledger } from "../ledger.ts";
import { statementHash } from "../statements/document.ts";
import type { StatementRecord } from "../statements/record.ts";
import { otherSide, recordWrite } from "../statements/record.ts";
import { keyText } from "../signed-shapes.ts";
import type { Statements } from "../statements/statements.ts";
import { setoffId, signersOf, signSetoff } from "./document.ts";
import type { SetoffBody, SignedSetoff } from "./document.ts";
import { arithmeticProblem, bodyOf, differenceFrom, nettings, pairOf } from "./netting.ts";
import type { Netting } from "./netting.ts";
import { clearedOf, setoffEntry, setoffsWith, setoffWrite } from "./record.ts";
import type { SetoffRecord } from "./record.ts";

export interface SetoffsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly statements: Statements;
  readonly agreements: { get(id: string): Agreement | undefined };
  readonly crash?: Crash;
}

/** How far the two sides' clocks may differ. */
const skewMs = 60_000;

/** What this node holds of set-offs, and signs of them; `exchange.ts` takes it to the others. */
export class Setoffs {
  readonly #options: SetoffsOptions;
  readonly #crash: Crash;

  constructor(options: SetoffsOptions) {
    this.#options = options;
    this.#crash = options.crash ?? neverCrash;
  }

  list(other?: string): Promise<SetoffRecord[]> {
    return setoffsWith(this.#options.store, other);
  }

  /** Throws NOT_FOUND. */
  async need(id: string): Promise<SetoffRecord> {
    const record = await this.#options.store.get<SetoffRecord>("setoff", id);
    if (record === undefined) throw new ComityError("NOT_FOUND", { what: "set-off", id });
    return record;
  }

  /** Whether this side draws up what is set off with that participant. */
  draws(other: string): boolean {
    return this.#options.signer.did < other;
  }

  /** What could be set off now, by participant. */
  async open(): Promise<ReadonlyMap<string, readonly Netting[]>> {
    const partners = Map.groupBy(await this.#options.statements.list(), otherSide);
    return new Map([...partners].map(([other, all]) => [other, this.#nettings(other, all)]));
  }

  /** The next one, drawn up and signed; or the one that is out. SETOFF_REFUSED says why not. */
  draw(other: string, currency: string): Promise<SetoffRecord> {
    return this.#options.statements.withPartner(other, async (all) => {
      const known = await this.list(other);
      const out = known.find(({ state }) => state === "drawn");
      if (out?.body.currency === currency) return out;
      if (out !== undefined) throw refused(`${out.id} in ${out.body.currency} is not answered yet`);
      const netting = this.#nettings(other, all).find((one) => one.currency === currency);
      if (netting === undefined) throw refused(`nothing in ${currency} is owed both ways`);
      const at = new Date(this.#options.clock.now()).toISOString();
      const place = { ...placeAfter(known), at };
      const body = bodyOf(this.#pair(other), netting, place);
      const signatures = [await signSetoff(body, this.#options.signer)];
      const id = setoffId(body);
      const record: SetoffRecord = {
        ...{ id, with: other, body, signatures, state: "drawn", told: false },
      };
      const held = all.filter((one) => body.items.some((item) => item.id === one.id));
      await this.#options.store.commit([
        setoffWrite(record),
        ...held.map((one) => recordWrite("put", { ...one, held: id })),
      ]);
      this.#crash("setoff.drawn");
      return record;
    });
  }

  /**
   * Takes in what the other side has of one: signed by both it counts from now; a draft is kept
   * until `accept`. NOT_FOUND, SIGNATURE_INVALID or SETOFF_DISAGREES.
   */
  take(from: string, signed: SignedSetoff): Promise<SetoffRecord> {
    return this.#options.statements.withPartner(from, async (all) => {
      const { body } = signed;
      const id = setoffId(body);
      const parties = body.claims.map(({ provider }) => provider);
      const own = this.#options.signer.did;
      if (from === own || !parties.includes(from) || !parties.includes(own)) {
        throw new ComityError("NOT_FOUND", { what: "set-off", id });
      }
      const known = await this.list(from);
      const here = known.find((one) => one.id === id);
      if (here?.state === "agreed") return this.#heard(here);
      const signers = await this.#signersOf(signed, all);
      this.#requireNext(body, known);
      if (signers.includes(from) && signers.includes(own)) {
        return this.#count({ ...signed, id, with: from, state: "agreed", told: true }, all, known);
      }
      if (own !== parties[1] || !signers.includes(from)) {
        throw disagrees(body, "its other party has not signed it");
      }
      this.#requireSame(from, body, all);
      const offered: SetoffRecord = { ...signed, id, with: from, state: "offered", told: true };
      const before = known.filter(({ state }) => state === "offered");
      await this.#options.store.commit([
        ...before.map((one): Write => ({ op: "remove", kind: "setoff", id: one.id })),
        setoffWrite(offered),
      ]);
      return offered;
    });
  }

  /** Signs what the other side offered, where it is still what the books here say. */
  async accept(id: string): Promise<SetoffRecord> {
    const { statements, signer } = this.#options;
    return statements.withPartner((await this.need(id)).with, async (all) => {
      const record = await this.need(id);
      if (record.state === "agreed") return record;
      if (record.state === "drawn") throw refused(`${record.with} has to sign it, not this node`);
      const known = await this.list(record.with);
      this.#requireNext(record.body, known);
      this.#requireSame(record.with, record.body, all);
      const signatures = [...record.signatures, await signSetoff(record.body, signer)];
      return this.#count({ ...record, signatures, state: "agreed", told: false }, all, known);
    });
  }

  /** Gives up a draft of either side; what both have signed stays. */
  async giveUp(id: string): Promise<void> {
    const { statements, store } = this.#options;
    await statements.withPartner((await this.need(id)).with, async (all) => {
      const { state } = await this.need(id);
      if (state === "agreed") throw refused(`${id} is signed by both`);
      const held = all.filter((one) => one.held === id);
      await store.commit([
        { op: "remove", kind: "setoff", id },
        ...held.map((one) => recordWrite("put", released(one))),
      ]);
    });
  }

  /** The other side has it. */
  async told(id: string): Promise<SetoffRecord> {
    return this.#options.statements.withPartner((await this.need(id)).with, async () =>
      this.#heard(await this.need(id)),
    );
  }

  async #heard(record: SetoffRecord): Promise<SetoffRecord> {
    if (record.told) return record;
    const next = { ...record, told: true };
    await this.#options.store.commit([setoffWrite(next)]);
    return next;
  }

  /** Into both the statements and the ledger, in one commit; drafts of its number are over. */
  async #count(
    record: SetoffRecord,
    all: readonly StatementRecord[],
    known: readonly SetoffRecord[],
  ): Promise<SetoffRecord> {
    const { id, body } = record;
    const over = known.filter((one) => one.state !== "agreed" && one.id !== id);
    const gone = new Set([id, ...over.map((one) => one.id)]);
    const statements = all.flatMap((one): Write[] => {
      const cleared = clearedOf(id, body, one.id);
      const isHeld = one.held !== undefined && gone.has(one.held);
      if (cleared.length === 0 && !isHeld) return [];
      const next = isHeld ? released(one) : one;
      return [recordWrite("put", { ...next, cleared: [...next.cleared, ...cleared] })];
    });
    await this.#options.ledger.post(
      [setoffEntry(record)],
      [
        ...statements,
        ...over.map((one): Write => ({ op: "remove", kind: "setoff", id: one.id })),
        setoffWrite(record),
      ],
    );
    this.#crash("setoff.agreed");
    return record;
  }

  async #signersOf(
    signed: SignedSetoff,
    all: readonly StatementRecord[],
  ): Promise<readonly string[]> {
    const { body } = signed;
    const problem = arithmeticProblem(body);
    if (problem !== undefined) throw disagrees(body, problem);
    const records = body.items.map(({ statement, id }) => {
      const record = all.find((one) => one.id === id);
      if (record !== undefined && statementHash(record.body) === statement) return record;
      throw disagrees(body, `statement ${id} is not here`);
    });
    const keys = records.map((one) => this.#keysOf(one));
    if (new Set(keys.map(keysText)).size > 1) {
      throw disagrees(body, "its statements are under different keys");
    }
    return signersOf(signed, (did) => keys[0]?.[did]);
  }

  #requireNext(body: SetoffBody, known: readonly SetoffRecord[]): void {
    const { number, prev } = placeAfter(known);
    if (body.number < number) {
      throw disagrees(body, `another set-off ${body.number} is here already`);
    }
    if (body.number > number) throw disagrees(body, `set-off ${number} comes next`);
    if (body.prev !== prev) throw disagrees(body, "it goes on from another than the last one here");
  }

  #requireSame(other: string, body: SetoffBody, all: readonly StatementRecord[]): void {
    const own = this.#nettings(other, all).find((one) => one.currency === body.currency);
    const difference = differenceFrom(body, own);
    if (difference !== undefined) throw disagrees(body, difference);
    const at = Date.parse(body.at);
    const isEarly = all.some(
      (one) =>
        body.items.some((item) => item.id === one.id) && Date.parse(one.body.at) - skewMs > at,
    );
    if (isEarly || at > this.#options.clock.now() + skewMs) {
      throw disagrees(body, `it is of ${body.at}`);
    }
  }

  /** Of statements under the keys that both have now: one signature stands for all of them. */
  #nettings(other: string, all: readonly StatementRecord[]): Netting[] {
    const newest = all.toSorted((a, b) => (a.body.at < b.body.at ? -1 : 1)).at(-1);
    if (newest === undefined) return [];
    const wanted = keysText(this.#keysOf(newest));
    const usable = all.filter((one) => keysText(this.#keysOf(one)) === wanted);
    return nettings(this.#pair(other), usable);
  }

  #keysOf({ body }: StatementRecord): Agreement["keys"] {
    const [line] = body.lines;
    return (line && this.#options.agreements.get(line.agreement)?.keys) ?? {};
  }

  #pair(other: string): readonly [string, string] {
    return pairOf(this.#options.signer.did, other);
  }
}

function placeAfter(known: readonly SetoffRecord[]): Pick<SetoffBody, "number" | "prev"> {
  const last = known.filter(({ state }) => state === "agreed").at(-1);
  if (last === undefined) return { number: 1, prev: "" };
  return { number: last.body.number + 1, prev: canonicalHash(last.body) };
}

function released({ held: _held, ...rest }: StatementRecord): StatementRecord {
  return rest;
}

function keysText(keys: Readonly<Record<string, PublicJwk>>): string {
  const texts = Object.entries(keys).map(([did, key]) => `${did} ${keyText(key)}`);
  return texts.toSorted().join();
}

function refused(problem: string): ComityError {
  return new ComityError("SETOFF_REFUSED", { problem });
}

function disagrees(body: SetoffBody, problem: string): ComityError {
  return new ComityError("SETOFF_DISAGREES", { id: setoffId(body), problem });
}
