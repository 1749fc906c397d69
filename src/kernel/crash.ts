/**
 * A named place where a test may kill the process: between a commit and its acknowledgement,
 * between two signatures. In production nothing is listening and the call returns at once.
 */
export type CrashPoint =
  | "log.committed" // the log block is durable, its PUBACK is not sent
  | "log.appending" // the log block is on its way to the store
  | "link.received" // a checkpoint arrived, nothing of it is stored
  | "link.committed" // block and checkpoint are durable, the acknowledgement is not sent
  | "usage.committed" // the provider's usage row is durable
  | "receipt.stored" // the receipt's body is durable, it is not signed
  | "receipt.signed" // signed by the provider and durable, not sent
  | "receipt.cosigned" // co-signed by the consumer and durable, not answered
  | "receipt.answered" // the answer reached the provider, it is not stored
  | "evidence.placed" // leaves have their places, the tree's head is not signed
  | "evidence.signed" // the head is signed, the signature is not stored
  | "price.offered" // signed by the provider and durable, not sent
  | "price.signed" // signed by both and durable, not told
  | "invoice.stored" // numbered and durable, not signed
  | "invoice.signed" // signed by the seller and durable, not sent
  | "invoice.received" // the buyer's node has it, it is not answered
  | "statement.stored" // the statement's body is durable, it is not signed
  | "statement.signed" // signed by the provider and durable, not sent
  | "statement.step" // a side's word is signed and durable, not sent
  | "statement.taken" // the other side's words are durable, they are not answered
  | "setoff.drawn" // a set-off with one signature is durable, not sent
  | "setoff.agreed" // both signatures, the statements and the ledger are durable, not told
  | "erasure.erased" // a part is erased and counted
  | "erasure.stored" // what was erased is written down, it is not signed
  | "erasure.signed" // signed by the consumer and durable, not sent
  | "erasure.received"; // the provider has it, it is not answered

export type Crash = (point: CrashPoint) => void;

export const neverCrash: Crash = () => {};

/** `"log.committed:3"` → a function that calls `die` at the third passage of that point. */
export function crashAt(spec: string, die: () => void): Crash {
  const [point, nth = "1"] = spec.split(":");
  let left = Number(nth);
  return (passing) => {
    if (passing === point && --left === 0) die();
  };
}
