/** What a partner cannot get signed, or counted, that the books here do not say. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { formatAmount, parseAmount } from "../../src/kernel/amount.ts";
import { canonicalHash } from "../../src/kernel/canonical.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { balancesOf, Ledger } from "../../src/settle/ledger.ts";
import { signSetoff } from "../../src/settle/setoff/document.ts";
import type { SetoffBody, SignedSetoff } from "../../src/settle/setoff/document.ts";
import { arithmeticProblem, bodyOf, nettings } from "../../src/settle/setoff/netting.ts";
import { Setoffs } from "../../src/settle/setoff/setoffs.ts";
import { statementId } from "../../src/settle/statements/document.ts";
import type { StatementBody } from "../../src/settle/statements/document.ts";
import { recordWrite } from "../../src/settle/statements/record.ts";
import type { StatementRecord } from "../../src/settle/statements/record.ts";
import { Statements } from "../../src/settle/statements/statements.ts";
import { MemoryStore, newDisk } from "../sim/memory-store.ts";

const a = "did:web:a.example";
const b = "did:web:b.example";
const at = "2026-11-02T00:00:00.000Z";
const clock = { now: () => Date.parse("2026-11-03T00:00:00.000Z"), monotonic: () => 0 };

let folder = "";
let signers: Record<string, Signer>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-setoff-"));
  const open = (did: string) =>
    openEmbeddedSigner({ dir: join(folder, did.slice(-9)), did, clock });
  signers = { [a]: await open(a), [b]: await open(b) };
});
after(() => rm(folder, { recursive: true }));

/** An accepted statement over so much, as either side keeps it. */
function statement(own: string, provider: string, number: number, amount: string): StatementRecord {
  const line = { agreement: `urn:${provider}`, product: "p", title: "P", from: 0, to: 1 };
  const counted = { messages: 1, bytes: 1, usage: amount, amount, currency: "EUR" };
  const consumer = provider === a ? b : a;
  const body: StatementBody = {
    ...{ v: 1, type: "statement", provider, consumer, month: "2026-10", number },
    ...{ disputeDays: 30, lines: [{ ...line, ...counted }], at },
  };
  const act = { do: "accept" as const, agreements: [line.agreement] };
  const head = { v: 1 as const, type: "step" as const, statement: canonicalHash(body) };
  const step = { ...head, by: consumer, seq: 1, prev: "", at, act } as const;
  return {
    ...{ id: statementId(body), role: provider === own ? "provider" : "consumer", body },
    ...{ signature: { protected: "", signature: "" }, told: true, pending: [], cleared: [] },
    steps: [{ body: step, signature: { protected: "", signature: "" } }],
  };
}

type Dues = readonly (readonly [provider: string, amount: string])[];
const dues: Dues = [
  [a, "5"],
  [b, "2"],
  [b, "1.000001"],
];

function recordsOf(own: string, all: Dues): StatementRecord[] {
  return all.map(([provider, amount], i) => statement(own, provider, i + 1, amount));
}

async function side(own: string, all: Dues = dues) {
  const store = new MemoryStore(newDisk());
  const keys = { [a]: signers[a]!.publicJwk, [b]: signers[b]!.publicJwk };
  const agreements = {
    get: (id: string) => ({ id, keys }) as unknown as Agreement,
    list: () => [],
  };
  const ledger = await Ledger.open(store);
  const signer = signers[own]!;
  const statements = new Statements({ store, signer, clock, ledger, agreements });
  await store.commit(recordsOf(own, all).map((one) => recordWrite("add", one)));
  const setoffs = new Setoffs({ store, signer, clock, ledger, agreements, statements });
  return { store, setoffs };
}

/** As an honest first side would draw it, changed; signed with its real key. */
async function drawn(change: (body: SetoffBody) => SetoffBody): Promise<SignedSetoff> {
  const [netting] = nettings([a, b], recordsOf(a, dues));
  const body = change(bodyOf([a, b], netting!, { number: 1, prev: "", at }));
  return { body, signatures: [await signSetoff(body, signers[a]!)] };
}

function withItem(body: SetoffBody, at: number, change: Partial<SetoffBody["items"][0]>) {
  const items = body.items.map((item, i) => (i === at ? { ...item, ...change } : item));
  return { ...body, items };
}

const hash = `sha256:${"A".repeat(43)}`;
const wrong: readonly [string, (body: SetoffBody) => SetoffBody][] = [
  ["more is cleared than is due", (body) => withItem(body, 1, { cleared: "3" })],
  ["more is said to be due", (body) => withItem(body, 0, { due: "6" })],
  ["one side alone is cleared", (body) => withItem(body, 0, { cleared: "0" })],
  [
    "what is left is said otherwise",
    (body) => {
      const [first, other] = body.claims;
      return { ...body, claims: [{ ...first, left: "9" }, other] };
    },
  ],
  ["a statement is named twice", (body) => ({ ...body, items: [...body.items, body.items[1]!] })],
  ["a statement is somebody else's", (body) => withItem(body, 1, { provider: "did:web:c" })],
  ["a statement is unknown here", (body) => withItem(body, 1, { statement: hash })],
  [
    "a statement is left out",
    (body) => {
      const [first, second] = body.items;
      const [mine, theirs] = body.claims;
      const items = [{ ...first!, cleared: "2" }, second!];
      return {
        ...body,
        items,
        claims: [
          { ...mine, left: "3" },
          { ...theirs, owed: "2", left: "0" },
        ],
      };
    },
  ],
  [
    "the newest is cleared first",
    (body) => {
      const [mine, theirs] = body.claims;
      const items = [
        { ...body.items[0]!, cleared: "1.000001" },
        { ...body.items[1]!, cleared: "0" },
        body.items[2]!,
      ];
      return {
        ...body,
        items,
        claims: [
          { ...mine, left: "3.999999" },
          { ...theirs, left: "2" },
        ],
      };
    },
  ],
  ["it is in another currency", (body) => ({ ...body, currency: "USD" })],
  ["its number comes later", (body) => ({ ...body, number: 2 })],
  ["it goes on from another", (body) => ({ ...body, prev: hash })],
  ["it is of next year", (body) => ({ ...body, at: "2027-11-02T00:00:00.000Z" })],
  ["it is older than its statements", (body) => ({ ...body, at: "2026-11-01T00:00:00.000Z" })],
  [
    "its parties are turned round",
    (body) => ({ ...body, claims: [body.claims[1], body.claims[0]] }),
  ],
];

