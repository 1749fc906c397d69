import type {
  InvoiceDetail,
  InvoiceResource,
  InvoiceSettingsResource,
  UninvoicedResource,
} from "../client/invoices.ts";
import { formatAmount } from "../kernel/amount.ts";
import { ComityError } from "../kernel/errors.ts";
import { partnerOf } from "../market/agreement.ts";
import type { CreditWish } from "../settle/invoice/credit.ts";
import type { InvoiceBody } from "../settle/invoice/document.ts";
import { invoiceFileOf } from "../settle/invoice/file.ts";
import type { IssuedInvoice, IssuedInvoices, InvoiceWish } from "../settle/invoice/issued.ts";
import type { Parties } from "../settle/invoice/parties.ts";
import type { ReceivedInvoice, ReceivedInvoices } from "../settle/invoice/received.ts";
import type { InvoiceSettings } from "../settle/invoice/settings.ts";
import type { FileSources } from "../settle/statements/file.ts";

/** Invoices as the HTTP API sees them. */
export interface InvoicesApi {
  /** NOT_FOUND where none were given. */
  settings(): Promise<InvoiceSettingsResource>;
  set(settings: InvoiceSettings): Promise<InvoiceSettingsResource>;
  list(month?: string): Promise<readonly InvoiceResource[]>;
  uninvoiced(month: string): Promise<readonly UninvoicedResource[]>;
  issue(wish: InvoiceWish): Promise<readonly InvoiceResource[]>;
  credit(wish: CreditWish): Promise<InvoiceResource>;
  /** NOT_FOUND where there is none; the body to make its forms of. */
  get(id: string): Promise<InvoiceDetail & { readonly body: InvoiceBody }>;
  /** The document and all that proves its lines: a file. NOT_FOUND. */
  evidence(id: string): Promise<unknown>;
}

export interface InvoiceRooms {
  readonly parties: Parties;
  readonly issued: IssuedInvoices;
  readonly received: ReceivedInvoices;
}

type Kept =
  | { readonly own: IssuedInvoice; readonly theirs?: undefined }
  | { readonly own?: undefined; readonly theirs: ReceivedInvoice };

export function invoicesApi(
  { parties, issued, received }: InvoiceRooms,
  peers: { list(): readonly { readonly did: string; readonly name: string }[] },
  sources: FileSources,
): InvoicesApi {
  const didOf = (named: string): string =>
    peers.list().find(({ did, name }) => did === named || name === named)?.did ?? named;
  const nameOf = (did: string): string =>
    peers.list().find((peer) => peer.did === did)?.name ?? did;
  const inOf = (invoice: ReceivedInvoice): InvoiceResource => ({
    ...told(invoice.body, "consumer"),
    id: `${nameOf(invoice.body.provider)}/${invoice.body.number}`,
    state: invoice.differences.length === 0 ? "agrees" : "differs",
  });
  const kept = async (id: string): Promise<Kept> => {
    const cut = id.lastIndexOf("/");
    if (cut < 0) {
      const own = await issued.get(id);
      if (own !== undefined) return { own };
    } else {
      const theirs = await received.get(didOf(id.slice(0, cut)), id.slice(cut + 1));
      if (theirs !== undefined) return { theirs };
    }
    throw new ComityError("NOT_FOUND", { what: "invoice", id });
  };
  return {
    async settings() {
      const given = await parties.given();
      if (given !== undefined) return given;
      throw new ComityError("NOT_FOUND", { what: "setting of", id: "invoices" });
    },
    set: (settings) => parties.set(settings),
    async list(month) {
      const found: InvoiceResource[] = [];
      for await (const one of issued.all()) found.push(outOf(one));
      for await (const one of received.all()) found.push(inOf(one));
      return found.filter((one) => month === undefined || one.month === month);
    },
    async uninvoiced(month) {
      const found = await issued.uninvoiced(month);
      return found.map(({ line, leftMicro }) => {
        const { agreement, title, consumer, amount, currency } = line;
        return { agreement, title, consumer, amount, left: formatAmount(leftMicro), currency };
      });
    },
    async issue({ month, buyer }) {
      return (await issued.issue({ month, buyer: didOf(buyer) })).map(outOf);
    },
    credit: async (wish) => outOf(await issued.credit(wish)),
    async get(id) {
      const { own, theirs } = await kept(id);
      if (own !== undefined) return { ...outOf(own), ...detailOf(own) };
      const { body, signed, differences } = theirs;
      return { ...inOf(theirs), body, signed, differences };
    },
    async evidence(id) {
      const { own, theirs } = await kept(id);
      return own === undefined
        ? invoiceFileOf(theirs, received.all(), sources)
        : invoiceFileOf(own, issued.all(), sources);
    },
  };
}

function detailOf({ body, signed, told: answer }: IssuedInvoice) {
  const differences = answer !== undefined && "differences" in answer ? answer.differences : [];
  return { body, ...(signed && { signed }), differences };
}

function outOf({ body, told: answer }: IssuedInvoice): InvoiceResource {
  const common = { ...told(body, "provider"), id: body.number };
  if (answer === undefined) return { ...common, state: "issued" };
  if ("problem" in answer) return { ...common, state: "refused", problem: answer.problem };
  return { ...common, state: answer.differences.length === 0 ? "agrees" : "differs" };
}

function told(body: InvoiceBody, role: InvoiceResource["role"]) {
  const { type, number, month, issued, due, currency, totals, provider, consumer } = body;
  const { net, tax, gross } = totals;
  return {
    ...{ role, type, number, month, issued },
    ...(due !== undefined && { due }),
    partner: partnerOf({ role, provider, consumer }),
    ...{ currency, net, tax, gross },
  };
}
