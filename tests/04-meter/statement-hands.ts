/** Statements and words about them, signed by hand with a side's real key, over the real routes. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { canonicalHash } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import type { Price } from "../../src/kernel/price.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { balancesOf } from "../../src/settle/ledger.ts";
import { dossierShape, signStatement, signStep } from "../../src/settle/statements/document.ts";
import type { Act, Dossier } from "../../src/settle/statements/document.ts";
import type { Line, StatementBody, Step } from "../../src/settle/statements/document.ts";
import { statementsPath } from "../../src/settle/statements/exchange.ts";
import { dossierOf, standingHere } from "../../src/settle/statements/record.ts";
import { until } from "../two-nodes.ts";
import { buyer, openPair, type Pair, seller, type Side } from "./sides.ts";

const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
export const agreement = "urn:uuid:6f6a1f0e-5b34-4d8c-9d53-5d2f1c6f7a10";
export const month = "2026-11";
/** A hundred messages, 50 EUR, that both have signed for. */
export async function sold(t: TestContext, at: Price = price): Promise<Pair> {
  const pair = await openPair(t, at);
  await pair.deliver(100);
  await pair.seller.provider.closeWindows();
  return pair;
}

/** The same, stated and accepted. */
export async function stated(t: TestContext): Promise<Pair> {
  const pair = await sold(t);
  const { id } = await pair.seller.exchange.draw(buyer, month);
  const [line] = standingHere(await pair.seller.statements.need(id)).lines;
  assert.deepEqual([line?.state, line?.line.amount], ["accepted", "50"]);
  await until("its consumer knows so", async () => {
    return (await pair.buyer.statements.list())[0]?.pending.length === 0;
  });
  return pair;
}

export async function keptBy(side: Side): Promise<unknown> {
  return [await side.statements.list(), await balancesOf(side.store)];
}

export async function owed({ store }: Side): Promise<bigint> {
  return -((await balancesOf(store))[0]?.accounts.payable ?? 0n);
}

/** What the other's node answers to a dossier: its own, or why not. */
export async function bring(pair: Pair, from: string, dossier: Dossier): Promise<Dossier | string> {
  const { peers } = from === seller ? pair.seller : pair.buyer;
  try {
    const answer = await peers.post(from === seller ? buyer : seller, statementsPath, dossier);
    assert.ok(dossierShape.Check(answer));
    return answer;
  } catch (thrown) {
    assert.ok(thrown instanceof ComityError, String(thrown));
    return thrown.message;
  }
}

/** Why it was not taken. */
export function refusal(answer: Dossier | string): string {
  return typeof answer === "string" ? answer : "it was taken";
}

/** The words of a statement so far, and who adds to them by hand. */
export class Hand {
  readonly #pair: Pair;
  readonly #did: string;
  #dossier!: Dossier;
  signer: Signer;

  constructor(pair: Pair, did: string) {
    this.#pair = pair;
    this.#did = did;
    this.signer = this.#side.signer;
  }

  /** With what its own honest node has of the only statement. */
  static async of(pair: Pair, did: string): Promise<Hand> {
    const hand = new Hand(pair, did);
    const [record] = await hand.#side.statements.list();
    hand.#dossier = dossierOf(record!);
    return hand;
  }

  get #side(): Side {
    return this.#did === seller ? this.#pair.seller : this.#pair.buyer;
  }

  get last(): Step | undefined {
    return this.#dossier.steps.findLast(({ body }) => body.by === this.#did)?.body;
  }

  /** The next step as it honestly is, changed. */
  async say(act: Act, change: Partial<Step> = {}): Promise<void> {
    const { last } = this;
    const body: Step = {
      ...{ v: 1, type: "step", statement: canonicalHash(this.#dossier.statement.body) },
      ...{ by: this.#did, seq: (last?.seq ?? 0) + 1 },
      prev: last === undefined ? "" : canonicalHash(last),
      ...{ at: new Date(this.#pair.clock.at).toISOString(), act },
      ...change,
    };
    const step = { body, signature: await signStep(body, this.signer) };
    this.#dossier = { ...this.#dossier, steps: [...this.#dossier.steps, step] };
  }

  bring(): Promise<Dossier | string> {
    return bring(this.#pair, this.#did, this.#dossier);
  }
}

/** The month as it honestly is, changed. */
export function bodyOf(pair: Pair, change: Partial<StatementBody>, line: Partial<Line> = {}) {
  const body: StatementBody = {
    ...{ v: 1, type: "statement", provider: seller, consumer: buyer, month, number: 1 },
    ...{ disputeDays: 30, at: new Date(pair.clock.at).toISOString() },
    lines: [
      {
        ...{ agreement, product: "sun", title: "Irradiance", from: 0, to: 1 },
        ...{ messages: 100, bytes: 1000, usage: "50", amount: "50", currency: "EUR" },
        ...line,
      },
    ],
    ...change,
  };
  return body;
}

export async function state(pair: Pair, body: StatementBody): Promise<Dossier | string> {
  const signature = await signStatement(body, pair.seller.signer);
  return bring(pair, seller, { statement: { body, signature }, steps: [] });
}
