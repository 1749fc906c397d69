import assert from "node:assert/strict";
import { test } from "node:test";
import { DOMParser, onErrorStopParsing } from "@xmldom/xmldom";
import { parse } from "csv-parse/sync";
import * as fc from "fast-check";
import { formatAmount, parseAmount } from "../../kernel/amount.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { StatementLine } from "../statement.ts";
import { invoiceCsv } from "./csv.ts";
import { invoiceBody, type InvoiceBody } from "./document.ts";
import { dayAfter, linesOf, sumsOf } from "./draw-up.ts";
import { invoiceHtml } from "./html.ts";
import { taxFor } from "./settings.ts";
import { invoiceXml, periodOf } from "./to-ubl.ts";

const tax = { category: "S", rate: "19" } as const;

function statement(more: Partial<StatementLine> = {}): StatementLine {
  return {
    ...{ agreement: "urn:uuid:1", provider: "did:web:a", consumer: "did:web:b" },
    ...{ product: "sun", title: "Irradiance", month: "2026-11", messages: 7, bytes: 70 },
    ...{ amount: "1", currency: "EUR", receipts: 1, role: "provider", evidence: "two-sided" },
    ...more,
  };
}

function bodyOf(exact: readonly bigint[], currency = "EUR", title = "Irradiance"): InvoiceBody {
  const lines = linesOf(
    exact.map((exactMicro) => ({ line: statement({ title, currency }), exactMicro, tax })),
    currency,
  );
  return {
    ...{ v: 1, type: "invoice", number: "2026-000001", issued: "2026-12-01", due: "2026-12-31" },
    ...{ month: "2026-11", currency, provider: "did:web:a", consumer: "did:web:b" },
    seller: { name: "A", vatId: "DE123456789", address: { city: "Bonn", country: "DE" } },
    buyer: { name: title, address: { city: "Delft", country: "NL" } },
    payment: {},
    lines,
    ...sumsOf(lines, currency),
  };
}

function read(xml: string, name: string): string[] {
  const parser = new DOMParser({ onError: onErrorStopParsing });
  const found = parser.parseFromString(xml, "text/xml").getElementsByTagName(name);
  return [...found].map((node) => node.textContent ?? "");
}

test("invoice - what the XML sums to is the statement's, less the difference it states", () => {
  const exact = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const property = fc.property(
    fc.array(exact, { minLength: 1, maxLength: 20 }),
    fc.constantFrom(["EUR", 2], ["JPY", 0], ["KWD", 3], ["CLF", 4]),
    (amounts, [currency, places]) => {
      const body = bodyOf(amounts, currency);
      assert.ok(invoiceBody.Check(body));
      const sum = amounts.reduce((all, one) => all + one, 0n);
      const xml = invoiceXml(body);
      const [net = "", ...lines] = read(xml, "cbc:LineExtensionAmount");
      const total = lines.reduce((all, text) => all + (parseAmount(text) ?? 0n), 0n);
      assert.equal(parseAmount(net), total);
      const rounding = parseAmount(body.totals.rounding) ?? 0n;
      assert.equal(total - rounding, sum);
      assert.ok(lines.every((text) => (text.split(".")[1] ?? "").length === places));
      // half a minor unit a line, at most
      const most = (10n ** BigInt(6 - places) * BigInt(amounts.length)) / 2n;
      assert.ok(rounding <= most && rounding >= -most);
      assert.match(xml, new RegExp(`a difference of ${formatAmount(rounding)} ${currency}`));
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test("invoice - a currency that nobody pays in is refused by name", () => {
  for (const currency of ["XXX", "XAU", "ZZZ"]) {
    assert.throws(
      () => bodyOf([1_000_000n], currency),
      (thrown) => thrown instanceof ComityError && thrown.message.includes(`${currency} is no`),
    );
  }
});

test("invoice - a line's tax is the rule that names most of it", () => {
  const rules = [
    { category: "S", rate: "21" },
    { product: "sun", category: "S", rate: "9" },
    { buyer: "did:web:b", category: "AE", rate: "0", reason: "Reverse charge" },
    { buyer: "did:web:b", product: "sun", category: "Z", rate: "0" },
  ] as const;
  const of = (...count: [number, number]) => taxFor(rules.slice(...count), statement()).category;
  assert.deepEqual([of(0, 1), of(0, 3), of(0, 4)], ["S", "AE", "Z"]);
  assert.equal(taxFor(rules.slice(0, 2), statement()).rate, "9");
  const ofClass = [
    ...rules.slice(0, 2),
    { recipientClass: "sme", category: "Z", rate: "0" } as const,
  ];
  assert.equal(taxFor(ofClass, statement(), "sme").category, "Z");
  assert.equal(taxFor(ofClass, statement(), "public").category, "S");
  assert.throws(() => taxFor(rules.slice(2, 3), statement({ consumer: "did:web:c" })), {
    code: "INVOICE_INVALID",
  });
});

test("invoice - its page runs nothing and shows what it is given as text", () => {
  const hard = `<script>alert("1")</script> ]]> & ' \u0007\u202E \uD800`;
  const page = invoiceHtml(bodyOf([12_345_678n, -1_000_000n], "EUR", hard));
  assert.ok(!/<script|\son\w+=|https?:|url\(|@import/i.test(page));
  assert.ok(
    page.includes("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; ]]&#62; &#38; &#39;"),
  );
  assert.ok(!page.includes("\u0007") && !page.includes("\u202E"));
  assert.match(page, /<html lang="en">/);
  assert.match(page, /@page \{ size: A4/);
  assert.match(page, /<td class="n">12.345678<\/td><td class="n">12.35<\/td>/);
  assert.match(page, /<th scope="row" colspan="5">To pay<\/th><td class="n">13.51<\/td>/);
});

test("invoice - its CSV is read back by another parser, and no cell is a formula", () => {
  const title = '=HYPERLINK("x"),\r\n"a"';
  const csv = invoiceCsv(bodyOf([12_345_678n, -1_000_000n], "EUR", title));
  const rows: Record<string, string>[] = parse(csv, { columns: true, record_delimiter: "\r\n" });
  assert.deepEqual(
    rows.map((row) => [row["title"], row["exact"], row["amount"], row["tax_rate"]]),
    [
      [`'${title}`, "12.345678", "12.35", "19"],
      [`'${title}`, "-1", "-1.00", "19"],
    ],
  );
});

test("invoice - a month is from its first day to its last", () => {
  assert.deepEqual(periodOf("2028-02"), { from: "2028-02-01", to: "2028-02-29" });
  assert.deepEqual(periodOf("2026-12"), { from: "2026-12-01", to: "2026-12-31" });
  assert.equal(dayAfter("2026-12-31", 1), "2027-01-01");
});
