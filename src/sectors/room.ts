import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { Indicators, type IndicatorsOutside } from "./indicators.ts";
import { Outputs, type OutputsOutside } from "./outputs.ts";
import type { Sector, SectorApi } from "./sector.ts";
import type { SourceOutside } from "./source-run.ts";
import { Sources } from "./sources.ts";

export type SectorsOutside = SourceOutside &
  IndicatorsOutside &
  OutputsOutside & { readonly store: Store; readonly sectors: readonly Sector[] };

/** All sectors of a node: what each one knows, and its sources, indicators and outputs at work. */
export class Sectors {
  readonly sources: Sources;
  readonly indicators: Indicators;
  readonly outputs: Outputs;
  /** Routes of their own, by sector. */
  readonly apis = new Map<string, SectorApi>();
  readonly #sectors: ReadonlyMap<string, Sector>;

  private constructor(outside: SectorsOutside, sources: Sources, indicators: Indicators) {
    this.#sectors = new Map(outside.sectors.map((sector) => [sector.name, sector]));
    this.sources = sources;
    this.indicators = indicators;
    this.outputs = new Outputs(outside, outside.sectors);
  }

  static async open(outside: SectorsOutside): Promise<Sectors> {
    const { store, sectors } = outside;
    assertDistinct(sectors);
    const sources = await Sources.open(store, outside, sectors);
    return new Sectors(outside, sources, await Indicators.open(store, outside, sectors));
  }

  /** When the node is ready: indicators first, so that they miss nothing of the sources. */
  start(): void {
    this.indicators.start();
    this.sources.start();
  }

  list(): readonly Sector[] {
    return [...this.#sectors.values()];
  }

  /** NOT_FOUND where there is none. */
  need(name: string): Sector {
    const sector = this.#sectors.get(name);
    if (!sector) throw new ComityError("NOT_FOUND", { what: "sector", id: name });
    return sector;
  }

  async close(): Promise<void> {
    await this.sources.close();
    await this.indicators.close();
    this.outputs.close();
  }
}

/** Kinds are asked for by name alone. */
function assertDistinct(sectors: readonly Sector[]): void {
  for (const part of ["sources", "indicators"] as const) {
    const names = sectors.flatMap((sector) => Object.keys(sector[part]));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`two sectors have ${part} named ${twice}`);
  }
}
