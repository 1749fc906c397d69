import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  InvoiceDetail,
  InvoiceResource,
  InvoiceSettingsResource,
  UninvoicedResource,
} from "../client/invoices.ts";
import { invoiceCsv } from "../settle/invoice/csv.ts";
import { invoiceHtml, invoicePagePolicy } from "../settle/invoice/html.ts";
import { InvoiceSettings } from "../settle/invoice/settings.ts";
import { invoiceXml } from "../settle/invoice/to-ubl.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, Month } from "./schemas.ts";

const strict = { additionalProperties: false };
const text = Type.String();
const Id = Type.Object({ id: Type.String({ maxLength: 600 }) });
const Wish = Type.Object({ month: Month, buyer: Type.String({ maxLength: 512 }) }, strict);
const Credit = Type.Object(
  {
    reason: Type.String({ minLength: 1, maxLength: 500 }),
    lines: Type.Record(Type.String(), Type.String(), {
      description: "Amounts without tax, by the invoice's lines.",
      minProperties: 1,
    }),
  },
  strict,
);
const summary = {
  ...{ id: text, role: text, type: text, number: text, month: text, issued: text },
  ...{ due: Type.Optional(text), partner: text, currency: text, net: text, tax: text },
  ...{ gross: text, state: text, problem: Type.Optional(text) },
};
const Invoice = Type.Object(summary);
const Difference = Type.Object({ where: text, what: text, invoiced: text, own: text });
const Detail = Type.Object({
  ...{ ...summary, body: Type.Unknown(), signed: Type.Optional(Type.Unknown()) },
  differences: Type.Array(Difference),
});
const Uninvoiced = Type.Object({
  ...{ agreement: text, title: text, consumer: text, amount: text, left: text, currency: text },
});

/** Invoices and credit notes, their settings and their forms. */
export function invoiceRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { invoices } = deps;
  settingsRoutes(scope, deps);
  app.get(
    "/invoices",
    {
      config: allow("viewer"),
      schema: {
        summary: "What was invoiced, by this node and to it",
        querystring: Type.Object({ month: Type.Optional(Month) }, strict),
        response: { 200: answer<readonly InvoiceResource[]>("All.", Type.Array(Invoice)) },
      },
    },
    async (request) => invoices.list(request.query.month),
  );

  app.get(
    "/invoices/uninvoiced/:month",
    {
      config: allow("viewer"),
      schema: {
        summary: "The month's lines of which something is not invoiced yet",
        params: Type.Object({ month: Month }),
        response: { 200: answer<readonly UninvoicedResource[]>("Lines.", Type.Array(Uninvoiced)) },
      },
    },
    async (request) => invoices.uninvoiced(request.params.month),
  );

  app.post(
    "/invoices",
    {
      config: allow("trader", "invoice.issue"),
      schema: {
        summary: "Invoice what a month owes and no invoice asked for: one document a currency",
        description: "It is numbered, signed and brought to the buyer's node; it never changes.",
        body: Wish,
        response: { 201: answer<readonly InvoiceResource[]>("Issued.", Type.Array(Invoice)) },
      },
    },
    async (request, reply) => {
      const { month, buyer } = request.body;
      const issued = await audited(deps, request, `${month} to ${buyer}`, () =>
        invoices.issue({ month, buyer }),
      );
      return reply.code(201).send(issued);
    },
  );

  app.get(
    "/invoices/:id",
    {
      config: allow("viewer"),
      schema: {
        summary: "One document, signed, with what the buyer's node found different",
        params: Id,
        response: { 200: answer<InvoiceDetail>("The document.", Detail) },
      },
    },
    async (request) => invoices.get(request.params.id),
  );

  app.get(
    "/invoices/:id/evidence",
    {
      config: allow("viewer"),
      schema: {
        summary: "A file with one document and what proves its lines",
        description: "`comity verify` checks it, offline.",
        params: Id,
        response: { 200: answer<unknown>("A file of evidence.") },
      },
    },
    async (request) => invoices.evidence(request.params.id),
  );

  const form = (of: string) => ({
    config: allow("viewer"),
    schema: { summary: `The document as ${of}`, params: Id },
  });
  app.get("/invoices/:id/xml", form("EN 16931 in UBL 2.1"), async (request, reply) => {
    const { body } = await invoices.get(request.params.id);
    return reply.type("application/xml; charset=utf-8").send(Buffer.from(invoiceXml(body)));
  });
  app.get("/invoices/:id/html", form("a page that prints"), async (request, reply) => {
    const { body } = await invoices.get(request.params.id);
    reply.header("content-security-policy", invoicePagePolicy);
    return reply.type("text/html; charset=utf-8").send(Buffer.from(invoiceHtml(body)));
  });
  app.get("/invoices/:id/csv", form("CSV, a row a line"), async (request, reply) => {
    const { body } = await invoices.get(request.params.id);
    return reply.type("text/csv; charset=utf-8").send(Buffer.from(invoiceCsv(body)));
  });

  app.post(
    "/invoices/:id/credit",
    {
      config: allow("trader", "invoice.credit"),
      schema: {
        summary: "Give back a part of an invoice's lines by a credit note",
        ...{ params: Id, body: Credit },
        response: { 201: answer<InvoiceResource>("The credit note.", Invoice) },
      },
    },
    async (request, reply) => {
      const { id: number } = request.params;
      const note = await audited(deps, request, number, () =>
        invoices.credit({ number, ...request.body }),
      );
      return reply.code(201).send(note);
    },
  );
}

function settingsRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const response = { 200: answer<InvoiceSettingsResource>("In force.", InvoiceSettings) };
  app.get(
    "/invoicing",
    {
      config: allow("viewer"),
      schema: { summary: "Who this organisation is by law, how it is paid, its taxes", response },
    },
    async () => deps.invoices.settings(),
  );

  app.put(
    "/invoicing",
    {
      config: allow("owner", "invoicing.set"),
      schema: {
        summary: "Say who this organisation is by law, how it is paid, and its taxes",
        description: "Partners' nodes are told the party; what was issued stays as it is.",
        ...{ body: InvoiceSettings, response },
      },
    },
    async (request) => {
      const { body } = request;
      return audited(deps, request, body.party.name, () => deps.invoices.set(body));
    },
  );
}
