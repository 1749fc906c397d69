import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { matches } from "../../src/kernel/topic.ts";
import type { Store } from "../../src/ports/store.ts";
import { OneAgreement, secret } from "./one-agreement.ts";
import { prologue, type Step, steps, type Terms, terms } from "./random-grants.ts";
import { decide, ReferenceRate } from "./reference.ts";

/** A logged run makes some dozen commits to a real store. */
const runs = { live: 650, logged: 350 };

interface Scenario {
  readonly terms: Terms;
  readonly before: readonly Step[];
  readonly steps: readonly Step[];
}

/** What the reference says should have been handed over, and why the rest was not. */
class Expected {
  readonly payloads: string[] = [];
  readonly refused: Record<string, number> = {};
  readonly #agreement: OneAgreement;
  #rate: ReferenceRate;
  #bytes = 0;
  #begun = false;
  #endAs: string | undefined;

  constructor(agreement: OneAgreement) {
    this.#agreement = agreement;
    this.#rate = new ReferenceRate(agreement.grant.rate);
    this.look();
  }

  /** Of a live stream a rate remembers nothing over a start. */
  restarted(): void {
    this.#rate = new ReferenceRate(this.#agreement.grant.rate);
    this.#begun = false;
    this.look();
  }

  /** Begun is begun and ended is ended, wherever the clock is set afterwards. */
  look(): void {
    const { grant, clock } = this.#agreement;
    if (clock.at >= (grant.notAfter ?? Infinity)) this.#endAs ??= "expired";
    this.#begun ||= clock.at >= (grant.notBefore ?? -Infinity);
  }

  publish(topic: string, payloads: readonly Buffer[]): void {
    const { grant, clock } = this.#agreement;
    const at = clock.at;
    // Before its time and after its end nothing is even looked into.
    if (this.#endAs !== undefined || !this.#begun) {
      this.#refuse(this.#endAs ?? "early", payloads.length);
      return;
    }
    const passing: Buffer[] = [];
    for (const payload of payloads) {
      this.#rate.see(at);
      const decision = decide(grant, secret, { topic, at, payload });
      if (!decision.passes) this.#refuse(decision.reason, 1);
      else if (!this.#rate.admits(topic)) this.#refuse("rate", 1);
      else passing.push(decision.payload);
    }
    for (const payload of passing) this.#hand(topic, payload);
  }

  #hand(topic: string, payload: Buffer): void {
    const { messagesMax = Infinity, bytesMax = Infinity } = this.#agreement.grant;
    if (this.payloads.length >= messagesMax) this.#endAs ??= "cap";
    else if (this.#bytes + payload.length > bytesMax) this.#endAs ??= "volume";
    if (this.#endAs !== undefined) {
      this.#refuse(this.#endAs, 1);
      return;
    }
    this.#bytes += payload.length;
    this.payloads.push(`${topic} ${payload.toString("latin1")}`);
  }

  #refuse(reason: string, count: number): void {
    this.refused[reason] = (this.refused[reason] ?? 0) + count;
  }
}

async function live(store: Store, scenario: Scenario, id: string): Promise<void> {
  const agreement = new OneAgreement(store, { terms: scenario.terms, logged: false, id });
  const expected = new Expected(agreement);
  let crashes = 0;
  await agreement.start();
  await agreement.connect();
  for (const step of scenario.steps) {
    agreement.pass(step.afterMs);
    expected.look();
    if (step.do === "publish") {
      await agreement.publish(step.topic, step.payloads);
      // A live link subscribes to what was sold: other topics never come to it.
      const isSold = agreement.grant.filters.some((filter) => matches(filter, step.topic));
      if (isSold) expected.publish(step.topic, step.payloads);
    } else if (agreement.gate.ended !== undefined) break;
    else if (step.do === "crash") {
      crashes++;
      await agreement.start();
      await agreement.connect();
      expected.restarted();
    } else await agreement.connect();
    await agreement.settle();
  }
  assert.deepEqual(agreement.problems, []);
  holdsCaps(agreement);
  if (crashes === 0) {
    assert.deepEqual(agreement.handed, expected.payloads);
    assert.deepEqual(agreement.refused, expected.refused);
  } else isPrefix(agreement.handed, expected.payloads);
}

async function logged(store: Store, scenario: Scenario, id: string): Promise<void> {
  // Its beginning is told by a timer (gate.test.ts), which this test's clock does not move.
  const { notBefore: _, ...terms } = scenario.terms;
  const agreement = new OneAgreement(store, { terms, logged: true, id });
  const expected = new Expected(agreement);
  await agreement.start();
  for (const step of scenario.before) {
    if (step.do === "publish") await agreement.publish(step.topic, step.payloads);
  }
  await agreement.sign();
  await agreement.connect();
  let breaks = 0;
  for (const step of scenario.steps) {
    agreement.pass(step.afterMs);
    expected.look();
    if (step.do === "publish") {
      await agreement.publish(step.topic, step.payloads);
      expected.publish(step.topic, step.payloads);
    } else if (step.do === "acknowledge") await agreement.acknowledge();
    else if (agreement.gate.ended !== undefined) break;
    else {
      breaks++;
      if (step.do === "crash") await agreement.start();
      await agreement.connect();
    }
    await agreement.settle();
  }
  assert.deepEqual(agreement.problems, []);
  holdsCaps(agreement);
  const { messagesMax, bytesMax, notAfter } = terms;
  const isCut = [messagesMax, bytesMax, notAfter].some((limit) => limit !== undefined);
  if (breaks === 0 || !isCut) assert.deepEqual(agreement.committed, expected.payloads);
  else isPrefix(agreement.committed, expected.payloads);
  if (breaks === 0 && !isCut) assert.deepEqual(agreement.refused, expected.refused);
}

/** Met exactly or under, never over, whatever broke and whatever was sent again. */
function holdsCaps({ grant, handed }: OneAgreement): void {
  const bytes = handed.reduce((sum, text) => sum + text.length - text.indexOf(" ") - 1, 0);
  assert.ok(handed.length <= (grant.messagesMax ?? Infinity), `${handed.length} messages`);
  assert.ok(bytes <= (grant.bytesMax ?? Infinity), `${bytes} bytes`);
}

function isPrefix(part: readonly string[], whole: readonly string[]): void {
  assert.deepEqual(part, whole.slice(0, part.length));
}

for (const [kind, run] of [
  ["live", live],
  ["logged", logged],
] as const) {
  test(`operands - a ${kind} stream is what the grant means, whatever breaks`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "comity-operands-"));
    const store = await openEmbeddedStore({ path: join(dir, "store.db") });
    t.after(async () => {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    });
    const seed = Number(process.env["COMITY_SEED"] ?? Date.now() % 2 ** 31);
    t.diagnostic(`seed ${seed} (COMITY_SEED=${seed} runs the same again)`);
    let id = 0;
    await fc.assert(
      fc.asyncProperty(terms, prologue, steps, (terms, before, steps) =>
        run(store, { terms, before, steps }, `${kind}-${id++}`),
      ),
      { numRuns: runs[kind], seed },
    );
  });
}
