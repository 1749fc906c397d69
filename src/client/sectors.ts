/** Sectors, their sources and indicators, as they travel. Times in state are Unix milliseconds. */
export interface SectorResource {
  readonly name: string;
  readonly title: string;
  readonly template: {
    readonly product: {
      readonly delivery?: "live" | "logged";
      readonly keywords?: readonly string[];
      readonly units?: readonly string[];
      readonly description?: string;
      readonly sample?: false;
    };
    readonly terms: object;
  };
  readonly vocabulary: object;
  readonly sources: readonly {
    readonly name: string;
    readonly title: string;
    readonly ways: readonly SourceWay[];
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly title: string;
    readonly contentType: string;
  }[];
  readonly indicators: readonly {
    readonly name: string;
    readonly title: string;
    readonly unit: string;
    readonly formula: string;
    readonly source?: string;
  }[];
}

type SourceWay = "url" | "file" | "topic" | "tcp";

export interface NewSourceResource {
  readonly id?: string;
  readonly kind: string;
  readonly from: { readonly way: SourceWay; readonly address: string };
  readonly everySeconds?: number;
  readonly topic: string;
}

interface Told {
  readonly at: number;
  readonly text: string;
}

export interface SourceResource extends Required<NewSourceResource> {
  readonly sector: string;
  readonly createdAt: string;
  readonly reads: number;
  readonly messages: number;
  readonly failures: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lastReadAt?: number;
  readonly lastFault?: Told;
  readonly lastError?: Told;
}

export interface NewIndicatorResource {
  readonly id?: string;
  readonly kind: string;
  readonly filters: readonly string[];
}

export interface IndicatorResource extends Required<NewIndicatorResource> {
  readonly sector: string;
  readonly createdAt: string;
  readonly topic: string;
  readonly title: string;
  readonly unit: string;
  readonly formula: string;
  readonly source?: string;
  readonly messages: number;
  readonly keys: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lastFault?: Told;
}

export interface FigureResource {
  readonly key: string;
  readonly value: number | null;
  readonly unit?: string;
  readonly observedAt: string;
  readonly [member: string]: unknown;
}
