import { ComityError } from "../kernel/errors.ts";
import { partnerOf } from "../market/agreement.ts";
import type { Peers } from "../ports/peers.ts";
import type { Store } from "../ports/store.ts";
import { cosignedPage, receiptsAfter, receiptsPageMax } from "./receipt.ts";
import type { AgreementBook, CosignedPage, CosignedReceipt } from "./receipt.ts";

/** Where a node offers receipts to be co-signed and asks for those that it lost. */
export const receiptsPath = "/comity/v1/receipts";

/**
 * Receipts after that number which both have signed, in order: what a side that lost them, for
 * instance with a disk, is given by the other. NOT_FOUND for anybody else's agreement.
 */
export async function signedAfter(
  { store, agreements }: { readonly store: Store; readonly agreements: AgreementBook },
  from: string,
  { id, seq }: { readonly id: string; readonly seq: number },
): Promise<CosignedPage> {
  const agreement = await agreements.get(id);
  if (agreement === undefined || partnerOf(agreement) !== from) {
    throw new ComityError("NOT_FOUND", { what: "agreement", id });
  }
  const receipts: CosignedReceipt[] = [];
  for (const record of await receiptsAfter(store, id, seq, receiptsPageMax)) {
    const [theirs, own] = record.signatures;
    // the newest of a provider's may wait for its second signature
    if (record.state !== "cosigned" || theirs === undefined || own === undefined) break;
    receipts.push({ body: record.body, signatures: [theirs, own] });
  }
  return { receipts };
}

/** The same from the other side, page by page; what it says is not checked here. */
export async function* askSignedAfter(
  peers: Pick<Peers, "get">,
  partner: string,
  { id, seq }: { readonly id: string; readonly seq: number },
): AsyncGenerator<CosignedReceipt> {
  let after = seq;
  for (;;) {
    const query = new URLSearchParams({ agreement: id, after: String(after) });
    const page = await peers.get(partner, `${receiptsPath}?${query.toString()}`);
    if (!cosignedPage.Check(page)) {
      const what = `receipt ${after + 1} of ${id}`;
      throw new ComityError("SIGNATURE_INVALID", { what, problem: "the answer has none" });
    }
    yield* page.receipts;
    after += page.receipts.length;
    if (page.receipts.length < receiptsPageMax) return;
  }
}
