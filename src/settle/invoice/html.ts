import { createHash } from "node:crypto";
import type { InvoiceBody, InvoiceLine } from "./document.ts";
import type { Party } from "./settings.ts";
import { noteOf, notesOf, periodOf, supportingOf } from "./to-ubl.ts";

/** Prints on A4; nothing is loaded, so that the page is whole wherever it is kept. */
const style = `
@page { size: A4; margin: 18mm; }
body { font: 11pt/1.45 system-ui, sans-serif; color: #111; max-width: 174mm; margin: 2rem auto; }
h1 { font-size: 20pt; margin: 0 0 1rem; }
h2 { font-size: 11pt; margin: 0 0 .2rem; color: #444; }
.parties { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; margin: 1.5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dt { color: #444; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; }
th, td { border-bottom: 1px solid #bbb; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tfoot th, tfoot td { border-bottom: 0; } .sum > * { font-weight: 700; border-top: 2px solid #111; }
small { color: #444; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } tr, .parties { break-inside: avoid; } }
`;

const styleHash = createHash("sha256").update(style).digest("base64");

/** What a server says of it: this style and nothing else; no script, no address. */
export const invoicePagePolicy =
  `default-src 'none'; style-src 'sha256-${styleHash}'; ` +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** A page for people; the same figures as in the XML. */
export function invoiceHtml(body: InvoiceBody): string {
  const { number, type, seller, lines, totals, currency, corrects } = body;
  const title = type === "invoice" ? "Invoice" : "Credit note";
  const period = periodOf(body.month);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Number", number],
    ["Date", body.issued],
    ["Corrects", corrects && `${corrects.number} of ${corrects.issued}`],
    ["Period", `${period.from} to ${period.to}`],
    ["Due", body.due],
    ["Account", body.payment.account],
    ["Account name", body.payment.accountName],
    ["BIC", body.payment.bic],
    ["Terms", body.payment.terms],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${html(`${title} ${number} of ${seller.name}`)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title} ${html(number)}</h1>
<dl>${facts.map(([name, value]) => fact(name, value)).join("")}</dl>
<div class="parties">
${partyBlock("Seller", seller, body.provider)}
${partyBlock("Buyer", body.buyer, body.consumer)}
</div>
<table>
<caption>What was delivered</caption>
<thead><tr><th scope="col">Line</th><th scope="col">Stream</th>
<th scope="col" class="n">Messages</th><th scope="col">VAT</th>
<th scope="col" class="n">Exact</th><th scope="col" class="n">${html(currency)}</th></tr></thead>
<tbody>
${lines.map((line) => row(line, body)).join("\n")}
</tbody>
<tfoot>
${sumRow("Net", totals.net)}
${body.taxes.map((tax) => sumRow(taxText(tax), tax.amount)).join("\n")}
${sumRow(type === "invoice" ? "To pay" : "Given back", totals.gross, "sum")}
</tfoot>
</table>
${notesOf(body)
  .map((note) => `<p>${html(note)}</p>`)
  .join("\n")}
${evidence(body)}
</main>
</body>
</html>
`;
}

function row(line: InvoiceLine, body: InvoiceBody): string {
  const { id, title, messages, tax, exact, amount } = line;
  const percent = tax.rate === undefined ? "" : ` ${tax.rate} %`;
  const cells = [
    `<td>${html(id)}</td>`,
    `<td>${html(title)}<br><small>${html(noteOf(line, body))}</small></td>`,
    `<td class="n">${messages.toLocaleString("en")}</td>`,
    `<td>${html(`${tax.category}${percent}`)}</td>`,
    `<td class="n">${html(exact)}</td><td class="n">${html(amount)}</td>`,
  ];
  return `<tr>${cells.join("")}</tr>`;
}

function sumRow(name: string, amount: string, kind = ""): string {
  const head = `<th scope="row" colspan="5">${html(name)}</th>`;
  return `<tr${kind && ` class="${kind}"`}>${head}<td class="n">${html(amount)}</td></tr>`;
}

function taxText({ category, rate, taxable, reason }: InvoiceBody["taxes"][number]): string {
  const percent = rate === undefined ? "" : ` ${rate} %`;
  return `VAT ${category}${percent} on ${taxable}${reason === undefined ? "" : `: ${reason}`}`;
}

function partyBlock(name: string, party: Party, did: string): string {
  const { street, more, postCode, city, region, country } = party.address;
  const lines = [
    street,
    more,
    [postCode, city].filter(Boolean).join(" "),
    region,
    country,
    party.vatId && `VAT ${party.vatId}`,
    party.registration && `Registered as ${party.registration.id}`,
  ];
  const shown = lines.filter(Boolean).map((line) => html(line ?? ""));
  return `<section aria-label="${name}"><h2>${name}</h2><strong>${html(party.name)}</strong><br>
${shown.join("<br>\n")}<br><small>${html(did)}</small></section>`;
}

function evidence({ lines, month }: InvoiceBody): string {
  const items = lines.flatMap((line) => supportingOf(line, month));
  if (items.length === 0) return "";
  const list = items.map(({ id, description }) => {
    return `<li><small>${html(id)}<br>${html(description)}</small></li>`;
  });
  return `<h2>Evidence</h2>\n<ul>${list.join("\n")}</ul>`;
}

function fact(name: string, value: string | undefined): string {
  return value === undefined ? "" : `<dt>${html(name)}</dt><dd>${html(value)}</dd>`;
}

/** Text that no browser takes for markup; what cannot be shown becomes U+FFFD. */
function html(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "\uFFFD")
    .replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
