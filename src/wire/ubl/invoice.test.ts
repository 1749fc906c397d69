import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DOMParser, onErrorStopParsing } from "@xmldom/xmldom";
import * as fc from "fast-check";
import { currencyExponent, formatMinor, roundedToMinor } from "../../kernel/currency.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { UblDocument, UblLine, UblSubtotal, UblTax } from "./document.ts";
import { ublOf } from "./invoice.ts";
import { isSameTax, taxOf } from "./rules.ts";

const standard: UblTax = { category: "S", rate: "21" };

function documentOf(lines: readonly UblLine[], more: Partial<UblDocument> = {}): UblDocument {
  const currency = more.currency ?? "EUR";
  const exponent = currencyExponent(currency) ?? 2;
  const taxes: UblSubtotal[] = [];
  for (const { tax } of lines) {
    if (taxes.some((one) => isSameTax(one, tax))) continue;
    const own = lines.filter((line) => isSameTax(line.tax, tax));
    const taxable = own.reduce((all, { net }) => all + net, 0n);
    taxes.push({ ...tax, taxable, amount: taxOf(taxable, tax.rate ?? "0", exponent) });
  }
  const net = lines.reduce((all, line) => all + line.net, 0n);
  const tax = taxes.reduce((all, { amount }) => all + amount, 0n);
  return {
    type: "invoice",
    number: "A-2026-000001",
    issued: "2026-12-01",
    due: "2026-12-31",
    currency,
    notes: ["Exact: 12.345678 EUR"],
    period: { from: "2026-11-01", to: "2026-11-30" },
    supporting: [{ id: "urn:uuid:1", description: "Receipts 1 to 42" }],
    seller: {
      name: "Rotterdam Transit B.V.",
      id: "did:web:transit.example",
      vatId: "NL123456782B90",
      registration: { id: "12345678", scheme: "0106" },
      endpoint: { id: "12345678", scheme: "0106" },
      address: { street: "Coolsingel 1", city: "Rotterdam", postCode: "3011 AD", country: "NL" },
    },
    buyer: {
      name: "Kisumu Data Ltd",
      id: "did:web:kisumu.example",
      registration: { id: "PVT-1" },
      address: { city: "Kisumu", country: "KE" },
    },
    payment: {
      ...{ account: "NL91ABNA0417164300", accountName: "Rotterdam Transit", bic: "ABNANL2A" },
      terms: "30 days net",
    },
    lines,
    taxes,
    totals: { net, tax, gross: net + tax },
    ...more,
  };
}

function lineOf(net: bigint, more: Partial<UblLine> = {}): UblLine {
  return {
    id: "1",
    note: "1,234 messages",
    object: "urn:uuid:1",
    quantity: net < 0n ? -1n : 1n,
    unit: "MON",
    net,
    price: net < 0n ? -net : net,
    name: "Buses",
    product: "buses",
    properties: { messages: "1234" },
    tax: standard,
    ...more,
  };
}

/** What an independent parser finds, as texts. */
function read(xml: string, name: string): string[] {
  const parser = new DOMParser({ onError: onErrorStopParsing });
  const found = parser.parseFromString(xml, "text/xml").getElementsByTagName(name);
  return [...found].map((node) => node.textContent ?? "");
}

function micro(text: string | undefined): bigint {
  const [, sign, whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? "") ?? [];
  const size = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
  return sign === "-" ? -size : size;
}

