import { moneyErrors } from "./money-errors.ts";

/**
 * The catalogue of errors a person or a program can meet. A code is stable for ever; its
 * message names what failed and its remedy what to do. `docs/reference/errors.md` lists the
 * same codes, and `tests/tidy.test.ts` holds the two together.
 */
interface Entry {
  /** HTTP status that fits. */
  readonly status: number;
  /** `{name}` is filled from the details. */
  readonly message: string;
  readonly remedy: string;
}

export const catalogue = {
  CONFIG_INVALID: {
    status: 400,
    message: "The configuration is not valid: {problem}",
    remedy: "Correct the named option and start again.",
  },
  PORT_BUSY: {
    status: 500,
    message: "Port {port} on {host} is in use.",
    remedy: "Stop the program that uses it, or choose another with {option}.",
  },
  DATA_NEWER: {
    status: 500,
    message:
      "The data in {path} was written by a newer version (format {found}, this one reads up to {known}).",
    remedy: "Run the newer version, or start with another --data folder.",
  },
  DATA_LOCKED: {
    status: 500,
    message: "The data in {path} is in use by another node.",
    remedy: "Stop that node, or start with another --data folder.",
  },
  STORE_CONFLICT: {
    status: 409,
    message: "{kind} {id} exists already.",
    remedy: "Choose another name, or change the one that is there.",
  },
  STORE_FAILED: {
    status: 500,
    message: "The store did not take the write: {problem}",
    remedy: "Check the disk's free space and rights, then start the node again.",
  },
  SEARCH_FAILED: {
    status: 500,
    message: "The search's index failed: {problem}",
    remedy: "Start the node again; the index is made anew where it cannot be read.",
  },
  HISTORY_FAILED: {
    status: 500,
    message: "The history failed: {problem}",
    remedy:
      "Start the node again; where it stays so, remove history.db from its data folder: it is made anew from the logs.",
  },
  HISTORY_BEHIND: {
    status: 503,
    message: "The history of {log} is still being made: it stands at position {position} of {end}.",
    remedy: "Ask again in a moment; positions of the log itself can be read at any time.",
  },
  HISTORY_HIDDEN: {
    status: 403,
    message: "The agreement moves dates: its history is not told by time.",
    remedy: "Read it by position with ?after=POSITION, or follow the stream.",
  },
  BODY_INVALID: {
    status: 400,
    message: "The request is not valid: {problem}",
    remedy: "Compare it with /api/v1/openapi.json.",
  },
  NOT_FOUND: {
    status: 404,
    message: "There is no {what} {id}.",
    remedy: "List what there is, and check the spelling.",
  },
  VALUE_ABSENT: {
    status: 404,
    message: "Property {name} of Thing {id} has no value yet: nothing of it was published.",
    remedy: "Let its Thing publish it, or wait for it: …/properties/{name}/next.",
  },
  THING_SILENT: {
    status: 409,
    message: "Thing {id} published nothing within {seconds} s.",
    remedy: "Let it publish meanwhile, or listen longer: --seconds 60.",
  },
  UNAUTHENTICATED: {
    status: 401,
    message: "This needs a token, and {problem}.",
    remedy:
      "Send 'Authorization: Bearer TOKEN', or name the node's data folder (comity --data FOLDER …): it keeps the admin token, which the node printed when it first started.",
  },
  SIGN_IN_REFUSED: {
    status: 401,
    message: "Nobody is signed in: this {problem}.",
    remedy:
      "'comity console' prints another link; the token of a user of this node does as well (admin's is in the file admin-token of its data folder).",
  },
  CLAIM_REFUSED: {
    status: 403,
    message: "The claim code opens nothing here: {problem}.",
    remedy: "Ask whoever runs the node; 'comity claim create' makes a new code.",
  },
  FORBIDDEN: {
    status: 403,
    message: "{who} may not {act}.",
    remedy: "Use a token whose role allows it, or ask the node's owner.",
  },
  ACCESS_REFUSED: {
    status: 403,
    message: "{provider} refuses access to {thing} ({article}): {reason}.",
    remedy:
      "Its signed refusal is kept (comity refusal list); docs/guides/data-act.md says where to turn.",
  },
  LIMIT_REACHED: {
    status: 429,
    message: "The limit of {limit} {what} is reached.",
    remedy: "Remove some, or raise the limit in the node's options.",
  },
  SEQ_TOO_LARGE: {
    status: 400,
    message: "The number {seq} of a message is above 9007199254740991.",
    remedy: "Count messages from 1; a time in nanoseconds is too large to be a number.",
  },
  TOPIC_INVALID: {
    status: 400,
    message: "The topic '{topic}' {problem}.",
    remedy: "A topic is text such as 'field/7/soil', without + or #.",
  },
  FILTER_INVALID: {
    status: 400,
    message: "The topic filter '{filter}' {problem}.",
    remedy: "A filter is a topic in which + stands for one level and a last # for all below.",
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    message: "The message has {bytes} bytes; at most {max} are taken.",
    remedy: "Send smaller messages, or raise the limit in the node's options.",
  },
  POSITION_GONE: {
    status: 410,
    message: "The stream cannot go on after {id}: {problem}.",
    remedy:
      "Read what is kept from its logs or history, then follow again without that id, from now on.",
  },
  BATCH_STOPPED: {
    status: 413,
    message: "The batch was stopped at line {line}: {problem}",
    remedy:
      "What stands before that line is published, or listed as refused; send the rest from that line on.",
  },
  PRODUCT_INVALID: {
    status: 400,
    message: "The product is not valid: {problem}",
    remedy: "Correct the named field.",
  },
  COMMISSION_INVALID: {
    status: 400,
    message: "The vocabulary is not valid: {problem}.",
    remedy: "Correct what is named; docs/reference/commissions.md shows what a vocabulary has.",
  },
  COMMISSION_BREAKS: {
    status: 409,
    message: "{sector} {version}, after {last}, {problem}.",
    remedy: "Publish it as {wanted} or later, or leave these as they were.",
  },
  COMMISSION_REFUSED: {
    status: 409,
    message: "What {issuer} publishes as {sector} is not taken: {problem}.",
    remedy: "What was accepted before stands; ask the issuer, and keep what it signed.",
  },
  TD_INVALID: {
    status: 400,
    message: "The Thing Description is not valid: {problem}.",
    remedy: "Correct what is named; docs/guides/things.md shows what a Thing Description has.",
  },
  QUERY_REFUSED: {
    status: 400,
    message: "The search was given up: {problem}.",
    remedy: "Write a JSONPath (RFC 9535) that says more, such as $[?@.title=='Pump 3'].",
  },
  THING_INVALID: {
    status: 400,
    message: "The Thing is not valid: {problem}",
    remedy: "Correct the named field.",
  },
  POLICY_UNENFORCEABLE: {
    status: 400,
    message: "The policy cannot be enforced: {problem}",
    remedy: "Leave that term out, or use one listed in docs/reference/policies.md.",
  },
  POLICY_CHANGED: {
    status: 400,
    message: "The policy in the {where} is not the one that was offered.",
    remedy: "Ask for the offer as it stands in the catalogue.",
  },
  ATTESTATION_NEEDED: {
    status: 400,
    message: "The offer {offer} {problem}.",
    remedy:
      "State what is true of you (--as CLASS, --measures NAMES), or ask for the offer that needs no attestation.",
  },
  TRADE_SECRETS: {
    status: 400,
    message: "Trade secrets are not let out: {problem}.",
    remedy:
      "Attest the measures where they are taken (--measures NAMES), or ask for the offer without these members.",
  },
  BUDGET_EXCEEDED: {
    status: 403,
    message: "The budget of {who} does not allow {offer}: {problem}; {left}.",
    remedy:
      "Name a lower limit with spendMax (--spend-max), wait for the next month, or ask the node's owner for a larger budget.",
  },
  STATE_INVALID: {
    status: 400,
    message: "{what} {id} is {state}; {act} is not possible from there.",
    remedy: "Look at its state first; a new request starts a new one.",
  },
  NEGOTIATION_ENDED: {
    status: 502,
    message: "The negotiation with {peer} ended without an agreement: {problem}",
    remedy: "Its reason says what to change; ask for the offer again as the catalogue shows it.",
  },
  NEGOTIATION_WAITS: {
    status: 409,
    message: "The negotiation {id} with {peer} goes on later: {problem}.",
    remedy: "Look at it with comity negotiation show, and make your move there.",
  },
  TRANSFER_ENDED: {
    status: 502,
    message: "{peer} did not start the transfer under {agreement}: {problem}",
    remedy: "Its reason says what to change; the transfer can be asked for again.",
  },
  PEER_UNREACHABLE: {
    status: 502,
    message: "{peer} did not answer: {problem}",
    remedy: "Check that its node runs and that its address is right; the call can be made again.",
  },
  PEER_REFUSED: {
    status: 502,
    message: "{peer} refused: {problem}",
    remedy: "Its reason says what to change.",
  },
  IDENTITY_INVALID: {
    status: 401,
    message: "The caller's identity was not accepted: {problem}",
    remedy: "Check the DID, its key and both clocks.",
  },
  OPENID_REFUSED: {
    status: 403,
    message: "The login with {issuer} does not count: {problem}.",
    remedy: "Log in again; if it stays so, tell who sent the link.",
  },
  ADDRESS_FORBIDDEN: {
    status: 400,
    message: "The address {url} is not one this node calls: {problem}",
    remedy: "Use a public HTTPS address, or list the peer under localPeers.",
  },
  SIGNATURE_INVALID: {
    status: 400,
    message: "The signature on {what} does not verify: {problem}",
    remedy: "Keep the evidence as it is and ask the other side for theirs.",
  },
  AGREEMENT_PENDING: {
    status: 503,
    message: "Agreement {agreement} is still being signed here.",
    remedy: "Ask again in a moment.",
  },
  AGREEMENT_ENDED: {
    status: 409,
    message: "Agreement {agreement} has ended: {reason}.",
    remedy: "Negotiate a new one.",
  },
  TOKEN_REFUSED: {
    status: 401,
    message: "The data of agreement {agreement} are not handed out: {problem}.",
    remedy:
      "Send 'Authorization: Bearer TOKEN' with the token of its transfer; an expired one is renewed by asking for the transfer again.",
  },
  CSV_INVALID: {
    status: 400,
    message: "{file} line {line}: {problem}",
    remedy: "Correct the file or its map.",
  },
  SOURCE_INVALID: {
    status: 400,
    message: "The source cannot be used: {problem}.",
    remedy: "Check that its address and its kind belong together: comity sector show NAME.",
  },
  CHARGER_OFFLINE: {
    status: 409,
    message: "Charger {charger} is not connected.",
    remedy: "Wait until it connects: comity charger list shows when it was last heard.",
  },
  CHARGER_REFUSED: {
    status: 409,
    message: "Charger {charger} does not do {call}: {problem}.",
    remedy: "See what it can do in its own manual, and whether it is free: comity charger list.",
  },
  INTERNAL: {
    status: 500,
    message: "The node failed while answering {what}.",
    remedy: "Its log tells more; report it with that line, and try again.",
  },
  ...moneyErrors,
  NODE_FAILED: {
    status: 500,
    message: "The node {name} did not start: {problem}",
    remedy: "Mend what its last lines name, then start the world again.",
  },
  NODE_AWAY: {
    status: 503,
    message: "No node runs on the data folder {data}.",
    remedy: "Start it (comity --data {data} up), or name its address with --url.",
  },
  CONNECT_FAILED: {
    status: 502,
    message: "Cannot reach {url}: {problem}",
    remedy: "Start the node (comity up), or name it with --url.",
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

/** An operating error: expected, named, handled. A programmer's error is a plain throw. */
export class ComityError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly remedy: string;
  readonly details: Readonly<Record<string, string | number>>;

  /** `words`: as another node put it, where the error came from there. */
  constructor(
    code: ErrorCode,
    details: Readonly<Record<string, string | number>> = {},
    words?: { readonly message: string; readonly remedy: string },
  ) {
    const entry: Entry = catalogue[code];
    super(words?.message ?? fill(entry.message, details));
    this.name = "ComityError";
    this.code = code;
    this.status = entry.status;
    this.remedy = words?.remedy ?? fill(entry.remedy, details);
    this.details = details;
  }
}

function fill(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? whole));
}

/** The text of anything thrown. */
export function problemOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? thrown.cause.message : "";
  return cause === "" || thrown.message.includes(cause)
    ? thrown.message
    : `${thrown.message}: ${cause}`;
}
