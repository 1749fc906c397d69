import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type NegotiationEvent,
  negotiationIsOver,
  negotiationTable,
  nextNegotiation,
  type NegotiationState,
} from "./negotiation.ts";
import { nextTransfer, type TransferEvent, transferIsOver, transferTable } from "./transfer.ts";

/** DSP 2025-1 §7.1.2, as its diagram draws it: from, to, who. */
const negotiations = [
  "NONE REQUESTED C request",
  "NONE OFFERED P offer",
  "REQUESTED OFFERED P offer",
  "REQUESTED AGREED P agree",
  "REQUESTED TERMINATED C terminate",
  "REQUESTED TERMINATED P terminate",
  "OFFERED REQUESTED C request",
  "OFFERED ACCEPTED C accept",
  "OFFERED TERMINATED C terminate",
  "OFFERED TERMINATED P terminate",
  "ACCEPTED AGREED P agree",
  "ACCEPTED TERMINATED P terminate",
  "AGREED VERIFIED C verify",
  "AGREED TERMINATED C terminate",
  "VERIFIED FINALIZED P finalize",
  "VERIFIED TERMINATED P terminate",
];

/** DSP 2025-1 §9.1.3. */
const transfers = [
  "NONE REQUESTED C request",
  "REQUESTED STARTED P start",
  "REQUESTED TERMINATED C terminate",
  "REQUESTED TERMINATED P terminate",
  "STARTED COMPLETED C complete",
  "STARTED COMPLETED P complete",
  "STARTED SUSPENDED C suspend",
  "STARTED SUSPENDED P suspend",
  "STARTED TERMINATED C terminate",
  "STARTED TERMINATED P terminate",
  "SUSPENDED STARTED C start",
  "SUSPENDED STARTED P start",
  "SUSPENDED TERMINATED C terminate",
  "SUSPENDED TERMINATED P terminate",
];

const roles = [
  ["C", "consumer"],
  ["P", "provider"],
] as const;

test("negotiation - allows the protocol's steps and no other", () => {
  const events = "request offer accept agree verify finalize terminate".split(" ");
  const found: string[] = [];
  for (const from of Object.keys(negotiationTable) as (NegotiationState | "NONE")[]) {
    for (const event of events as NegotiationEvent[]) {
      for (const [letter, role] of roles) {
        const to = nextNegotiation(from, event, role);
        if (to !== undefined) found.push(`${from} ${to} ${letter} ${event}`);
      }
    }
    if (from !== "NONE" && negotiationIsOver(from)) assert.deepEqual(negotiationTable[from], {});
  }
  assert.deepEqual(found.sort(), [...negotiations].sort());
});

test("transfer - allows the protocol's steps and no other", () => {
  const events = "request start suspend complete terminate".split(" ") as TransferEvent[];
  const found: string[] = [];
  for (const from of Object.keys(transferTable) as (keyof typeof transferTable)[]) {
    for (const event of events) {
      for (const [letter, role] of roles) {
        const to = nextTransfer(from, event, role);
        if (to !== undefined) found.push(`${from} ${to} ${letter} ${event}`);
      }
    }
    if (from !== "NONE" && transferIsOver(from)) assert.deepEqual(transferTable[from], {});
  }
  assert.deepEqual(found.sort(), [...transfers].sort());
});