test("ubl - sums read back by another parser are the document's, in any currency", () => {
  const amount = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n });
  const rate = fc.constantFrom("21", "9", "5.5", "0.000001");
  const property = fc.property(
    fc.constantFrom("EUR", "JPY", "KWD", "CLF"),
    fc.array(fc.tuple(amount, rate), { minLength: 1, maxLength: 8 }),
    (currency, given) => {
      const exponent = currencyExponent(currency) ?? 0;
      const lines = given.map(([exact, percent], index) => {
        const tax: UblTax = { category: "S", rate: percent };
        return lineOf(roundedToMinor(exact, exponent), { id: String(index + 1), tax });
      });
      const doc = documentOf(lines, { currency });
      const xml = ublOf(doc);
      const [total, ...nets] = read(xml, "cbc:LineExtensionAmount").map(micro);
      assert.equal(total, doc.totals.net);
      assert.deepEqual(
        nets,
        lines.map(({ net }) => net),
      );
      assert.equal(
        nets.reduce((all, one) => all + one, 0n),
        total,
      );
      assert.equal(micro(read(xml, "cbc:PayableAmount")[0]), doc.totals.gross);
      assert.equal(micro(read(xml, "cbc:TaxAmount")[0]), doc.totals.tax);
      assert.ok(
        read(xml, "cbc:PayableAmount")[0]?.split(".")[1]?.length === (exponent || undefined),
      );
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test("ubl - amounts near 2^63 micro-units are written to the last place", () => {
  const most = roundedToMinor(2n ** 63n - 1n, 2);
  const xml = ublOf(documentOf([lineOf(most, { tax: { category: "Z", rate: "0" } })]));
  assert.deepEqual(read(xml, "cbc:PayableAmount"), ["9223372036854.78"]);
});

test("ubl - any text is read as it was, or with U+FFFD where XML has no such character", () => {
  const hard = "a ]]> <b> & \"c\" 'd' \t e\n f\r g \u0000\u0007\uFFFE\uD800 ☃ 𝄞";
  const xml = ublOf(documentOf([lineOf(1_000_000n, { name: hard })]));
  const [name] = read(xml, "cbc:Name").slice(-2);
  assert.equal(name, "a ]]> <b> & \"c\" 'd' \t e\n f\r g \uFFFD\uFFFD\uFFFD\uFFFD ☃ 𝄞");
  const property = fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
    const again = read(ublOf(documentOf([lineOf(1_000_000n, { note: text })])), "cbc:Note").at(-1);
    assert.equal(again?.length, text.toWellFormed().length);
  });
  fc.assert(property, { numRuns: 300 });
});

test("ubl - a document that breaks a rule of EN 16931 is refused by the rule's name", () => {
  const good = documentOf([lineOf(12_340_000n)]);
  const { seller, buyer } = good;
  const taxed = (tax: UblTax, more: Partial<UblDocument> = {}): UblDocument =>
    documentOf([lineOf(1_000_000n, { tax })], more);
  const named = { ...seller, id: undefined, registration: undefined, vatId: undefined };
  const broken: readonly [string, UblDocument][] = [
    ["BR-02", { ...good, number: "" }],
    ["BR-03", { ...good, issued: "2026-02-30" }],
    ["BR-CL-04", { ...good, currency: "XXX" }],
    ["BR-CL-04", { ...good, currency: "XAU" }],
    ["BR-16", { ...good, lines: [] }],
    ["BR-29", { ...good, period: { from: "2026-11-30", to: "2026-11-01" } }],
    ["BR-55", { ...good, type: "credit-note" }],
    ["BR-06", { ...good, seller: { ...seller, name: "" } }],
    ["BR-08", { ...good, seller: { ...seller, address: undefined } }],
    ["BR-10", { ...good, buyer: { ...buyer, address: undefined } }],
    ["BR-11", { ...good, buyer: { ...buyer, address: { country: "UK" } } }],
    ["BR-CO-09", { ...good, buyer: { ...buyer, vatId: "123" } }],
    ["BR-62", { ...good, seller: { ...seller, endpoint: { id: "1" } } }],
    ["BR-CO-26", { ...good, seller: named }],
    ["BR-CO-25", { ...good, due: undefined, payment: {} }],
    ["BR-25", documentOf([lineOf(1_000_000n, { name: " " })])],
    ["BR-27", documentOf([lineOf(-1_000_000n, { quantity: 1n, price: -1_000_000n })])],
    ["BR-24", documentOf([lineOf(1_000_000n, { quantity: 2n })])],
    ["BR-DEC-23", documentOf([lineOf(1_234_567n)])],
    ["BR-DEC-23", documentOf([lineOf(1_500_000n)], { currency: "JPY" })],
    ["BR-S-05", taxed({ category: "S", rate: "0" })],
    ["BR-S-05", taxed({ category: "S" })],
    ["BR-S-10", taxed({ category: "S", rate: "21", reason: "none" })],
    ["BR-S-02", taxed(standard, { seller: { ...seller, vatId: undefined } })],
    ["BR-Z-05", taxed({ category: "Z", rate: "5" })],
    ["BR-E-10", taxed({ category: "E", rate: "0" })],
    ["BR-AE-10", taxed({ category: "AE", rate: "0" })],
    [
      "BR-AE-02",
      taxed(
        { category: "AE", rate: "0", reason: "Reverse charge" },
        { buyer: { ...buyer, registration: undefined } },
      ),
    ],
    ["BR-O-05", taxed({ category: "O", rate: "0", reason: "Outside" })],
    ["BR-O-02", taxed({ category: "O", reason: "Outside" })],
    ["BR-CO-18", { ...good, taxes: [] }],
    ["BR-S-08", { ...good, taxes: good.taxes.map((tax) => ({ ...tax, taxable: 1n })) }],
    ["BR-CO-17", { ...good, taxes: good.taxes.map((tax) => ({ ...tax, amount: 1n })) }],
    ["BR-CO-10", { ...good, totals: { ...good.totals, net: 1n } }],
    ["BR-CO-14", { ...good, totals: { ...good.totals, tax: 1n } }],
    ["BR-CO-15", { ...good, totals: { ...good.totals, gross: 1n } }],
  ];
  for (const [rule, doc] of broken) {
    assert.throws(
      () => ublOf(doc),
      (thrown) => {
        assert.ok(thrown instanceof ComityError && thrown.code === "INVOICE_INVALID", rule);
        assert.match(thrown.message, new RegExp(`\\(${rule}\\)`));
        return true;
      },
    );
  }
});

