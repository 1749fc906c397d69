import { Compile } from "typebox/compile";
import { Type } from "typebox";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Journal } from "../../kernel/journal.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { Peers } from "../../ports/peers.ts";
import { monthsStillOpen } from "../late-months.ts";
import { isRefusal, Retries, type RetriesOptions } from "../retries.ts";
import type { Act, Dossier } from "./document.ts";
import { dossierShape } from "./document.ts";
import { dossierOf, otherSide, standingHere } from "./record.ts";
import type { StatementRecord } from "./record.ts";
import { isWaiting, type Statements } from "./statements.ts";

export interface ExchangeOptions extends RetriesOptions {
  readonly statements: Statements;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly agreements: { list(): readonly Agreement[] };
  /** Receipts of an agreement that both signed and this node lost, from its provider. */
  readonly takeReceipts: (agreement: string) => Promise<void>;
  /** Between looks for a month that is over and for disputes that have expired. */
  readonly lookMs?: number;
}

/** Where a node takes statements and what the other side says to them. */
export const statementsPath = "/comity/v1/statements";
const dossiersShape = Compile(Type.Object({ statements: Type.Array(Type.Unknown()) }));

/** Takes statements and steps to the other side, until it has them; at a month's end by itself. */
export class StatementExchange {
  readonly #options: ExchangeOptions;
  readonly #turns = new Turns();
  readonly #retries: Retries;
  #look: NodeJS.Timeout | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#retries = new Retries((id) => this.#again(id), options);
  }

  /** Takes up what a stop left behind. */
  async start(): Promise<void> {
    for (const record of await this.#options.statements.list()) {
      if (isWaiting(record)) this.#retries.soon(record.id);
    }
    const look = (): void => void this.look().catch((thrown: unknown) => this.#missed(thrown));
    this.#look = setInterval(look, this.#options.lookMs ?? 3_600_000).unref();
    look();
  }

  async close(): Promise<void> {
    this.#retries.close();
    clearInterval(this.#look);
    await this.#turns.settled();
  }

  /** Draws it up and brings it; what the other side does not answer now goes on by itself. */
  async draw(consumer: string, month: string): Promise<StatementRecord> {
    const { id } = await this.#options.statements.draw(consumer, month);
    return this.bring(id);
  }

  async act(id: string, act: Act): Promise<StatementRecord> {
    await this.#options.statements.act(id, act);
    return this.bring(id);
  }

  /** Throws PEER_REFUSED or SIGNATURE_INVALID where the other side does not take it. */
  async bring(id: string): Promise<StatementRecord> {
    try {
      return await this.#turns.take(id, () => this.#exchange(id));
    } catch (thrown) {
      if (!isRefusal(thrown)) {
        this.#retries.later(id);
        return this.#options.statements.need(id);
      }
      await this.#options.statements.giveUp(id, problemOf(thrown));
      this.#note(id, `was refused: ${problemOf(thrown)}`);
      const { told } = await this.#options.statements.need(id);
      if (!told) this.#retries.later(id);
      throw thrown;
    }
  }

  /** What a partner may not have yet; and `lost`, which it had once and misses. */
  async bringAll(partner: string, lost?: string): Promise<void> {
    for (const record of await this.#options.statements.list()) {
      if (otherSide(record) !== partner) continue;
      if (isWaiting(record)) await this.bring(record.id);
      else if (record.id === lost) {
        const answer = await this.#options.peers.post(partner, statementsPath, dossierOf(record));
        await this.#options.statements.take(partner, this.#dossier(answer));
      }
    }
  }

  /** The other side's dossier; answered with this side's. */
  async receive(from: string, said: unknown): Promise<Dossier> {
    const record = await this.#options.statements.take(from, this.#dossier(said));
    if (isWaiting(record)) this.#retries.soon(record.id);
    const { id } = record;
    // its caller waits for what this side has now, and may have to be asked for more
    const answered = isOpen(record) && this.#turns.take(id, () => this.#answerOpen(record));
    if (answered) answered.catch((thrown: unknown) => this.#missed(thrown));
    return dossierOf(record);
  }

  /** Those of a month with the caller: for a side that lost them. */
  async ofMonth(from: string, month: string): Promise<{ statements: Dossier[] }> {
    const records = await this.#options.statements.list(month);
    const theirs = records.filter((one) => otherSide(one) === from && one.signature !== undefined);
    const inOrder = theirs.toSorted((a, b) => a.body.number - b.body.number);
    return { statements: inOrder.map(dossierOf) };
  }

  /**
   * Statements of the months that are over, answers to lines that were left open, and disputes
   * that nobody ended in time.
   */
  async look(): Promise<void> {
    const { agreements, clock, statements } = this.#options;
    const now = clock.now();
    const sold = agreements.list().filter((one) => one.role === "provider");
    for (const consumer of new Set(sold.map((one) => one.consumer))) {
      for (const over of monthsStillOpen(clock)) {
        if (this.#retries.closed) return;
        await this.draw(consumer, over).catch((thrown: unknown) => this.#missed(thrown));
      }
    }
    for (const record of await statements.list()) {
      const { lines } = standingHere(record);
      await this.#answerOpen(record);
      for (const { line, state, dispute } of lines) {
        const isDue = state === "disputed" && now >= Date.parse(dispute?.expiresAt ?? "");
        if (!isDue || this.#retries.closed) continue;
        const act: Act = { do: "expire", agreement: line.agreement };
        await this.act(record.id, act).catch((thrown: unknown) => this.#missed(thrown));
      }
    }
  }

  /** What the lines are made of and a restored backup has not, the provider has as well. */
  async #answerOpen(record: StatementRecord): Promise<void> {
    const { statements, takeReceipts } = this.#options;
    if (record.role !== "consumer" || !isOpen(record)) return;
    for (const agreement of await statements.lacks(record)) {
      if (this.#retries.closed) return;
      await takeReceipts(agreement).catch((thrown: unknown) => this.#missed(thrown));
    }
    const next = await statements.answer(record.id);
    if (isWaiting(next)) this.#retries.soon(next.id);
  }

  async #exchange(id: string): Promise<StatementRecord> {
    const { statements, peers } = this.#options;
    const record = await statements.ready(id);
    if (!isWaiting(record)) return record;
    const other = otherSide(record);
    const send = async (one: StatementRecord): Promise<StatementRecord> => {
      const answer = await peers.post(other, statementsPath, dossierOf(one));
      return statements.take(other, this.#dossier(answer));
    };
    try {
      return await send(record);
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      if (!(await this.#reconciled(record, thrown.message, send))) throw thrown;
      const known = (await statements.list(record.body.month)).find((one) => one.id === id);
      // what this node drew up anew on an old past was given up for what both had signed
      if (known === undefined) throw thrown;
      return isWaiting(known) ? send(known) : known;
    }
  }

  /** The other side lacks what came before, or has what this side lost. */
  async #reconciled(
    { id, body: { month, number } }: StatementRecord,
    refusal: string,
    send: (record: StatementRecord) => Promise<StatementRecord>,
  ): Promise<boolean> {
    const { statements, peers } = this.#options;
    const other = otherSide(await statements.need(id));
    if (/statement \d+ comes next/.test(refusal)) {
      const all = (await statements.list(month)).filter((one) => otherSide(one) === other);
      const role = (await statements.need(id)).role;
      const before = all.filter((one) => one.role === role && one.body.number < number);
      for (const one of before.toSorted((a, b) => a.body.number - b.body.number)) await send(one);
      return true;
    }
    if (!/another (statement|step) \d+/.test(refusal)) return false;
    const query = new URLSearchParams({ month });
    const page = await peers.get(other, `${statementsPath}?${query.toString()}`);
    if (!dossiersShape.Check(page)) return false;
    for (const one of page.statements) await statements.take(other, this.#dossier(one));
    return true;
  }

  #dossier(said: unknown): Dossier {
    if (dossierShape.Check(said)) return said;
    throw new ComityError("BODY_INVALID", { problem: "it is no statement of version 1" });
  }

  async #again(id: string): Promise<void> {
    try {
      const record = await this.bring(id);
      if (!isWaiting(record)) this.#retries.succeeded(id);
    } catch (thrown) {
      this.#missed(thrown);
    }
  }

  /** Refusals are noted where they are met; nothing to state is no news. */
  #missed(thrown: unknown): void {
    if (thrown instanceof ComityError || this.#retries.closed) return;
    throw thrown;
  }

  #note(id: string, what: string): void {
    const { journal, clock } = this.#options;
    journal.record({ at: clock.now(), kind: "statement", text: `Statement ${id} ${what}` });
  }
}

/** A line of it has not been answered. */
function isOpen(record: StatementRecord): boolean {
  return standingHere(record).lines.some(({ state }) => state === "sent");
}
