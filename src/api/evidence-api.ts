import type { EvidenceResource } from "../client/evidence.ts";
import { ComityError } from "../kernel/errors.ts";
import type { ProveReceipt } from "../settle/bill.ts";
import type { LogConflicts } from "../settle/evidence-log/conflicts.ts";
import type { EvidenceLog } from "../settle/evidence-log/evidence-log.ts";
import { nameOfLeaf } from "../settle/evidence-log/leaf.ts";
import type { Witnesses } from "../settle/evidence-log/witnesses.ts";

/** The evidence log as the HTTP API sees it. */
export interface EvidenceApi {
  state(): Promise<EvidenceResource>;
  /** Of the agreement, or of its receipt of that number. NOT_FOUND. */
  prove(agreement: string, receipt: number | undefined): Promise<string>;
}

/** What this node keeps of its own log, and of others'. */
export interface EvidenceRooms {
  readonly log: EvidenceLog;
  readonly conflicts: LogConflicts;
  readonly witnesses: Witnesses;
}

export function evidenceApi(
  { log, conflicts, witnesses }: EvidenceRooms,
  nameOf: (did: string) => string,
): EvidenceApi {
  return {
    async state() {
      await log.settle();
      const { origin, size, checkpoint, verifierKeys: keys } = log;
      const known = [...(await witnesses.list())];
      return {
        ...{ origin, size, keys },
        ...(checkpoint !== undefined && { checkpoint }),
        witnesses: known.map(([did, one]) => {
          return { did, name: nameOf(did), size: one.size, at: one.at };
        }),
        conflicts: await conflicts.list(),
      };
    },
    async prove(agreement, receipt) {
      const keys = await keysOf(witnesses);
      const leaf = receipt === undefined ? undefined : ({ kind: "receipt", seq: receipt } as const);
      return log.prove(nameOfLeaf({ kind: "agreement", ...leaf, of: agreement }), keys);
    },
  };
}

/** Places of receipts, for bills; one that both signed before there was a log has none. */
export function receiptProver({ log, witnesses }: EvidenceRooms): ProveReceipt {
  return async (of, seq) => {
    try {
      return await log.prove(nameOfLeaf({ kind: "receipt", of, seq }), await keysOf(witnesses));
    } catch (thrown) {
      if (thrown instanceof ComityError && thrown.code === "NOT_FOUND") return undefined;
      throw thrown;
    }
  };
}

async function keysOf(witnesses: Witnesses): Promise<string[]> {
  const known = await witnesses.list();
  return [...known.values()].flatMap((one) => one.keys);
}
