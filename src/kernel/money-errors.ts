/** What can go wrong with what is owed; part of the catalogue of `errors.ts`. */
export const moneyErrors = {
  BILL_ABSENT: {
    status: 404,
    message:
      "There is no bill of {month} for agreement {id}: no receipt of it is signed by both yet.",
    remedy:
      "Receipts follow messages within seconds: ask again; or name a month that had some (comity usage).",
  },
  RECEIPT_DISAGREES: {
    status: 409,
    message: "Receipt {seq} of {agreement} does not agree with what was counted here: {problem}",
    remedy: "Compare both sides' usage; the signed receipts before it stand.",
  },
  STATEMENT_DISAGREES: {
    status: 409,
    message: "Statement {id} does not agree with what is here: {problem}.",
    remedy: "Compare it with both sides' receipts: comity statement export ID gives either node's.",
  },
  STATEMENT_REFUSES: {
    status: 409,
    message: "Statement {id} takes no {act}: {problem}.",
    remedy: "Look at how its lines stand: comity statement signed.",
  },
  SETOFF_DISAGREES: {
    status: 409,
    message: "Set-off {id} does not agree with what is here: {problem}.",
    remedy: "Compare the statements on both nodes, then propose it anew: comity setoff propose.",
  },
  SETOFF_REFUSED: {
    status: 409,
    message: "It cannot be set off: {problem}.",
    remedy: "See what is owed both ways, and what is on its way: comity setoff list.",
  },
  OWNERS_INVALID: {
    status: 409,
    message: "Owners of {of}: {problem}.",
    remedy: "See whose what is, and what is owed to whom: comity owners list.",
  },
  EVIDENCE_BROKEN: {
    status: 400,
    message: "The evidence does not verify: {problem}",
    remedy: "Ask for the file again; if it fails again, dispute what is named.",
  },
  INVOICE_INVALID: {
    status: 409,
    message: "The invoice cannot be drawn up: {problem} ({rule}).",
    remedy:
      "Mend what is named, in 'comity invoice settings' where it is about a party, its payment or its taxes; docs/guides/invoices.md.",
  },
  INVOICE_REFUSED: {
    status: 409,
    message: "{what} is not taken: {problem}.",
    remedy: "Compare it with the agreements between both sides, and with what was sent before.",
  },
  UNBILLED: {
    status: 403,
    message:
      "Agreement {agreement} costs money, and nobody would acknowledge what is fetched here.",
    remedy:
      "Receive it with a Comity node, in the format Mqtt5-PULL; under a billed link, by MQTT with QoS 1.",
  },
} as const;
