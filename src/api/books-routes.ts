import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type {
  BalanceResource,
  LedgerAuditResource,
  SignedStatementResource,
} from "../client/books.ts";
import { ComityError } from "../kernel/errors.ts";
import { actShape } from "../settle/statements/document.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams, Month } from "./schemas.ts";

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

const text = Type.String();
const Statement = Type.Object({
  ...{ id: text, role: text, with: text, month: text, number: Type.Integer(), at: text },
  lines: Type.Array(
    Type.Object({
      ...{ agreement: text, title: text, state: text, messages: Type.Integer() },
      ...{ stated: text, amount: text, currency: text },
      dispute: Type.Optional(
        Type.Object({
          ...{ state: text, reason: text, claimed: text, expiresAt: text },
          credit: Type.Optional(Type.Object({ hash: text, amount: text })),
        }),
      ),
    }),
  ),
  dues: Type.Array(
    Type.Object({ currency: text, accepted: text, paid: text, setOff: text, due: text }),
  ),
  problem: Type.Optional(text),
});

/** The double-entry ledger and its audit, and statements that both sides answer. */
export function booksRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const { books } = deps;
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

  app.get(
    "/signed-statements",
    {
      config: allow("viewer"),
      schema: {
        summary: "Statements between this node and others, and how their lines stand",
        querystring: Type.Object({ month: Type.Optional(Month) }),
        response: {
          200: answer<readonly SignedStatementResource[]>("Statements.", Type.Array(Statement)),
        },
      },
    },
    async (request) => books.statements(request.query.month),
  );

  app.get(
    "/signed-statements/:id/evidence",
    {
      config: allow("viewer"),
      schema: {
        summary: "A file with both sides' words and what proves its lines",
        description: "`comity verify` checks it, offline.",
        params: IdParams,
        response: { 200: answer<unknown>("A file of evidence.") },
      },
    },
    async (request) => books.evidence(request.params.id),
  );

  app.post(
    "/signed-statements",
    {
      config: allow("trader", "statement.draw"),
      schema: {
        summary: "Draw up the month's next statement for a consumer, sign it and bring it",
        body: Type.Object(
          { consumer: Type.String({ maxLength: 512 }), month: Month },
          { additionalProperties: false },
        ),
        response: { 200: answer<SignedStatementResource>("As it stands.", Statement) },
      },
    },
    async (request) => {
      const { consumer, month } = request.body;
      return audited(deps, request, `${month} for ${consumer}`, () => books.draw(consumer, month));
    },
  );

  app.post(
    "/signed-statements/:id/acts",
    {
      config: allow("trader", "statement.act"),
      schema: {
        summary: "Accept, dispute, show evidence, credit, agree, withdraw, expire, or mark as paid",
        params: IdParams,
        response: { 200: answer<SignedStatementResource>("As it stands.", Statement) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const act: unknown = request.body;
      if (!actShape.Check(act)) {
        throw new ComityError("BODY_INVALID", { problem: "it is no word about a statement" });
      }
      return audited(deps, request, `${act.do} ${id}`, () => books.act(id, act));
    },
  );
}
