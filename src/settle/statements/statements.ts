/**
 * Statements: a month between two participants, drawn up and signed by the provider, answered by
 * the consumer line by line.
 *
 * In come receipts that both signed (their difference is a line) and what either side says about
 * a line: accepted, disputed, evidence shown, credited, agreed, withdrawn, expired; and that it
 * was paid. Each word is a step, signed, numbered and chained by who says it. Out go both sides'
 * words, the whole dossier at once and both ways (`exchange.ts`), so that a lost message, a crash
 * or a restored backup is mended by the next exchange; how each line then stands (`standing.ts`);
 * and entries of the ledger that correct or clear what receipts had posted (`record.ts`). A word
 * counts in the ledger once both sides have it.
 *
 * It never computes a price, never holds money, and freezes no line but the disputed one.
 */
import { type Clock, monthOf } from "../../kernel/clock.ts";
import { type Crash, neverCrash } from "../../kernel/crash.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { ComityError } from "../../kernel/errors.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { PublicJwk, Signer } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { type Ledger, postingId } from "../ledger.ts";
import { keyText } from "../signed-shapes.ts";
import type { Act, Dossier, SignedStep, StatementBody } from "./document.ts";
import { requireSigned, signStatement, signStep, statementHash, statementId } from "./document.ts";
import { answersTo, linesFor, receiptsLacked } from "./lines.ts";
import { entriesOf, otherSide, recordOf, recordsOf, recordWrite, standingHere } from "./record.ts";
import type { StatementRecord } from "./record.ts";
import { disagrees, mergedWith } from "./merge.ts";
import { drawnProblem, ownProblem, stepsOfSideMax } from "./rules.ts";

export interface StatementsOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly agreements: { get(id: string): Agreement | undefined; list(): readonly Agreement[] };
  readonly disputeDays?: number;
  readonly crash?: Crash;
}

const disputeDaysDefault = 30;

/** What this node holds of statements, and signs of them; `exchange.ts` takes it to the others. */
export class Statements {
  readonly #options: StatementsOptions;
  readonly #crash: Crash;
  readonly #turns = new Turns();

  constructor(options: StatementsOptions) {
    this.#options = options;
    this.#crash = options.crash ?? neverCrash;
  }

