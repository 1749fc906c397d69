/** An agreement compiled to what the data plane checks on every message; the provider holds it. */
export interface Grant {
  readonly agreement: string;
  /** DID of who receives. */
  readonly consumer: string;
  readonly product: string;
  /** A topic outside these is withheld. */
  readonly filters: readonly string[];
  /** Top-level JSON members let through; undefined: the payload as it is. */
  readonly fields?: readonly string[];
  /** Milliseconds since the Unix epoch, by delivery time. */
  readonly notAfter?: number;
  /** Over the agreement's whole life. */
  readonly messagesMax?: number;
  /** It costs money: served on links alone, where what is acknowledged is billed. */
  readonly billed: boolean;
  /** The log the stream is served from, where the product is logged. */
  readonly log?: string;
}

/** The log of a logged product. */
export function logOfProduct(product: string): string {
  return `product/${product}`;
}
