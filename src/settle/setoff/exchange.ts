import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Journal } from "../../kernel/journal.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Store } from "../../ports/store.ts";
import { isRefusal, Retries, type RetriesOptions } from "../retries.ts";
import { Currency, strict } from "../signed-shapes.ts";
import type { StatementExchange } from "../statements/exchange.ts";
import { otherSide, recordsOf } from "../statements/record.ts";
import { signedShape } from "./document.ts";
import type { SignedSetoff } from "./document.ts";
import type { SetoffRecord } from "./record.ts";
import type { Setoffs } from "./setoffs.ts";

export interface SetoffExchangeOptions extends RetriesOptions {
  readonly setoffs: Setoffs;
  readonly statements: Pick<StatementExchange, "bringAll">;
  readonly store: Store;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** What this node signs by itself with one participant; kind `setoff-consent`. */
interface Consent {
  /** Whatever the books here say as well. */
  readonly always: boolean;
  /** The currency that a person here asked the other side to draw up; once. */
  readonly asked?: string;
}

/** Where a node takes set-offs, wishes for one, and that one is refused. */
export const setoffsPath = "/comity/v1/setoffs";

const Said = Type.Union([
  Type.Object({ setoff: Type.Unknown() }, strict),
  Type.Object({ ask: Currency }, strict),
  Type.Object(
    { refuse: Type.String({ maxLength: 64 }), reason: Type.String({ maxLength: 500 }) },
    strict,
  ),
]);
const saidShape = Compile(Said);
const answerShape = Compile(Type.Object({ setoff: Type.Optional(Type.Unknown()) }));
const pageShape = Compile(Type.Object({ setoffs: Type.Array(Type.Unknown()) }));
/** Of those that both have signed, in one answer. */
const pageMax = 50;

/** Takes set-offs to the other side until it has them, and heeds what people here consent to. */
export class SetoffExchange {
  readonly #options: SetoffExchangeOptions;
  readonly #retries: Retries;

  constructor(options: SetoffExchangeOptions) {
    this.#options = options;
    this.#retries = new Retries((id) => this.#again(id), options);
  }

  /** Takes up what a stop left behind, and asks partners for what a restored backup lacks. */
  async start(): Promise<void> {
    const { setoffs, store } = this.#options;
    for (const { id, told } of await setoffs.list()) if (!told) this.#retries.soon(id);
    const partners = new Set((await recordsOf(store)).map(otherSide));
    for (const partner of partners) void this.#catchUp(partner).catch(() => undefined);
  }

  close(): void {
    this.#retries.close();
  }

  /**
   * What is owed both ways in a currency, as a draft with the first signature on its way; where
   * the other side draws up, it is asked to, and what it draws is signed here without asking.
   */
  async propose(other: string, currency: string): Promise<SetoffRecord | undefined> {
    const { setoffs, statements, peers } = this.#options;
    await statements.bringAll(other);
    if (setoffs.draws(other)) return this.bring((await setoffs.draw(other, currency)).id);
    const open = (await setoffs.open()).get(other) ?? [];
    if (!open.some((one) => one.currency === currency)) {
      const problem = `nothing in ${currency} is owed both ways`;
      throw new ComityError("SETOFF_REFUSED", { problem });
    }
    await this.#consent(other, { asked: currency });
    await peers.post(other, setoffsPath, { ask: currency });
    const all = await setoffs.list(other);
    return all.find(({ body, state }) => body.currency === currency && state !== "agreed");
  }

  /** The second signature. */
  async accept(id: string): Promise<SetoffRecord> {
    const { with: other } = await this.#options.setoffs.need(id);
    await this.#options.statements.bringAll(other);
    await this.#options.setoffs.accept(id);
    return this.bring(id);
  }

  /** Takes this side's draft back, or refuses the other's, once that knows. */
  async giveUp(id: string, reason: string): Promise<void> {
    const { setoffs, peers } = this.#options;
    const { state, with: other } = await setoffs.need(id);
    const told = peers.post(other, setoffsPath, { refuse: id, reason });
    // who drew it up may have it back whether the other hears of it or not
    await (state === "offered" ? told : told.catch(() => undefined));
    await setoffs.giveUp(id);
  }

  /** Whether what is offered is signed without a person's word, if the books here say the same. */
  async always(other: string, always: boolean): Promise<void> {
    await this.#consent(other, { always });
  }