  list(month?: string): Promise<StatementRecord[]> {
    return recordsOf(this.#options.store, month);
  }

  /** Throws NOT_FOUND. */
  async need(id: string): Promise<StatementRecord> {
    const record = await recordOf(this.#options.store, id);
    if (record === undefined) throw new ComityError("NOT_FOUND", { what: "statement", id });
    return record;
  }

  /** As provider: the next statement of the month; one that is not out yet is that. */
  async draw(consumer: string, month: string): Promise<StatementRecord> {
    return this.#turns.take(consumer, async () => {
      const { store, signer, agreements } = this.#options;
      const earlier = await this.#ofPair(signer.did, consumer, month);
      const last = earlier.at(-1);
      if (last !== undefined && !last.told) return this.#signed(last);
      const sold = agreements
        .list()
        .filter((one) => one.role === "provider" && one.consumer === consumer);
      const at = this.#now();
      const isToCome = monthOf(Date.parse(at)) < month;
      const bodies = earlier.map(({ body }) => body);
      const place = { month, at, earlier: bodies };
      const lines = isToCome ? [] : await linesFor(store, this.#sameKeys(sold), place);
      if (lines.length === 0) {
        const what = "signed receipt without a statement yet for";
        throw new ComityError("NOT_FOUND", { what, id: `${consumer} in ${month}` });
      }
      const body: StatementBody = {
        v: 1,
        type: "statement",
        ...{ provider: signer.did, consumer, month, lines },
        number: (last?.body.number ?? 0) + 1,
        disputeDays: this.#options.disputeDays ?? disputeDaysDefault,
        at,
      };
      const record: StatementRecord = {
        ...{ id: statementId(body), role: "provider", body, told: false },
        ...{ steps: [], pending: [], cleared: [] },
      };
      await store.commit([recordWrite("add", record)]);
      this.#crash("statement.stored");
      return this.#signed(record);
    });
  }

  /** To be brought: one that a stop left unsigned is signed. */
  async ready(id: string): Promise<StatementRecord> {
    return this.#take(await this.need(id), (record) => this.#signed(record));
  }

  /** Signs a word of this side and keeps it until the other has it; STATE_INVALID says why not. */
  async act(id: string, act: Act): Promise<StatementRecord> {
    return this.#take(await this.need(id), async (record) => {
      const { clock, signer } = this.#options;
      const said = { steps: [...record.steps, ...record.pending], cleared: record.cleared };
      const context = { body: record.body, ...said, by: signer.did, now: clock.now() };
      const problem = heldProblem(record, act) ?? ownProblem(act, context);
      if (problem !== undefined) {
        throw new ComityError("STATEMENT_REFUSES", { id, act: act.do, problem });
      }
      const next = await this.#withStep(record, act);
      await this.#options.store.commit([recordWrite("put", next)]);
      this.#crash("statement.step");
      return next;
    });
  }

  /** As consumer: what can be said to lines that were left open when the statement came. */
  async answer(id: string): Promise<StatementRecord> {
    return this.#take(await this.need(id), async (record) => {
      const next = await this.#answered(record);
      if (next !== record) await this.#options.store.commit([recordWrite("put", next)]);
      return next;
    });
  }

  /** Agreements of lines that wait for receipts which are not here. */
  async lacks(record: StatementRecord): Promise<string[]> {
    const { store, agreements } = this.#options;
    const open = standingHere(record).lines.filter(({ state }) => state === "sent");
    const lines = open.map(({ line }) => line);
    return receiptsLacked(store, lines, (id) => agreements.get(id));
  }

  /** The other side refused what this side has signed: it never counted, and is given up. */
  async giveUp(id: string, problem: string): Promise<void> {
    await this.#take(await this.need(id), async (record) => {
      const next = { ...record, pending: record.told ? [] : record.pending, problem };
      await this.#options.store.commit([recordWrite("put", next)]);
      return next;
    });
  }

  /**
   * Takes in what the other side has; `from` is who is on the other end. Throws NOT_FOUND,
   * SIGNATURE_INVALID or STATEMENT_DISAGREES. Returned is what this side has now.
   */
  async take(from: string, dossier: Dossier): Promise<StatementRecord> {
    const { body } = dossier.statement;
    const { provider, consumer } = body;
    const sides = [provider, consumer];
    const own = this.#options.signer.did;
    if (from === own || !sides.includes(from) || !sides.includes(own)) {
      throw new ComityError("NOT_FOUND", { what: "statement", id: statementId(body) });
    }
    return this.#turns.take(from, async () => {
      const known = await recordOf(this.#options.store, statementId(body));
      if (known !== undefined && statementHash(known.body) !== statementHash(body)) {
        throw disagrees(body, `another statement ${body.number} is here already`);
      }
      const { record, instead } = known
        ? { record: known, instead: [] }
        : await this.#received(dossier);
      const merged = await this.#merged(record, dossier, known === undefined);
      if (merged === known) return known;
      const posted = new Set(entriesOf(record).map(postingId));
      const entries = entriesOf(merged).filter((entry) => !posted.has(postingId(entry)));
      const op = known === undefined ? "add" : "put";
      await this.#options.ledger.post(entries, [...instead, recordWrite(op, merged)]);
      this.#crash("statement.taken");
      return merged;
    });
  }

  /** All statements with a partner; they stay as they are until `work` is done. */
  withPartner<T>(other: string, work: (all: StatementRecord[]) => Promise<T>): Promise<T> {
    return this.#turns.take(other, async () => {
      const all = await recordsOf(this.#options.store);
      return work(all.filter((record) => otherSide(record) === other));
    });
  }

  /** One statement's writers take turns, with everything else of its partner. */
  async #take(
    record: StatementRecord,
    work: (record: StatementRecord) => Promise<StatementRecord>,
  ): Promise<StatementRecord> {
    return this.#turns.take(otherSide(record), async () => work(await this.need(record.id)));
  }

  async #ofPair(provider: string, consumer: string, month: string): Promise<StatementRecord[]> {
    const records = await recordsOf(this.#options.store, month);
    return records
      .filter(({ body }) => body.provider === provider && body.consumer === consumer)
      .toSorted((a, b) => a.body.number - b.body.number);
  }

  /** One signature stands for all lines: agreements that pin other keys are in the next one. */
  #sameKeys(agreements: readonly Agreement[]): Agreement[] {
    const own = keyText(this.#options.signer.publicJwk);
    const mine = agreements.filter(({ provider, keys }) => {
      const key = keys[provider];
      return key !== undefined && keyText(key) === own;
    });
    const theirs = mine[0]?.keys[mine[0].consumer];
    if (theirs === undefined) return [];
    const wanted = keyText(theirs);
    return mine.filter(({ consumer, keys }) => {
      const key = keys[consumer];
      return key !== undefined && keyText(key) === wanted;
    });
  }

  async #signed(record: StatementRecord): Promise<StatementRecord> {
    if (record.signature !== undefined) return record;
    const { store, signer } = this.#options;
    const signed = { ...record, signature: await signStatement(record.body, signer) };
    await store.commit([recordWrite("put", signed)]);
    this.#crash("statement.signed");
    return signed;
  }

  async #withStep(record: StatementRecord, act: Act): Promise<StatementRecord> {
    const { signer } = this.#options;
    const mine = [...record.steps, ...record.pending].filter(({ body }) => body.by === signer.did);
    if (mine.length >= stepsOfSideMax) {
      throw new ComityError("LIMIT_REACHED", { limit: stepsOfSideMax, what: "steps of one side" });
    }
    const last = mine.at(-1)?.body;
    const body = {
      v: 1 as const,
      type: "step" as const,
      statement: statementHash(record.body),
      by: signer.did,
      seq: (last?.seq ?? 0) + 1,
      prev: last === undefined ? ("" as const) : canonicalHash(last),
      // a clock that was put right may be before its own last word
      at: [this.#now(), (last ?? record.body).at].toSorted().at(-1)!,
      act,
    };
    const step: SignedStep = { body, signature: await signStep(body, signer) };
    return { ...record, pending: [...record.pending, step] };
  }

  /**
   * A statement that was not here: the provider's next, or one that this node has signed and lost.
   * Then what it drew up since under that number, and nobody has taken, goes.
   */
  async #received({
    statement,
  }: Dossier): Promise<{ readonly record: StatementRecord; readonly instead: Write[] }> {
    const { body, signature } = statement;
    const { provider, consumer, month, number } = body;
    for (const key of this.#keysOf(body, provider)) await requireSigned(statement, provider, key);
    const misdated = drawnProblem(body, this.#options.clock.now());
    if (misdated !== undefined) throw disagrees(body, misdated);
    const all = await this.#ofPair(provider, consumer, month);
    const idle = all.filter(({ told, body: one }) => !told && one.number === number);
    const earlier = all.filter((one) => !idle.includes(one));
    const next = (earlier.at(-1)?.body.number ?? 0) + 1;
    if (number < next) throw disagrees(body, `another statement ${number} is here already`);
    if (number > next) throw disagrees(body, `statement ${next} comes next, not ${number}`);
    const named = body.lines.map(({ agreement }) => agreement);
    if (new Set(named).size < named.length) throw disagrees(body, "it names an agreement twice");
    const role = provider === this.#options.signer.did ? "provider" : "consumer";
    const empty = { steps: [], pending: [], cleared: [] };
    const instead = idle.map(({ id }): Write => ({ op: "remove", kind: "statement", id }));
    const record: StatementRecord = {
      ...{ id: statementId(body), role, body, signature, told: true, ...empty },
    };
    return { record, instead };
  }

  /** By which the lines' agreements know a side, each once; NOT_FOUND where one is not theirs. */
  #keysOf(body: StatementBody, did: string): PublicJwk[] {
    const keys = new Map<string, PublicJwk>();
    for (const { agreement: id } of body.lines) {
      const agreement = this.#options.agreements.get(id);
      const isTheirs =
        agreement?.provider === body.provider && agreement.consumer === body.consumer;
      const key = isTheirs ? agreement.keys[did] : undefined;
      if (key === undefined) throw new ComityError("NOT_FOUND", { what: "agreement", id });
      keys.set(keyText(key), key);
    }
    return [...keys.values()];
  }

  async #merged(
    record: StatementRecord,
    { steps }: Dossier,
    isNew: boolean,
  ): Promise<StatementRecord> {
    const { signer, clock } = this.#options;
    const { provider, consumer } = record.body;
    const keys = new Map([provider, consumer].map((did) => [did, this.#keysOf(record.body, did)]));
    const next = await mergedWith(record, steps, { own: signer.did, now: clock.now(), keys });
    const own = [...next.steps, ...next.pending].some(({ body }) => body.by === signer.did);
    return isNew && !own ? this.#answered(next) : next;
  }

  /** With what this side, as consumer, says to lines it said nothing to yet. */
  async #answered(record: StatementRecord): Promise<StatementRecord> {
    const { store, agreements, clock } = this.#options;
    const { provider, consumer, month, at, number } = record.body;
    const open = standingHere(record).lines.filter(({ state }) => state === "sent");
    if (record.role !== "consumer" || open.length === 0) return record;
    const pair = await this.#ofPair(provider, consumer, month);
    const earlier = pair.map(({ body }) => body).filter((one) => one.number < number);
    const lines = open.map(({ line }) => line);
    const place = { earlier, now: clock.now() };
    let next = record;
    const said = await answersTo(store, { lines, month, at }, (id) => agreements.get(id), place);
    for (const act of said) next = await this.#withStep(next, act);
    return next;
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

export function isWaiting({ told, pending }: StatementRecord): boolean {
  return !told || pending.length > 0;
}

/** A set-off that is on its way says what is due: that stays until it is answered. */
function heldProblem({ held }: StatementRecord, { do: what }: Act): string | undefined {
  if (held === undefined || what === "evidence" || what === "credit") return undefined;
  return `set-off ${held} of it is not answered yet; comity setoff cancel ${held} takes it back`;
}
