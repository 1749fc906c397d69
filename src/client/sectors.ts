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
    readonly goal?: GoalResource;
    /** What whoever adds it tells it, by name; told unless `otherwise` is taken. */
    readonly settings?: Readonly<Record<string, SettingResource>>;
  }[];
}

/** What a figure has to do with the Sustainable Development Goals. */
export interface GoalResource {
  /** Of the official indicator, such as `7.2.1`. */
  readonly number: string;
  readonly contributes: string;
  readonly isNot: string;
  /** The official indicator's own words and unit. */
  readonly official?: { readonly title: string; readonly unit: string };
}

interface SettingResource {
  readonly title: string;
  readonly type: "number" | "string";
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly otherwise?: number | string;
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
  readonly settings?: Readonly<Record<string, number | string>>;
}

export interface IndicatorResource extends NewIndicatorResource {
  readonly id: string;
  readonly sector: string;
  readonly createdAt: string;
  readonly topic: string;
  readonly title: string;
  readonly unit: string;
  readonly formula: string;
  readonly source?: string;
  readonly goal?: GoalResource;
  readonly messages: number;
  /** What came of each filter since the node started. */
  readonly streams: readonly {
    readonly filter: string;
    readonly messages: number;
    readonly firstAt?: string;
    readonly lastAt?: string;
  }[];
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