  /** What the other side says; the answer has what this side has of it. */
  async receive(from: string, said: unknown): Promise<{ setoff?: SignedSetoff }> {
    if (!saidShape.Check(said)) throw malformed();
    const { setoffs } = this.#options;
    if ("refuse" in said) {
      const record = await setoffs.need(said.refuse);
      if (record.with !== from)
        throw new ComityError("NOT_FOUND", { what: "set-off", id: record.id });
      if (record.state === "agreed") return { setoff: signed(record) };
      await setoffs.giveUp(record.id);
      this.#note(record.id, `was given up there: ${said.reason}`);
      return {};
    }
    if ("ask" in said) {
      await this.#asked(from, said.ask);
      return {};
    }
    const record = await setoffs.take(from, signedOf(said.setoff));
    if (record.state === "agreed") return { setoff: signed(record) };
    this.#note(record.id, `over ${record.body.currency} was offered; comity setoff accept`);
    if (!(await this.#isWelcome(from, record.body.currency))) return {};
    const agreed = await setoffs.accept(record.id);
    this.#retries.soon(agreed.id); // the answer may be lost
    return { setoff: signed(agreed) };
  }

  /** Those that both have signed, above a number: for a side that lost them. */
  async after(from: string, number: number): Promise<{ setoffs: SignedSetoff[] }> {
    const all = await this.#options.setoffs.list(from);
    const later = all.filter(({ state, body }) => state === "agreed" && body.number > number);
    return { setoffs: later.slice(0, pageMax).map(signed) };
  }

  /** Throws what the other side answers instead of taking it; what it does not answer goes on. */
  async bring(id: string): Promise<SetoffRecord> {
    const { setoffs } = this.#options;
    try {
      return await this.#brought(await setoffs.need(id));
    } catch (thrown) {
      if (!isRefusal(thrown)) {
        this.#retries.later(id);
        return setoffs.need(id);
      }
      this.#note(id, `was not taken: ${problemOf(thrown)}`);
      const left = (await setoffs.list()).find((one) => one.id === id);
      if (left?.state === "drawn") await setoffs.giveUp(id);
      throw thrown;
    }
  }

  async #brought(record: SetoffRecord, isAgain = false): Promise<SetoffRecord> {
    const { setoffs, peers } = this.#options;
    const { id, with: other, told } = record;
    if (told) return record;
    try {
      const answer = await peers.post(other, setoffsPath, { setoff: signed(record) });
      if (!answerShape.Check(answer)) throw malformed();
      if (answer.setoff === undefined) return await setoffs.told(id);
      return await setoffs.take(other, signedOf(answer.setoff));
    } catch (thrown) {
      if (isAgain || !isRefusal(thrown) || !(await this.#reconciled(other, thrown))) throw thrown;
      return this.#brought(await setoffs.need(id), true);
    }
  }

  /** The other side lacks what came before, or has what this side lost. */
  async #reconciled(other: string, { message }: ComityError): Promise<boolean> {
    const { setoffs, statements, peers } = this.#options;
    const lost = /statement (\S+) is not here/.exec(message)?.[1];
    if (lost !== undefined) {
      await statements.bringAll(other, lost);
      return true;
    }
    const next = /set-off (\d+) comes next/.exec(message)?.[1];
    if (next !== undefined) {
      for (const one of await setoffs.list(other)) {
        if (one.state !== "agreed" || one.body.number < Number(next)) continue;
        await peers.post(other, setoffsPath, { setoff: signed(one) });
      }
      return true;
    }
    if (/another set-off/.test(message)) await this.#catchUp(other);
    return false;
  }

  /** Takes what both signed and this side has not. */
  async #catchUp(other: string): Promise<void> {
    const { setoffs, peers } = this.#options;
    for (;;) {
      const here = (await setoffs.list(other)).filter(({ state }) => state === "agreed");
      const after = here.at(-1)?.body.number ?? 0;
      const page = await peers.get(other, `${setoffsPath}?after=${after}`);
      if (!pageShape.Check(page)) throw malformed();
      for (const one of page.setoffs) await setoffs.take(other, signedOf(one));
      if (page.setoffs.length < pageMax) return;
    }
  }

  async #asked(from: string, currency: string): Promise<void> {
    const { setoffs } = this.#options;
    if (!setoffs.draws(from)) throw malformed();
    const { always } = await this.#consentOf(from);
    if (!always) {
      const { clock, journal } = this.#options;
      const text = `A set-off in ${currency} is asked for by ${from}; comity setoff propose`;
      journal.record({ at: clock.now(), kind: "setoff", text });
      return;
    }
    this.#retries.soon((await setoffs.draw(from, currency)).id);
  }

  async #isWelcome(from: string, currency: string): Promise<boolean> {
    const { always, asked } = await this.#consentOf(from);
    if (asked === currency) await this.#consent(from, { asked: undefined });
    return always || asked === currency;
  }

  async #consentOf(other: string): Promise<Consent> {
    const kept = await this.#options.store.get<Consent>("setoff-consent", other);
    return kept ?? { always: false };
  }

  async #consent(
    other: string,
    change: { always?: boolean; asked?: string | undefined },
  ): Promise<void> {
    const { always, asked } = { ...(await this.#consentOf(other)), ...change };
    const doc: Consent = { always, ...(asked !== undefined && { asked }) };
    await this.#options.store.commit([{ op: "put", kind: "setoff-consent", id: other, doc }]);
  }

  async #again(id: string): Promise<void> {
    try {
      if ((await this.bring(id)).told) this.#retries.succeeded(id);
    } catch (thrown) {
      if (!(thrown instanceof ComityError) && !this.#retries.closed) throw thrown;
    }
  }

  #note(id: string, what: string): void {
    const { journal, clock } = this.#options;
    journal.record({ at: clock.now(), kind: "setoff", text: `Set-off ${id} ${what}` });
  }
}

function signed({ body, signatures }: SetoffRecord): SignedSetoff {
  return { body, signatures };
}

function signedOf(said: unknown): SignedSetoff {
  if (signedShape.Check(said)) return said;
  throw malformed();
}

function malformed(): ComityError {
  return new ComityError("BODY_INVALID", { problem: "it is no set-off of version 1" });
}
