import type { InvoiceBody } from "./document.ts";

const heads =
  "number,type,issued,due,month,currency,seller,buyer,line,corrects,agreement,product,title," +
  "messages,bytes,evidence,exact,amount,tax_category,tax_rate,tax_reason";

/** A line of CSV for each line of the document (RFC 4180: CRLF, quotes doubled). */
export function invoiceCsv(body: InvoiceBody): string {
  const { number, type, issued, due = "", month, currency, seller, buyer, corrects } = body;
  const rows = body.lines.map((line) => {
    const { category, rate = "", reason = "" } = line.tax;
    return [
      ...[number, type, issued, due, month, currency, text(seller.name), text(buyer.name)],
      line.id,
      corrects && line.corrects ? `${corrects.number}/${line.corrects}` : "",
      ...[line.agreement, text(line.product), text(line.title)],
      ...[String(line.messages), String(line.bytes), line.evidence, line.exact, line.amount],
      ...[category, rate, text(reason)],
    ];
  });
  return [heads, ...rows.map((row) => row.map(cell).join(","))].map((row) => `${row}\r\n`).join("");
}

/** Another's words: a spreadsheet takes what begins so for a formula. */
function text(words: string): string {
  return /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
}

function cell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
