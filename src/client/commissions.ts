import type { Mark } from "../kernel/mark.ts";

/** Vocabularies that participants sign and publish, as they travel. */
export interface CommissionResource {
  /** Its identity. */
  readonly hash: string;
  /** DID. */
  readonly issuer: string;
  readonly sector: string;
  readonly version: string;
  readonly title: string;
  readonly issuedAt: string;
  /** Published by this node. */
  readonly own: boolean;
  /** A mark by it counts here. */
  readonly recognised: boolean;
}

export interface CommissionDetail extends CommissionResource {
  readonly document: {
    readonly messages: Readonly<Record<string, CommissionMessage>>;
    readonly indicators: Readonly<
      Record<string, { readonly title: string; readonly unit: string; readonly formula: string }>
    >;
    readonly template: object;
    readonly previous?: string;
  };
  /** The JWS over the document's canonical form. */
  readonly signed: object;
}

interface CommissionMessage {
  readonly title: string;
  readonly required: readonly string[];
  readonly members: Readonly<
    Record<
      string,
      {
        readonly type: string;
        readonly title?: string;
        readonly unit?: string;
        readonly minimum?: number;
        readonly maximum?: number;
      }
    >
  >;
}

export interface ChangeResource {
  /** Which part of the version it raises; `major`: it breaks. */
  readonly level: "major" | "minor" | "patch";
  readonly text: string;
}

export interface PublishedResource {
  readonly commission: CommissionResource;
  /** Since the version before. */
  readonly changes: readonly ChangeResource[];
  /** Where everybody reads it. */
  readonly url: string;
}

/** Whose word about a sector the node takes. */
export interface RecognitionResource {
  readonly issuer: string;
  readonly issuerName: string;
  readonly sector: string;
  readonly accepted: CommissionResource;
  /** A later version that waits, and what it changes. */
  readonly offered?: {
    readonly commission: CommissionResource;
    readonly changes: readonly ChangeResource[];
  };
  readonly checkedAt: string;
  /** What is wrong with what it publishes now; what was accepted stands. */
  readonly problem?: string;
  /** Another document it signed under a version that is kept here. */
  readonly rival?: object;
}

/** What an offer, a product or what is received says of the vocabulary it is by. */
export interface MarkResource extends Mark {
  /** This node takes its issuer's word; absent: it does not, or does not know the document. */
  readonly recognised?: true;
}
