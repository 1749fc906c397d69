import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { LedgerAuditResource, BalanceResource } from "../client/books.ts";
import type { ApiDeps } from "./deps.ts";
import { allow } from "./guard.ts";
import { answer } from "./schemas.ts";

const book = {
  currency: Type.String(),
  accounts: Type.Record(Type.String(), Type.String(), {
    description: "Decimals; debit balances above zero, credit balances below.",
  }),
};
const Balance = Type.Object(book);
const Audit = Type.Object({
  receipts: Type.Integer(),
  postings: Type.Integer(),
  books: Type.Array(Type.Object({ ...book, sum: Type.String() })),
  findings: Type.Array(Type.Object({ what: Type.String(), problem: Type.String() })),
  problems: Type.Integer(),
});

/** The double-entry ledger, and its audit. */
export function booksRoutes(scope: FastifyInstance, { books }: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/ledger",
    {
      config: allow("viewer"),
      schema: {
        summary: "The balance of every account, a book for each currency",
        response: {
          200: answer<readonly BalanceResource[]>("By currency.", Type.Array(Balance)),
        },
      },
    },
    async () => books.balances(),
  );

  app.get(
    "/ledger/audit",
    {
      config: allow("operator"),
      schema: {
        summary: "Recomputes the whole ledger from what was signed; names what does not agree",
        response: { 200: answer<LedgerAuditResource>("Nothing found: problems is 0.", Audit) },
      },
    },
    async () => books.audit(),
  );
}
