import type { Federation } from "../federate/federation.ts";
import { partnerOf } from "../market/agreement.ts";
import { evidenceSides } from "../market/evidence.ts";
import type { Postings } from "../meter/receipt.ts";
import { LogConflicts } from "../settle/evidence-log/conflicts.ts";
import { EvidenceLog } from "../settle/evidence-log/evidence-log.ts";
import {
  agreementLeaf,
  endingLeaf,
  receiptLeaf,
  withheldLeaf,
} from "../settle/evidence-log/leaf.ts";
import { WitnessBook } from "../settle/evidence-log/witness-book.ts";
import { Witnesses } from "../settle/evidence-log/witnesses.ts";
import type { Rooms } from "./rooms.ts";

/** The log of all that was signed, and whoever watches it; it hears of agreements from here on. */
export async function openEvidence(rooms: Rooms, { peers }: Federation) {
  const { store, clock, journal, crash, noteSigner: signer, agreements } = rooms;
  const onFailed = (error: unknown): void =>
    rooms.log.error(error, "the evidence log cannot be written");
  const log = await EvidenceLog.open({ store, signer, clock, crash, onFailed });
  agreements.withMade((agreement) => [agreementLeaf(agreement)]);
  agreements.withEnd(endingLeaf);
  const conflicts = new LogConflicts({ store, clock, journal });
  const witness = new WitnessBook({
    ...{ store, signer, clock, conflicts },
    keyOf: (did) => peers.keyOf(did),
    nameOf: (did) => peers.nameOf(did),
  });
  const partners = (): string[] =>
    agreements
      .list()
      .filter((one) => one.state === "active" && evidenceSides(one) === "two-sided")
      .map(partnerOf);
  const witnesses = new Witnesses({
    ...{ log, store, clock, peers, conflicts, partners, onFailed },
    everyMs: rooms.options.witnessMs,
  });
  rooms.closing.add("the evidence log", () => log.close());
  rooms.closing.add("the witnesses", () => witnesses.close());
  return { log, conflicts, witness, witnesses };
}

/** What a receipt leaves in the log, beside its posting, in the commit that stores it. */
export function withLeaves(rooms: Rooms, postings: Postings): Postings {
  return (agreement, body, before) => [
    ...postings(agreement, body, before),
    receiptLeaf(body),
    ...(agreement.role === "provider"
      ? withheldLeaf(body, rooms.meter.tally(agreement.id).refused)
      : []),
  ];
}
