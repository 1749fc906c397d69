import { abilitiesOf, type Abilities, type Address, Broker } from "./broker.ts";
import { Skipped, type Version } from "./broker.ts";
import { type Case, nameOf, type Statements } from "./case.ts";
import { connackCases } from "./connack.ts";
import { connectCases } from "./connect.ts";
import { deliveryCases } from "./delivery.ts";
import { disconnectCases } from "./disconnect.ts";
import { expiryCases } from "./expiry.ts";
import { limitsCases } from "./limits.ts";
import { malformedCases } from "./malformed.ts";
import { publishCases } from "./publish.ts";
import { retainedCases } from "./retained.ts";
import { sessionStateCases } from "./session-state.ts";
import { shareGroupsCases } from "./share-groups.ts";
import { statements3 } from "./statements-3.ts";
import { statements5 } from "./statements-5.ts";
import { subscribeCases } from "./subscribe.ts";
import { topicAliasesCases } from "./topic-aliases.ts";
import { topicsCases } from "./topics.ts";
import { webSocketCases } from "./web-socket.ts";
import { willCases } from "./will.ts";

export const versions: readonly Version[] = ["3.1.1", "5.0"];

export const statements: Readonly<Record<Version, Statements>> = {
  "3.1.1": statements3,
  "5.0": statements5,
};

export const cases: readonly Case[] = [
  malformedCases,
  connectCases,
  connackCases,
  willCases,
  sessionStateCases,
  limitsCases,
  publishCases,
  topicAliasesCases,
  expiryCases,
  retainedCases,
  subscribeCases,
  disconnectCases,
  deliveryCases,
  topicsCases,
  shareGroupsCases,
  webSocketCases,
].flat();

export type Verdict =
  | { readonly kind: "ok" }
  | { readonly kind: "skipped"; readonly reason: string }
  /** What came instead. */
  | { readonly kind: "failed"; readonly problem: string };

/** Runs cases against one broker; knows what it can of each version. */
export class Suite {
  readonly #address: Address;
  readonly #can = new Map<Version, Promise<Abilities>>();
  /** Names of this run, so that nothing of an earlier one is in its way. */
  readonly #run = Math.random().toString(36).slice(2, 8);
  #count = 0;

  constructor(address: Address) {
    this.#address = address;
  }

  async verdict({ version, run }: Case): Promise<Verdict> {
    let can = this.#can.get(version);
    if (can === undefined) this.#can.set(version, (can = abilitiesOf(this.#address, version)));
    const name = `${this.#run}${(this.#count++).toString(36)}`;
    const broker = new Broker(this.#address, version, await can, name);
    try {
      await run(broker);
      return { kind: "ok" };
    } catch (error) {
      if (error instanceof Skipped) return { kind: "skipped", reason: error.message };
      return { kind: "failed", problem: error instanceof Error ? error.message : String(error) };
    } finally {
      await broker.close();
    }
  }
}

/** The cases of these versions whose name contains the text. */
export function chosen(of: readonly Version[], only = ""): readonly Case[] {
  return cases.filter((one) => of.includes(one.version) && nameOf(one).includes(only));
}

/**
 * Where the list of statements and the cases disagree: a statement that has neither test nor
 * reason, or both; a case that names a clause which is not in the list.
 */
export function gaps(listed: Statements, of: readonly Case[]): readonly string[] {
  const tested = new Set(of.flatMap(({ clauses }) => clauses));
  const ids = Object.keys(listed);
  const unlisted = [...tested].filter((clause) => !ids.includes(clause));
  return [
    ...unlisted.map((clause) => `${clause} has a test, and is not in the list of statements`),
    ...Object.entries(listed).flatMap(([id, statement]) => {
      const hasReason = typeof statement !== "string";
      if (tested.has(id) !== hasReason) return [];
      return hasReason
        ? `${id} has a test, and a reason why it cannot have one`
        : `${id} has neither a test nor a reason why not`;
    }),
  ];
}
