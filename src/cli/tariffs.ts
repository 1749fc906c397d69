import type { NewProduct } from "../client/resources.ts";
import type { Stated } from "../client/attestation.ts";
import type { Price } from "../kernel/price.ts";
import {
  isRecipientClass,
  type RecipientClass,
  recipientClasses,
} from "../kernel/recipient-class.ts";
import { invalid, wholeNumber } from "./flags.ts";
import { priceGiven } from "./price.ts";

/** Prices by class, what it costs, and what is a trade secret, as an owner types them. */
export interface PricedFlags {
  readonly per?: string;
  readonly tariff?: string[];
  readonly cost?: string;
  readonly secret?: string[];
  readonly measure?: string[];
}

type Priced = Pick<NewProduct, "tariffs" | "cost" | "tradeSecrets">;

/** In a file: as the API takes them, prices also as in --price. */
export interface PricedFile extends Pick<Priced, "tradeSecrets"> {
  readonly tariffs?: readonly { readonly class: RecipientClass; readonly price: Price | string }[];
  readonly cost?: Price | string;
}

/** Flags win over a file; prices that are typed are for as many messages as `--per` says. */
export function pricedFrom(flags: PricedFlags, file: PricedFile = {}): Priced {
  const { tariff, secret: fields, measure: measures } = flags;
  const per = wholeNumber("--per", flags.per ?? "1");
  const priceOf = (price: Price | string) =>
    typeof price === "string" ? priceGiven(price, per) : price;
  const tariffs =
    tariff?.map(tariffFrom) ?? file.tariffs?.map((one) => ({ class: one.class, price: one.price }));
  const cost = flags.cost ?? file.cost;
  const tradeSecrets = fields && measures ? { fields, measures } : file.tradeSecrets;
  if ((fields === undefined) !== (measures === undefined)) {
    throw invalid("--secret and --measure go together");
  }
  return {
    ...(tariffs && { tariffs: tariffs.map((one) => ({ ...one, price: priceOf(one.price) })) }),
    ...(cost !== undefined && { cost: priceOf(cost) }),
    ...(tradeSecrets && { tradeSecrets }),
  };
}

function tariffFrom(text: string): { class: RecipientClass; price: string } {
  const [, name = "", price = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  return { class: classFrom("--tariff", name), price };
}

/** What a buyer states of itself. */
export interface StatedFlags {
  readonly as?: string;
  readonly measures?: string;
}

export function statedFrom({ as, measures }: StatedFlags): Stated {
  return {
    ...(as !== undefined && { as: classFrom("--as", as) }),
    ...(measures !== undefined && { measures: measuresFrom(measures) }),
  };
}

export function classFrom(option: string, name: string): RecipientClass {
  if (isRecipientClass(name)) return name;
  throw invalid(`${option} "${name}" is not ${recipientClasses.join(", ")}`);
}

/** `nda,restricted-access`. */
export function measuresFrom(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}
