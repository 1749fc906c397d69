/**
 * Invoices and credit notes as EN 16931-1:2017 describes them and UBL 2.1 spells them.
 *
 * In comes a document of plain values, its sums included (here); `rules.ts` holds it against the
 * business rules of EN 16931 that can bind what this project sells, and names the first that is
 * broken; out goes XML (`invoice.ts`) whose elements stand in the order of the UBL 2.1 schemas.
 * Business terms (BT-n) and groups (BG-n) are named where they are written. It never computes what
 * is owed or which tax applies: categories, rates and reasons are data.
 *
 * Amounts are bigint micro-units, and whole numbers of the currency's minor unit. EN 16931 allows
 * two decimals (BR-DEC-*): a document in a currency with more is plain UBL 2.1 and says no other.
 */

/** BT-151 of the categories (UNCL 5305) that sellers of data meet. */
export const taxCategories = ["S", "Z", "E", "AE", "G", "O"] as const;
export type TaxCategory = (typeof taxCategories)[number];

export interface UblTax {
  readonly category: TaxCategory;
  /** Percent, decimal; absent for O, which has none. */
  readonly rate?: string | undefined;
  /** BT-120, and BT-121 of the VATEX list. */
  readonly reason?: string | undefined;
  readonly reasonCode?: string | undefined;
}

export interface UblParty {
  /** BT-27, BT-44: as it is registered. */
  readonly name: string;
  /** BT-29, BT-46. */
  readonly id?: string | undefined;
  /** BT-30, BT-47. */
  readonly registration?: UblIdentifier | undefined;
  /** BT-31, BT-48: with the country's prefix. */
  readonly vatId?: string | undefined;
  /** BT-34, BT-49: where electronic documents reach it; the scheme is one of the EAS list. */
  readonly endpoint?: UblIdentifier | undefined;
  /** BG-5, BG-8. */
  readonly address?: UblAddress | undefined;
}

export interface UblIdentifier {
  readonly id: string;
  readonly scheme?: string | undefined;
}

export interface UblAddress {
  readonly street?: string | undefined;
  readonly more?: string | undefined;
  readonly city?: string | undefined;
  readonly postCode?: string | undefined;
  readonly region?: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

export interface UblLine {
  /** BT-126 */
  readonly id: string;
  /** BT-127 */
  readonly note?: string | undefined;
  /** BT-128: here the agreement. */
  readonly object?: string | undefined;
  /** BT-129, a whole number, in units of BT-130 (UN/ECE Recommendation 20). */
  readonly quantity: bigint;
  readonly unit: string;
  /** BT-131 */
  readonly net: bigint;
  /** BT-146 */
  readonly price: bigint;
  /** BT-153, BT-155 */
  readonly name: string;
  readonly product?: string | undefined;
  /** BG-32 */
  readonly properties: Readonly<Record<string, string>>;
  readonly tax: UblTax;
}

export interface UblSubtotal extends UblTax {
  /** BT-116, BT-117 */
  readonly taxable: bigint;
  readonly amount: bigint;
}

export interface UblDocument {
  readonly type: "invoice" | "credit-note";
  /** BT-1 */
  readonly number: string;
  /** BT-2, BT-9: days such as 2026-12-01. */
  readonly issued: string;
  readonly due?: string | undefined;
  /** BT-5, ISO 4217. */
  readonly currency: string;
  /** BT-22 */
  readonly notes: readonly string[];
  /** BG-14: days, both included. */
  readonly period: { readonly from: string; readonly to: string };
  /** BG-3: what a credit note corrects. */
  readonly corrects?: { readonly number: string; readonly issued: string } | undefined;
  /** BG-24: what proves it. */
  readonly supporting: readonly { readonly id: string; readonly description: string }[];
  readonly seller: UblParty;
  readonly buyer: UblParty;
  readonly payment: {
    /** BT-84, BT-85, BT-86 */
    readonly account?: string | undefined;
    readonly accountName?: string | undefined;
    readonly bic?: string | undefined;
    /** BT-20 */
    readonly terms?: string | undefined;
  };
  readonly lines: readonly UblLine[];
  /** BG-23: one for each category and rate. */
  readonly taxes: readonly UblSubtotal[];
  /** BT-106 = BT-109, BT-110, BT-112 = BT-115: no allowances, charges or advance payments. */
  readonly totals: { readonly net: bigint; readonly tax: bigint; readonly gross: bigint };
}
