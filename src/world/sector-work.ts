import type { Member } from "./world.ts";

/** What a node's sectors did, as `--once` prints it. */
export interface SectorWork {
  readonly node: string;
  readonly sources: readonly {
    readonly kind: string;
    readonly topic: string;
    readonly messages: number;
  }[];
  readonly indicators: readonly {
    readonly kind: string;
    readonly title: string;
    readonly unit: string;
    /** Messages it has heard. */
    readonly messages: number;
    /** By key, those that can be said already. */
    readonly values: Readonly<Record<string, number>>;
  }[];
}

/** Told by the node itself; what is not as it should be is added to `missing`, in words. */
export async function sectorWorkOf(member: Member, missing: string[]): Promise<SectorWork> {
  const { name } = member.config;
  const { http } = member.node;
  const sources = (await http.sources()).map(({ id, kind, topic, messages, ...state }) => {
    const faults = Object.entries(state.faults).map(([code, count]) => `${count} × ${code}`);
    if (messages === 0) missing.push(`${name}: the source ${id} has read nothing`);
    if (faults.length > 0) missing.push(`${name}: faults of the source ${id}: ${faults.join()}`);
    if (state.failures > 0) missing.push(`${name}: the source ${id}: ${state.lastError?.text}`);
    return { kind, topic, messages };
  });
  const indicators = [];
  for (const { id, kind, title, unit, messages } of await http.indicators()) {
    if (messages === 0) missing.push(`${name}: the indicator ${id} has heard nothing`);
    const values: Record<string, number> = {};
    for (const { key, value } of await http.figures(id)) if (value !== null) values[key] = value;
    indicators.push({ kind, title, unit, messages, values });
  }
  return { node: name, sources, indicators };
}
