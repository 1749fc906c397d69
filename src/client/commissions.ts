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
