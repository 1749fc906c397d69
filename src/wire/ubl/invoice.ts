import { currencyExponent, formatMinor } from "../../kernel/currency.ts";
import type { UblDocument, UblIdentifier, UblLine, UblParty, UblTax } from "./document.ts";
import { requireRules } from "./rules.ts";
import { element, type XmlElement, xmlDocument } from "./xml.ts";

/** BT-24 of a document that is EN 16931 and no extension or restriction of it. */
const specification = "urn:cen.eu:en16931:2017";
/** BR-DEC-*: amounts have two decimals at most. */
const decimalsMax = 2;

const names = {
  invoice: { root: "Invoice", code: "380", line: "InvoiceLine", quantity: "InvoicedQuantity" },
  "credit-note": {
    root: "CreditNote",
    code: "381",
    line: "CreditNoteLine",
    quantity: "CreditedQuantity",
  },
} as const;

/** Does EN 16931 know amounts as fine as the currency's minor unit? */
function isEn16931(currency: string): boolean {
  return (currencyExponent(currency) ?? 0) <= decimalsMax;
}

/** UBL 2.1; throws INVOICE_INVALID with the rule that the document breaks. */
export function ublOf(doc: UblDocument): string {
  requireRules(doc);
  const { root, code } = names[doc.type];
  const credits = doc.type === "credit-note";
  const children = [
    cbc("CustomizationID", isEn16931(doc.currency) ? specification : undefined), // [BT-24]
    cbc("ID", doc.number), // [BT-1]
    cbc("IssueDate", doc.issued), // [BT-2]
    cbc("DueDate", credits ? undefined : doc.due), // [BT-9]
    cbc(`${root}TypeCode`, code), // [BT-3]
    ...doc.notes.map((note) => cbc("Note", note)), // [BT-22]
    cbc("DocumentCurrencyCode", doc.currency), // [BT-5]
    cac("InvoicePeriod", [cbc("StartDate", doc.period.from), cbc("EndDate", doc.period.to)]), // [BG-14]
    doc.corrects &&
      cac("BillingReference", [
        cac("InvoiceDocumentReference", [
          cbc("ID", doc.corrects.number), // [BT-25]
          cbc("IssueDate", doc.corrects.issued), // [BT-26]
        ]),
      ]),
    ...doc.supporting.map(({ id, description }) =>
      cac("AdditionalDocumentReference", [
        cbc("ID", id), // [BT-122]
        cbc("DocumentDescription", description), // [BT-123]
      ]),
    ),
    cac("AccountingSupplierParty", [party(doc.seller)]), // [BG-4]
    cac("AccountingCustomerParty", [party(doc.buyer)]), // [BG-7]
    paymentMeans(doc),
    cac("PaymentTerms", [cbc("Note", doc.payment.terms)]), // [BT-20]
    taxTotal(doc),
    monetaryTotal(doc),
    ...doc.lines.map((line) => lineElement(line, doc)),
  ];
  const ubl = "urn:oasis:names:specification:ubl:schema:xsd:";
  const whole = element(root, children, {
    xmlns: `${ubl}${root}-2`,
    "xmlns:cac": `${ubl}CommonAggregateComponents-2`,
    "xmlns:cbc": `${ubl}CommonBasicComponents-2`,
  });
  if (whole === undefined) throw new Error("an invoice without content");
  return xmlDocument(whole);
}

function party(of: UblParty): XmlElement | undefined {
  const { street, more, city, postCode, region, country } = of.address ?? {};
  return cac("Party", [
    identifier("EndpointID", of.endpoint), // [BT-34] [BT-49]
    cac("PartyIdentification", [cbc("ID", of.id)]), // [BT-29] [BT-46]
    cac("PostalAddress", [
      cbc("StreetName", street), // [BT-35] [BT-50]
      cbc("AdditionalStreetName", more), // [BT-36] [BT-51]
      cbc("CityName", city), // [BT-37] [BT-52]
      cbc("PostalZone", postCode), // [BT-38] [BT-53]
      cbc("CountrySubentity", region), // [BT-39] [BT-54]
      cac("Country", [cbc("IdentificationCode", country)]), // [BT-40] [BT-55]
    ]),
    of.vatId === undefined ? undefined : cac("PartyTaxScheme", [cbc("CompanyID", of.vatId), vat()]), // [BT-31] [BT-48]
    cac("PartyLegalEntity", [
      cbc("RegistrationName", of.name), // [BT-27] [BT-44]
      identifier("CompanyID", of.registration), // [BT-30] [BT-47]
    ]),
  ]);
}

