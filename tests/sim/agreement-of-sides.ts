import type { StoreDatabase } from "../../src/engines/embedded/store-database.ts";
import { canonicalHash } from "../../src/kernel/canonical.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import type { Negotiation } from "../../src/market/negotiation.ts";
import type { Transfer } from "../../src/market/transfer.ts";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import type { CountedCheckpoint } from "../../src/meter/consumer-counts.ts";
import { rowPrefix } from "../../src/meter/row-id.ts";
import type { UsageRow } from "../../src/meter/usage-rows.ts";

/** What two disks say differently about one contract, one stream or one debt; nothing is good. */
export function disagreements(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  return [
    ...negotiationProblems(provider, consumer),
    ...agreementProblems(provider, consumer),
    ...transferProblems(provider, consumer),
    ...receiptProblems(provider, consumer),
    ...countProblems(provider, consumer),
  ];
}

function docs<T>(disk: StoreDatabase, kind: string): T[] {
  return disk.list(kind, {}).map(({ doc }) => JSON.parse(doc) as T);
}

function negotiationProblems(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  const theirs = new Map(docs<Negotiation>(provider, "negotiation").map((n) => [n.consumerPid, n]));
  const problems: string[] = [];
  for (const own of docs<Negotiation>(consumer, "negotiation")) {
    const their = theirs.get(own.consumerPid);
    theirs.delete(own.consumerPid);
    // what never arrived is over here and unknown there
    if (!their && own.state === "TERMINATED") continue;
    if (own.state !== their?.state || !/FINALIZED|TERMINATED/.test(own.state)) {
      problems.push(
        `negotiation ${own.pid}: consumer ${own.state} (${own.problem ?? ""}), ` +
          `provider ${their?.state ?? "none"} (${their?.problem ?? ""})`,
      );
    }
  }
  for (const { pid, state } of theirs.values()) {
    if (state !== "TERMINATED") problems.push(`negotiation ${pid}: the provider's alone, ${state}`);
  }
  return problems;
}

function agreementProblems(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  const theirs = new Map(docs<Agreement>(provider, "agreement").map((one) => [one.id, one]));
  const problems: string[] = [];
  for (const own of docs<Agreement>(consumer, "agreement")) {
    const their = theirs.get(own.id);
    theirs.delete(own.id);
    const differs = (["policyHash", "state", "delivery", "product"] as const).filter(
      (member) => own[member] !== their?.[member],
    );
    if (differs.length > 0) problems.push(`agreement ${own.id}: ${differs.join(", ")} differ`);
    const signatures = (one: Agreement | undefined) => one?.evidence.signatures.length;
    if (signatures(own) !== 2 || signatures(their) !== 2) {
      problems.push(`agreement ${own.id}: not signed by both on both sides`);
    }
    const record = (one: Agreement | undefined) => one?.ended?.record !== undefined;
    if (own.state === "ended" && !(record(own) && record(their))) {
      problems.push(`agreement ${own.id}: an ending without a signed record`);
    }
  }
  for (const id of theirs.keys()) problems.push(`agreement ${id}: the provider's alone`);
  return problems;
}

function transferProblems(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  const theirs = new Map(docs<Transfer>(provider, "transfer").map((one) => [one.consumerPid, one]));
  const problems: string[] = [];
  for (const own of docs<Transfer>(consumer, "transfer")) {
    const their = theirs.get(own.consumerPid);
    const isOver = (state: string | undefined) => /COMPLETED|TERMINATED/.test(state ?? "COMPLETED");
    const same = own.state === their?.state || (isOver(own.state) && isOver(their?.state));
    if (!same) {
      problems.push(
        `transfer ${own.pid}: consumer ${own.state} (${own.problem ?? ""}), ` +
          `provider ${their?.state ?? "none"} (${their?.problem ?? ""})`,
      );
    }
  }
  return problems;
}

function receiptProblems(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  const hashes = (disk: StoreDatabase) =>
    new Map(
      docs<ReceiptRecord>(disk, "receipt").map(({ body, signatures }) => [
        `${body.agreement} ${body.seq}`,
        `${canonicalHash(body)} ${signatures.length}`,
      ]),
    );
  const own = hashes(consumer);
  const problems: string[] = [];
  for (const [which, hash] of hashes(provider)) {
    if (own.get(which) !== hash) problems.push(`receipt ${which} is not the same on both sides`);
    own.delete(which);
  }
  for (const which of own.keys()) problems.push(`receipt ${which}: the consumer's alone`);
  return problems;
}

/** What the provider bills is never more than what the consumer has stored. */
function countProblems(provider: StoreDatabase, consumer: StoreDatabase): string[] {
  return consumer.list("checkpoint", {}).flatMap(({ id, doc }) => {
    const { messages } = JSON.parse(doc) as CountedCheckpoint;
    const [last] = provider.list("usage", { prefix: rowPrefix(id), reverse: true, limit: 1 });
    const billed = last ? (JSON.parse(last.doc) as UsageRow).totalMessages : 0;
    return billed > messages ? [`agreement ${id}: ${billed} billed, ${messages} stored`] : [];
  });
}