test("ubl - tax is rounded once for a rate, halves away from zero", () => {
  assert.equal(taxOf(50_000n, "10", 2), 10_000n); // 0.05 × 10 % = 0.005 → 0.01
  assert.equal(taxOf(-50_000n, "10", 2), -10_000n);
  assert.equal(taxOf(40_000n, "10", 2), 0n);
  assert.equal(taxOf(12_340_000n, "21", 2), 2_590_000n);
  assert.equal(taxOf(5_000_000n, "10", 0), 1_000_000n);
  assert.equal(formatMinor(roundedToMinor(-5_000n, 2), 2), "-0.01");
  assert.equal(formatMinor(12_345_000n, 3), "12.345");
});

/** A folder with `maindoc/UBL-Invoice-2.1.xsd` as OASIS publishes it. */
const schemas = process.env["COMITY_UBL_XSD"];
const lint = spawnSync("xmllint", ["--version"]).error === undefined;

function schemaSkip(): string | false {
  if (!lint) return "xmllint is not installed";
  if (schemas === undefined) return "COMITY_UBL_XSD names no folder with OASIS's UBL 2.1 schemas";
  return existsSync(join(schemas, "maindoc")) ? false : `${schemas} has no folder maindoc`;
}

test("ubl - invoice and credit note are valid by OASIS's schemas", { skip: schemaSkip() }, () => {
  const reverse: UblTax = {
    ...{ category: "AE", rate: "0" },
    ...{ reason: "Reverse charge", reasonCode: "VATEX-EU-AE" },
  };
  const lines = [
    lineOf(12_340_000n),
    lineOf(-2_000_000n, { id: "2", object: undefined, note: undefined }),
    lineOf(5_000_000n, { id: "3", tax: reverse }),
  ];
  const corrects = { number: "A-2026-000001", issued: "2026-12-01" };
  for (const [name, doc] of [
    ["Invoice", documentOf(lines)],
    ["Invoice", documentOf([lineOf(1_234_000n)], { currency: "KWD" })],
    ["CreditNote", documentOf(lines, { type: "credit-note", corrects })],
  ] as const) {
    const xsd = join(schemas ?? "", "maindoc", `UBL-${name}-2.1.xsd`);
    const run = spawnSync("xmllint", ["--noout", "--nonet", "--schema", xsd, "-"], {
      input: ublOf(doc),
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stderr);
  }
});
