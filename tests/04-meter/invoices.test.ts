/** Invoices of real sides: numbers, what a buyer compares, and partners that lie or crash. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { invoiceType, type InvoiceBody } from "../../src/settle/invoice/document.ts";
import { sumsOf } from "../../src/settle/invoice/draw-up.ts";
import { invoiceXml } from "../../src/settle/invoice/to-ubl.ts";
import { buyerSettings, type DesksOptions, openDesks, sellerSettings } from "./invoice-desks.ts";
import { buyer, Pair, seller } from "./sides.ts";

const price = { amount: "0.0333", currency: "EUR", perMessages: 1 };
const month = "2026-11";
const next = "2026-12";

let pair: Pair;
before(async () => {
  pair = await Pair.open(price);
  await pair.deliver(101);
  await pair.seller.provider.closeWindows();
  pair.clock.at = Date.UTC(2026, 11, 2);
});
after(() => pair.close());

/** Of the pair that all tests share, where none is named. */
function desks({ of = pair, ...options }: DesksOptions & { of?: Pair } = {}) {
  return openDesks(of, options);
}

async function allOf<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of generator) found.push(one);
  return found;
}

async function signed(body: InvoiceBody) {
  const bytes = canonicalBytes(body);
  const signature = await pair.seller.signer.sign(bytes, invoiceType);
  return { payload: Buffer.from(bytes).toString("base64url"), signatures: [signature] };
}

