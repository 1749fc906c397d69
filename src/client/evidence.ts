import { type HttpCaller } from "./http-caller.ts";

/** This node's log of what was signed, and who watches it. */
export interface EvidenceResource {
  /** The log's name: the node's DID. */
  readonly origin: string;
  readonly size: number;
  /** As verifiers are told of them (c2sp.org/signed-note). */
  readonly keys: readonly string[];
  /** The last one, with all signatures under it; absent: nothing is logged yet. */
  readonly checkpoint?: string;
  readonly witnesses: readonly {
    readonly did: string;
    readonly name: string;
    /** Entries it has signed for, and when. */
    readonly size: number;
    readonly at: string;
  }[];
  /** Logs, this node's own or others', of which two signatures contradict each other. */
  readonly conflicts: readonly {
    readonly origin: string;
    readonly what: "shrank" | "forked";
    readonly at: string;
    readonly known: string;
    readonly shown: string;
  }[];
}

/** The routes of the evidence log. */
export class EvidenceCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  state = () => this.#caller.json<EvidenceResource>("/evidence");
  /** A file (c2sp.org/tlog-proof) of an agreement, or of one of its receipts. */
  prove = (agreement: string, receipt?: number) =>
    this.#caller.json<{ readonly proof: string }>("/evidence/proof", {
      query: { agreement, receipt },
    });
}