function paymentMeans({ type, currency, due, number, payment }: UblDocument) {
  const { account, accountName, bic } = payment;
  if (account === undefined) return undefined;
  const isSepa = currency === "EUR" && /^[A-Z]{2}\d{2}/.test(account);
  return cac("PaymentMeans", [
    cbc("PaymentMeansCode", isSepa ? "58" : "30"), // [BT-81], UNCL 4461
    cbc("PaymentDueDate", type === "credit-note" ? due : undefined), // [BT-9]
    cbc("PaymentID", number), // [BT-83]
    cac("PayeeFinancialAccount", [
      cbc("ID", account), // [BT-84]
      cbc("Name", accountName), // [BT-85]
      cac("FinancialInstitutionBranch", [cbc("ID", bic)]), // [BT-86]
    ]),
  ]);
}

function taxTotal(doc: UblDocument): XmlElement | undefined {
  return cac("TaxTotal", [
    money("TaxAmount", doc.totals.tax, doc), // [BT-110]
    ...doc.taxes.map((tax) =>
      cac("TaxSubtotal", [
        money("TaxableAmount", tax.taxable, doc), // [BT-116]
        money("TaxAmount", tax.amount, doc), // [BT-117]
        cac("TaxCategory", [
          cbc("ID", tax.category), // [BT-118]
          cbc("Percent", tax.rate), // [BT-119]
          cbc("TaxExemptionReasonCode", tax.reasonCode), // [BT-121]
          cbc("TaxExemptionReason", tax.reason), // [BT-120]
          vat(),
        ]),
      ]),
    ),
  ]);
}

function monetaryTotal(doc: UblDocument): XmlElement | undefined {
  const { net, gross } = doc.totals;
  return cac("LegalMonetaryTotal", [
    money("LineExtensionAmount", net, doc), // [BT-106]
    money("TaxExclusiveAmount", net, doc), // [BT-109]
    money("TaxInclusiveAmount", gross, doc), // [BT-112]
    money("PayableAmount", gross, doc), // [BT-115]
  ]);
}

function lineElement(line: UblLine, doc: UblDocument): XmlElement | undefined {
  const { line: name, quantity } = names[doc.type];
  return cac(name, [
    cbc("ID", line.id), // [BT-126]
    cbc("Note", line.note), // [BT-127]
    cbc(quantity, String(line.quantity), { unitCode: line.unit }), // [BT-129] [BT-130]
    money("LineExtensionAmount", line.net, doc), // [BT-131]
    line.object === undefined
      ? undefined
      : cac("DocumentReference", [cbc("ID", line.object), cbc("DocumentTypeCode", "130")]), // [BT-128]
    cac("Item", [
      cbc("Name", line.name), // [BT-153]
      cac("SellersItemIdentification", [cbc("ID", line.product)]), // [BT-155]
      classified(line.tax),
      ...Object.entries(line.properties).map(
        ([key, value]) => cac("AdditionalItemProperty", [cbc("Name", key), cbc("Value", value)]), // [BT-160] [BT-161]
      ),
    ]),
    cac("Price", [money("PriceAmount", line.price, doc)]), // [BT-146]
  ]);
}

function classified({ category, rate }: UblTax): XmlElement | undefined {
  return cac("ClassifiedTaxCategory", [cbc("ID", category), cbc("Percent", rate), vat()]); // [BG-30]
}

function vat(): XmlElement | undefined {
  return cac("TaxScheme", [cbc("ID", "VAT")]);
}

function identifier(name: string, of: UblIdentifier | undefined): XmlElement | undefined {
  return cbc(name, of?.id, { schemeID: of?.scheme });
}

function money(name: string, micro: bigint, { currency }: UblDocument): XmlElement | undefined {
  const text = formatMinor(micro, currencyExponent(currency) ?? decimalsMax);
  return cbc(name, text, { currencyID: currency });
}

function cbc(
  name: string,
  text: string | undefined,
  attributes: Readonly<Record<string, string | undefined>> = {},
): XmlElement | undefined {
  return element(`cbc:${name}`, text, attributes);
}

function cac(name: string, children: readonly (XmlElement | undefined)[]): XmlElement | undefined {
  return element(`cac:${name}`, children);
}