test("invoice - is of the month's line, rounded once, and the buyer's node agrees", async () => {
  const { issued, received } = await desks();
  const [invoice] = await issued.issue({ month, buyer });
  await issued.tell();
  assert.ok(invoice);
  const { body } = invoice;
  assert.equal(body.number, "SUN-2026-000001");
  assert.deepEqual([body.issued, body.due], ["2026-12-02", "2027-01-01"]);
  assert.deepEqual(body.totals, {
    ...{ exact: "3.3633", rounding: "-0.0033" },
    ...{ net: "3.36", tax: "0.00", gross: "3.36" },
  });
  assert.deepEqual(body.buyer, buyerSettings.party);
  const [line] = body.lines;
  assert.deepEqual([line?.messages, line?.receipts?.first, line?.receipts?.last], [101, 1, 1]);
  assert.match(invoiceXml(body), /Receipts 1 \(sha256:.*signed by both sides/);
  const [kept] = await allOf(received.all());
  assert.deepEqual(kept?.differences, []);
  assert.equal(kept?.hash, invoice.hash);
  const told = (await issued.get(body.number))?.told;
  assert.deepEqual(told && "differences" in told && told.differences, []);
  await issued.close();
});

test("invoice - asks for nothing twice, and for what came late once", async () => {
  const { issued, received } = await desks();
  const again = issued.issue({ month, buyer });
  await assert.rejects(again, { code: "NOT_FOUND" });
  pair.clock.at = Date.UTC(2026, 10, 30, 23);
  await pair.deliver(10);
  await pair.seller.provider.closeWindows();
  pair.clock.at = Date.UTC(2026, 11, 3);
  const [late] = await issued.issue({ month, buyer });
  await issued.tell();
  assert.equal(late?.body.number, "SUN-2026-000002");
  assert.equal(late.body.totals.exact, "0.333"); // 10 × 0.0333
  assert.deepEqual((await received.get(seller, late.body.number))?.differences, []);
  await issued.close();
});

test("invoice - a credit note names the lines it corrects and never gives back more", async () => {
  const { issued, received } = await desks();
  const wish = { number: "SUN-2026-000001", reason: "An hour was missing" };
  const note = await issued.credit({ ...wish, lines: { 1: "3.00" } });
  await issued.tell();
  assert.equal(note.body.number, "SUN-2026-000003");
  assert.equal(note.body.lines[0]?.corrects, "1");
  assert.match(invoiceXml(note.body), /<CreditNote /);
  assert.deepEqual((await received.get(seller, note.body.number))?.differences, []);
  const broken: [RegExp, Record<string, string>, string][] = [
    [/has 0.36 EUR left, not 0.37/, { 1: "0.37" }, "INVOICE_INVALID"],
    [/no whole number of minor units/, { 1: "0.001" }, "INVOICE_INVALID"],
    [/no amount such as 5.00/, { 1: "-1" }, "INVOICE_INVALID"],
    [/gives nothing back/, { 1: "0" }, "INVOICE_INVALID"],
    [/no line of invoice SUN-2026-000001 7/, { 7: "1" }, "NOT_FOUND"],
  ];
  for (const [message, lines, code] of broken) {
    await assert.rejects(issued.credit({ ...wish, lines }), { code, message });
  }
  await assert.rejects(issued.credit({ ...wish, number: "SUN-2026-000003", lines: { 1: "1" } }), {
    code: "NOT_FOUND",
  });
  await issued.close();
});

test("invoice - a crash anywhere leaves no gap, no double, and the same bytes", async () => {
  for (const [index, spec] of ["invoice.stored", "invoice.signed", "invoice.received"].entries()) {
    pair.clock.at = Date.UTC(2026, 11, 4 + index);
    await pair.deliver(100);
    await pair.seller.provider.closeWindows();
    const onBuyer = spec === "invoice.received";
    const dying = await desks(onBuyer ? { bought: spec } : { crash: spec });
    await dying.issued.issue({ month: next, buyer }).catch(() => {});
    await dying.issued.tell();
    await dying.issued.close();
    const stored = (await allOf(dying.issued.all())).at(-1);
    const { issued, received } = await desks();
    await assert.rejects(issued.issue({ month: next, buyer }), { code: "NOT_FOUND" });
    await issued.tell();
    const all = await allOf(issued.all());
    const numbers = all.map(({ body }) => body.number);
    const expected = numbers.map((_one, at) => `SUN-2026-${String(at + 1).padStart(6, "0")}`);
    assert.deepEqual(numbers, expected);
    assert.equal(numbers.length, 4 + index);
    assert.equal(all.at(-1)?.hash, stored?.hash);
    assert.ok(all.every(({ signed: jws, told }) => jws !== undefined && told !== undefined));
    assert.equal((await allOf(received.all())).length, all.length);
    const differing = (await allOf(received.all())).filter((one) => one.differences.length > 0);
    assert.deepEqual(differing, []);
    await issued.close();
  }
});

test("invoice - two at once get numbers of their own", async () => {
  const { issued } = await desks();
  const wish = { number: "SUN-2026-000004", reason: "twice" };
  const lines = [{ 1: "0.01" }, { 1: "0.02" }, { 1: "0.03" }];
  const notes = await Promise.all(lines.map((one) => issued.credit({ ...wish, lines: one })));
  const numbers = notes.map(({ body }) => body.number);
  assert.deepEqual(numbers, ["SUN-2026-000007", "SUN-2026-000008", "SUN-2026-000009"]);
  await issued.close();
});

test("invoice - a buyer that is away is told when it is back", async () => {
  const { issued, line, received } = await desks({ away: true });
  const lines = { 1: "0.01" };
  const { body } = await issued.credit({ number: "SUN-2026-000005", reason: "away", lines });
  await issued.tell();
  assert.equal((await issued.get(body.number))?.told, undefined);
  line.away = false;
  await issued.tell();
  assert.ok((await issued.get(body.number))?.told);
  assert.deepEqual((await received.get(seller, body.number))?.differences, []);
  await issued.close();
});

test("invoice - a seller that lies is shown each figure that is not as both signed", async () => {
  const { issued, received } = await desks();
  const honest = (await issued.get("SUN-2026-000001"))?.body;
  assert.ok(honest);
  const changed = (change: (body: InvoiceBody) => void, number: string): Promise<unknown> => {
    const body: InvoiceBody = { ...structuredClone(honest), number };
    change(body);
    return signed(body).then((offered) => received.take(seller, offered));
  };
  const dear = (await changed((body) => {
    body.month = "2026-10"; // a month without a receipt
    Object.assign(body, sumsOf(body.lines, "EUR"));
  }, "SUN-2026-000100")) as { differences: { where: string; what: string }[] };
  assert.deepEqual(
    dear.differences.map(({ where, what }) => `${where} ${what}`),
    ["line 1 exact amount", "line 1 messages", "line 1 bytes", "line 1 currency", "line 1 title"],
  );
  const sums = (await changed((body) => {
    body.totals.gross = "99.00";
    body.buyer = sellerSettings.party;
  }, "SUN-2026-000101")) as { differences: { where: string; what: string }[] };
  const named = sums.differences.map(({ where, what }) => `${where} ${what}`);
  assert.ok(named.includes("line 1 exact amount")); // the month is invoiced already
  assert.ok(named.includes("totals gross"));
  assert.ok(named.includes("document rule of EN 16931"));
  assert.ok(named.includes("buyer party"));
  const strange = (await changed((body) => {
    body.currency = "XXX";
  }, "SUN-2026-000102")) as { differences: { where: string; what: string; invoiced: string }[] };
  const unknown = strange.differences.map(({ what, invoiced }) => `${what}: ${invoiced}`);
  assert.ok(unknown.includes("currency: XXX"));
  assert.ok(unknown.some((text) => text.includes("XXX is no currency of ISO 4217")));
  const vast = (await changed((body) => {
    for (const line of body.lines) Object.assign(line, { exact: "9223372036854.775807" });
  }, "SUN-2026-000103")) as { differences: { what: string; invoiced: string; own: string }[] };
  const amount = vast.differences.find(({ what }) => what === "amount");
  assert.deepEqual([amount?.invoiced, amount?.own], ["3.36", "9223372036854.78"]);
  await issued.close();
});

test("invoice - forgeries, foreign lines and reused numbers are refused by name", async () => {
  const { issued, received } = await desks();
  const kept = await issued.get("SUN-2026-000001");
  assert.ok(kept?.signed);
  const again = await received.take(seller, kept.signed);
  assert.deepEqual(again, { differences: [] }); // a replay gets the same answer
  const { body } = kept;
  // restored from an old backup, a seller gives a number out again
  const reused = await signed({ ...body, issued: "2026-12-09" });
  await assert.rejects(received.take(seller, reused), {
    code: "INVOICE_REFUSED",
    message: /another/,
  });
  const other = await signed({ ...body, number: "SUN-2026-000200", consumer: seller });
  await assert.rejects(received.take(seller, other), { message: /it is for did:web:seller/ });
  const [line] = body.lines;
  assert.ok(line);
  const lines = [{ ...line, agreement: "urn:uuid:none" }];
  const foreign = await signed({ ...body, number: "SUN-2026-000201", lines });
  await assert.rejects(received.take(seller, foreign), { message: /and there is none/ });
  await assert.rejects(received.take("did:web:stranger.example", kept.signed), {
    code: "SIGNATURE_INVALID",
  });
  const spaced = Buffer.from(JSON.stringify(body, null, 1)).toString("base64url");
  await assert.rejects(received.take(seller, { ...kept.signed, payload: spaced }), {
    code: "BODY_INVALID",
  });
  const bent = structuredClone(kept.signed);
  const last = bent.payload.slice(-1) === "0" ? "1" : "0";
  await assert.rejects(
    received.take(seller, { ...bent, payload: bent.payload.slice(0, -1) + last }),
    ComityError,
  );
  for (const bad of [undefined, 7, {}, { payload: "", signatures: [] }]) {
    await assert.rejects(received.take(seller, bad), { code: "BODY_INVALID" });
  }
  await issued.close();
});

test("invoice - is not numbered where a rule or a setting is missing", async () => {
  const { issued, sold, bought } = await desks();
  pair.clock.at = Date.UTC(2026, 11, 20);
  await pair.deliver(50);
  await pair.seller.provider.closeWindows();
  const numbered = (await allOf(issued.all())).length;
  const { taxes: _taxes, ...without } = sellerSettings;
  await sold.set(without);
  await assert.rejects(issued.issue({ month: next, buyer }), {
    code: "INVOICE_INVALID",
    message: /no tax is given for sun sold to did:web:buyer.example.*BR-CO-04/,
  });
  await sold.set(sellerSettings);
  await bought.set({ party: { name: "Shade", address: { country: "XX" } } });
  await assert.rejects(issued.issue({ month: next, buyer }), { message: /country "XX".*BR-11/ });
  await bought.set({ party: { name: "Shade", address: { country: "DE" } } });
  await assert.rejects(issued.issue({ month: next, buyer }), { message: /BR-AE-02/ });
  await assert.rejects(issued.issue({ month: "2026-13", buyer }), { code: "BODY_INVALID" });
  const stranger = "did:web:stranger.example";
  await assert.rejects(bought.tell(stranger), { code: "NOT_FOUND" });
  assert.equal((await allOf(issued.all())).length, numbered);
  const account = "NL92ABNA0417164300";
  await assert.rejects(sold.set({ ...sellerSettings, payment: { account } }), { message: /IBAN/ });
  const party = { ...sellerSettings.party, name: "Sun\u0007" };
  await assert.rejects(sold.set({ ...sellerSettings, party }), { message: /cannot be printed/ });
  await issued.close();
});

test("invoice - what a month owes less than was invoiced is given back, and not asked again", async () => {
  const of = await Pair.open({
    currency: "EUR",
    charges: [
      { per: "month", amount: "3" },
      { perMessages: 1, amount: "1" },
    ],
    minimum: "9",
  });
  try {
    await of.deliver(2);
    await of.seller.provider.closeWindows();
    let { agreement } = of;
    const { issued, received } = await desks({ of, agreement: () => agreement });
    const [invoice] = await issued.issue({ month, buyer });
    assert.equal(invoice?.body.totals.net, "3.30"); // 11 of 30 days
    assert.match(invoiceXml(invoice.body), /2 messages, 20 bytes, usage 2, month 1.1, minimum 0.2/);
    // it ends on the 25th: 6 of 30 days, 2 + 0.6
    const ended = { reason: "revoked", by: seller, at: "2026-11-25T12:00:00.000Z" } as const;
    agreement = { ...agreement, state: "ended", ended };
    const left = async () => (await issued.uninvoiced(month)).map((one) => one.leftMicro);
    assert.deepEqual(await left(), [-700_000n]);
    await assert.rejects(issued.issue({ month, buyer }), { code: "NOT_FOUND" });
    const { number } = invoice.body;
    await issued.credit({ number, reason: "It ended", lines: { 1: "0.70" } });
    assert.deepEqual(await left(), []);
    await issued.credit({ number, reason: "A courtesy", lines: { 1: "1.00" } });
    assert.deepEqual(await left(), []);
    await assert.rejects(issued.issue({ month, buyer }), { code: "NOT_FOUND" });
    await issued.tell();
    const kept = await allOf(received.all());
    assert.equal(kept.length, 3);
    assert.ok(kept.slice(1).every(({ differences }) => differences.length === 0));
    await issued.close();
  } finally {
    await of.close();
  }
});

test("invoice - a seller cannot fill its buyer's disk with them", async () => {
  const kept = await desks();
  const stands = (await allOf(kept.received.all())).length;
  await kept.issued.close();
  const { issued, received } = await desks({ perSellerMax: stands + 1 });
  const honest = (await issued.get("SUN-2026-000001"))?.body;
  assert.ok(honest);
  const more = async (number: string) => received.take(seller, await signed({ ...honest, number }));
  await more("SUN-2026-000900");
  await assert.rejects(more("SUN-2026-000901"), { code: "LIMIT_REACHED" });
  await more("SUN-2026-000900"); // what is there is answered as before
  await issued.close();
});

test("invoice - a year begins its numbers anew", async () => {
  const { issued } = await desks();
  pair.clock.at = Date.UTC(2027, 0, 1);
  const wish = { number: "SUN-2026-000006", reason: "A new year", lines: { 1: "0.01" } };
  const numbers = [
    (await issued.credit(wish)).body.number,
    (await issued.credit(wish)).body.number,
  ];
  assert.deepEqual(numbers, ["SUN-2027-000001", "SUN-2027-000002"]);
  await issued.close();
});
