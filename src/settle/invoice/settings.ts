import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { ComityError } from "../../kernel/errors.ts";
import { printable } from "../../kernel/printable.ts";
import { type RecipientClass, recipientClasses } from "../../kernel/recipient-class.ts";
import { Signature } from "../../meter/receipt.ts";
import type { StatementLine } from "../statement.ts";
import { taxCategories, type UblTax } from "../../wire/ubl/document.ts";

const closed = { additionalProperties: false } as const;
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

const Scheme = Type.String({ pattern: "^[0-9A-Z]{2,4}$" });

/** Who an organisation is by law. */
export const Party = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, description: "As it is registered." }),
    registration: Type.Optional(
      Type.Object({ id: text(100), scheme: Type.Optional(Scheme) }, closed),
    ),
    vatId: Type.Optional(Type.String({ pattern: "^[A-Z]{2}[0-9A-Za-z+*.]{2,20}$" })),
    endpoint: Type.Optional(
      Type.Object(
        { id: text(200), scheme: Scheme },
        { ...closed, description: "Where electronic invoices reach it; scheme of the EAS list." },
      ),
    ),
    address: Type.Object(
      {
        street: Type.Optional(text(200)),
        more: Type.Optional(text(200)),
        city: Type.Optional(text(100)),
        postCode: Type.Optional(text(20)),
        region: Type.Optional(text(100)),
        country: Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1 alpha-2." }),
      },
      closed,
    ),
  },
  closed,
);
export type Party = Static<typeof Party>;

/** How it wants to be paid; this node pays nobody. */
export const Payment = Type.Object(
  {
    account: Type.Optional(
      Type.String({ pattern: "^[0-9A-Z]{4,34}$", description: "An IBAN, without spaces." }),
    ),
    accountName: Type.Optional(text(200)),
    bic: Type.Optional(Type.String({ pattern: "^[0-9A-Z]{8}([0-9A-Z]{3})?$" })),
    terms: Type.Optional(text(500)),
    /** After the invoice's date. */
    days: Type.Optional(Type.Integer({ minimum: 0, maximum: 3650 })),
  },
  closed,
);

/** UNCL 5305. */
export const TaxCategory = Type.Enum([...taxCategories]);

const TaxRule = Type.Object(
  {
    /** For this buyer, buyers of this class, this product; absent: any. */
    buyer: Type.Optional(text(512)),
    recipientClass: Type.Optional(
      Type.Unsafe<RecipientClass>({ type: "string", enum: recipientClasses }),
    ),
    product: Type.Optional(text(512)),
    category: TaxCategory,
    rate: Type.Optional(
      Type.String({ pattern: "^[0-9]{1,3}(\\.[0-9]{1,6})?$", description: "Percent." }),
    ),
    reason: Type.Optional(text(500)),
    reasonCode: Type.Optional(Type.String({ pattern: "^VATEX-[A-Z0-9-]{2,40}$" })),
  },
  closed,
);
type TaxRule = Static<typeof TaxRule>;

/** What a seller gives once, and a buyer of which `party` alone is needed. */
export const InvoiceSettings = Type.Object(
  {
    party: Party,
    payment: Type.Optional(Payment),
    series: Type.Optional(Type.String({ pattern: "^[A-Z][A-Z0-9]{0,9}$" })),
    taxes: Type.Optional(Type.Array(TaxRule, { maxItems: 1000 })),
    buyers: Type.Optional(
      Type.Array(Type.Object({ did: text(512), party: Party }, closed), {
        maxItems: 1000,
        description: "Of buyers whose own node does not tell.",
      }),
    ),
  },
  closed,
);
export type InvoiceSettings = Static<typeof InvoiceSettings>;

/** The `typ` of a party's signature under who it is. */
export const partyType = "comity-party+jws";

const PartyCard = Type.Object(
  { v: Type.Literal(1), type: Type.Literal("party"), did: text(512), at: text(32), party: Party },
  closed,
);
export type PartyCard = Static<typeof PartyCard>;
export const partyCard = Compile(PartyCard);

/** How a partner's node tells who it is, to who has an agreement with it. */
const OfferedParty = Type.Object(
  { payload: Type.String(), signatures: Type.Tuple([Signature]) },
  closed,
);
export const offeredParty = Compile(OfferedParty);

/** CONFIG_INVALID where what is given cannot be printed or is no account. */
export function requireSettings(settings: InvoiceSettings): void {
  const unprintable = textsIn(settings).find((one) => printable(one) !== one);
  if (unprintable !== undefined) {
    throw invalid(`"${printable(unprintable)}" has characters that cannot be printed`);
  }
  const { account } = settings.payment ?? {};
  if (account !== undefined && /^[A-Z]{2}\d{2}/.test(account) && !isIban(account)) {
    throw invalid(`account ${account} is no IBAN: its check digits do not fit`);
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** ISO 13616: the number that its letters and digits spell leaves 1 when divided by 97. */
function isIban(account: string): boolean {
  const turned = account.slice(4) + account.slice(0, 4);
  const digits = Array.from(turned, (char) => parseInt(char, 36).toString()).join("");
  return BigInt(digits) % 97n === 1n;
}

/**
 * The seller's own rule for a line: the one that names the buyer before one that names the class
 * that it attested to be, and that before one for the product. INVOICE_INVALID where it gave none.
 */
export function taxFor(
  rules: readonly TaxRule[],
  line: StatementLine,
  attested?: RecipientClass,
): UblTax {
  const weight = ({ buyer, recipientClass, product }: TaxRule): number =>
    (buyer === undefined ? 0 : 4) +
    (recipientClass === undefined ? 0 : 2) +
    (product === undefined ? 0 : 1);
  const [rule] = rules
    .filter(({ buyer = line.consumer, recipientClass, product = line.product }) => {
      if (recipientClass !== undefined && recipientClass !== attested) return false;
      return buyer === line.consumer && product === line.product;
    })
    .sort((a, b) => weight(b) - weight(a));
  if (rule === undefined) {
    const problem = `no tax is given for ${line.product} sold to ${line.consumer}; add it to taxes`;
    throw new ComityError("INVOICE_INVALID", { rule: "BR-CO-04", problem });
  }
  const { category, rate, reason, reasonCode } = rule;
  return { category, rate, reason, reasonCode };
}

function invalid(problem: string): ComityError {
  return new ComityError("CONFIG_INVALID", { problem });
}