for (const [what, change] of wrong) {
  test(`set-off - nobody signs where ${what}`, async () => {
    const { setoffs, store } = await side(b);
    const offered = await drawn(change);
    await assert.rejects(setoffs.take(a, offered), { code: "SETOFF_DISAGREES" });
    assert.deepEqual([await setoffs.list(), await balancesOf(store)], [[], []]);
  });
}

test("set-off - signed by who draws it up alone, by a stranger, or over another body: not taken", async () => {
  const first = await side(a);
  const second = await side(b);
  const good = await drawn((body) => body);
  const stranger = await side(b);
  await assert.rejects(stranger.setoffs.take("did:web:c", good), { code: "NOT_FOUND" });
  await assert.rejects(first.setoffs.take(b, good), { code: "SETOFF_DISAGREES" });
  const forged = { body: good.body, signatures: [await signSetoff(good.body, signers[b]!)] };
  await assert.rejects(second.setoffs.take(a, forged), { code: "SETOFF_DISAGREES" });
  const other = await drawn((body) => ({ ...body, at: "2026-11-02T00:00:00.001Z" }));
  const mixed = { body: good.body, signatures: other.signatures };
  await assert.rejects(second.setoffs.take(a, mixed), { code: "SIGNATURE_INVALID" });
});

test("set-off - of one number the second side signs one, and it counts once however often it comes", async () => {
  const { setoffs, store } = await side(b);
  const good = await drawn((body) => body);
  const { id } = await setoffs.take(a, good);
  await setoffs.accept(id);
  const books = await balancesOf(store);
  assert.equal(books[0]?.accounts.payable, 3_000_001n);
  const both = await setoffs.accept(id);
  await setoffs.take(a, good);
  await setoffs.take(a, both);
  const another = await drawn((body) => ({ ...body, at: "2026-11-02T00:00:01.000Z" }));
  await assert.rejects(setoffs.take(a, another), /another set-off 1 is here/);
  assert.deepEqual(await balancesOf(store), books);
  await assert.rejects(setoffs.giveUp(id), { code: "SETOFF_REFUSED" });
});

test("set-off - who drew it up takes the second signature even after giving it up", async () => {
  const first = await side(a);
  const second = await side(b);
  const draft = await first.setoffs.draw(b, "EUR");
  const { body, signatures } = draft;
  const { id } = await second.setoffs.take(a, { body, signatures });
  const both = await second.setoffs.accept(id);
  await first.setoffs.giveUp(draft.id);
  const next = await first.setoffs.draw(b, "EUR");
  assert.equal(next.body.number, 1);
  const taken = { body: both.body, signatures: both.signatures };
  assert.equal((await first.setoffs.take(b, taken)).state, "agreed");
  const [mine] = await balancesOf(first.store);
  const [theirs] = await balancesOf(second.store);
  assert.deepEqual(mine, theirs);
  assert.deepEqual(
    (await first.setoffs.list()).map(({ state }) => state),
    ["agreed"],
    "the draft of the same number is over",
  );
});

test("set-off - whatever is due, both are cleared of the lesser sum and the arithmetic holds", () => {
  const amount = fc.oneof(fc.bigInt(1n, 10n), fc.bigInt(1n, 10n ** 17n)).map(formatAmount);
  const some = fc.array(fc.tuple(fc.constantFrom(a, b), amount), { maxLength: 12 });
  fc.assert(
    fc.property(some, (all) => {
      const owed = (who: string): bigint =>
        all.reduce((sum, [by, due]) => sum + (by === who ? parseAmount(due)! : 0n), 0n);
      const [mine, theirs] = [owed(a), owed(b)];
      const less = mine < theirs ? mine : theirs;
      const [netting] = nettings([a, b], recordsOf(a, all));
      assert.equal(netting?.micro ?? 0n, less);
      if (netting === undefined) return;
      const body = bodyOf([a, b], netting, { number: 1, prev: "", at });
      assert.equal(arithmeticProblem(body), undefined);
      assert.deepEqual(
        body.claims.map(({ left }) => parseAmount(left)),
        [mine - less, theirs - less],
      );
      const again = nettings([a, b], recordsOf(b, all).toReversed());
      assert.deepEqual(again[0]?.items, netting.items, "both sides come to the same");
    }),
  );
});
