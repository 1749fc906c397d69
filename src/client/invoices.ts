import { type HttpCaller, part } from "./http-caller.ts";

/** Who an organisation is by law. */
export interface PartyResource {
  readonly name: string;
  readonly registration?: { readonly id: string; readonly scheme?: string };
  readonly vatId?: string;
  /** Where electronic invoices reach it; the scheme is one of the EAS list. */
  readonly endpoint?: { readonly id: string; readonly scheme: string };
  readonly address: {
    readonly street?: string;
    readonly more?: string;
    readonly city?: string;
    readonly postCode?: string;
    readonly region?: string;
    /** ISO 3166-1 alpha-2. */
    readonly country: string;
  };
}

/** What a seller gives once; of a buyer `party` alone is needed. */
export interface InvoiceSettingsResource {
  readonly party: PartyResource;
  readonly payment?: {
    readonly account?: string;
    readonly accountName?: string;
    readonly bic?: string;
    readonly terms?: string;
    readonly days?: number;
  };
  /** Before the year in its numbers. */
  readonly series?: string;
  /** The rule that names most of a line counts. */
  readonly taxes?: readonly {
    /** DID. */
    readonly buyer?: string;
    /** As it attested when it agreed. */
    readonly recipientClass?: "sme" | "research" | "public";
    readonly product?: string;
    readonly category: "S" | "Z" | "E" | "AE" | "G" | "O";
    /** Percent, decimal. */
    readonly rate?: string;
    readonly reason?: string;
    readonly reasonCode?: string;
  }[];
  readonly buyers?: readonly { readonly did: string; readonly party: PartyResource }[];
}

export interface InvoiceResource {
  /** Its number; of a received one after the seller's name and a slash. */
  readonly id: string;
  readonly role: "provider" | "consumer";
  readonly type: "invoice" | "credit-note";
  readonly number: string;
  readonly month: string;
  readonly issued: string;
  readonly due?: string;
  /** The other side's DID. */
  readonly partner: string;
  readonly currency: string;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  /** `agrees`, `differs`: the buyer's node compared it with its own lines. */
  readonly state: "issued" | "agrees" | "differs" | "refused";
  /** Why the buyer's node refused it. */
  readonly problem?: string;
}

export interface InvoiceDifferenceResource {
  readonly where: string;
  readonly what: string;
  readonly invoiced: string;
  readonly own: string;
}

export interface InvoiceDetail extends InvoiceResource {
  /** What is signed, whole. */
  readonly body: unknown;
  /** RFC 7515 general JSON, by the seller. */
  readonly signed?: unknown;
  readonly differences: readonly InvoiceDifferenceResource[];
}

/** A month's line that invoices did not ask for just as it is. */
export interface UninvoicedResource {
  readonly agreement: string;
  readonly title: string;
  readonly consumer: string;
  readonly amount: string;
  /** Of it no invoice asked for so much; below zero: they asked for more than is owed. */
  readonly left: string;
  readonly currency: string;
}

export type InvoiceForm = "xml" | "html" | "csv";

/** The routes of invoices. */
export class InvoiceCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  settings = () => this.#caller.json<InvoiceSettingsResource>("/invoicing");
  set = (settings: InvoiceSettingsResource) =>
    this.#caller.json<InvoiceSettingsResource>("/invoicing", { method: "PUT", json: settings });
  /** Issued and received; absent: of all months. */
  list = (month?: string) =>
    this.#caller.json<InvoiceResource[]>("/invoices", { query: { month } });
  uninvoiced = (month: string) =>
    this.#caller.json<UninvoicedResource[]>(`/invoices/uninvoiced/${part(month)}`);
  /** `buyer`: a peer's name or DID. One document a currency. */
  issue = (month: string, buyer: string) =>
    this.#caller.json<InvoiceResource[]>("/invoices", { method: "POST", json: { month, buyer } });
  get = (id: string) => this.#caller.json<InvoiceDetail>(`/invoices/${part(id)}`);
  /** A file that `comity verify` checks, offline. */
  evidence = (id: string) => this.#caller.json<unknown>(`/invoices/${part(id)}/evidence`);
  async form(id: string, form: InvoiceForm): Promise<string> {
    const answer = await this.#caller.call(`/invoices/${part(id)}/${form}`, {});
    return answer.text();
  }
  /** Amounts without tax, by the invoice's lines. */
  credit = (number: string, reason: string, lines: Readonly<Record<string, string>>) =>
    this.#caller.json<InvoiceResource>(`/invoices/${part(number)}/credit`, {
      method: "POST",
      json: { reason, lines },
    });
}
