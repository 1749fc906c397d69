import { type Figure, median } from "./figures.ts";
import { type Broker, type BrokerName, labels, startBroker } from "./peers.ts";

/** Whose turn it was. */
export interface Turn {
  readonly broker: BrokerName;
  readonly version: string;
}

/** Brokers take turns, each started anew; one that is not installed is left out. */
export async function inTurns<Result extends object>(
  rounds: number,
  names: readonly BrokerName[],
  measure: (broker: Broker) => Promise<Result>,
): Promise<(Result & Turn)[]> {
  const rows: (Result & Turn)[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const broker = await startBroker(name);
      if (broker === undefined) continue;
      try {
        rows.push({ ...(await measure(broker)), broker: name, version: broker.version });
      } finally {
        await broker.stop();
      }
    }
  }
  return rows;
}

/** Medians over the rounds: of Comity in the form that is told, and beside it of all others. */
export function beside<Row extends Turn>(
  rows: readonly Row[],
  valueOf: (row: Row) => number,
  ours: BrokerName = "comity",
): Pick<Figure, "comity" | "peers"> {
  const medianOf = (name: BrokerName): number =>
    median(rows.filter(({ broker }) => broker === name).map(valueOf));
  const versions = new Map(rows.map(({ broker, version }) => [broker, version]));
  versions.delete(ours);
  const peers = [...versions].map(([name, version]) => ({
    ...{ name: labels[name], version, value: medianOf(name) },
  }));
  return { comity: medianOf(ours), peers };
}
