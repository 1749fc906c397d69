/**
 * Claim: counting what is delivered costs next to nothing: the same agreements and the same
 * enforcement, with the meter and without. The goal is for the upper end of the interval.
 */
import type { Figure } from "./figures.ts";
import { firehose, fleet, pairsOf, ratioOf } from "./pairs.ts";

const fleetDevices = 2000;

const cases = [
  { what: "firehose 1→1 QoS 0, 64 B", work: firehose() },
  {
    what: `fleet of ${fleetDevices.toLocaleString("en")} devices × 1/s → 3`,
    work: fleet(fleetDevices),
  },
] as const;

export async function meteringBench({ scale }: { scale: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { what, work } of cases) {
    const ratio = await ratioOf(["comity", "comity-unmetered"], work, pairsOf(scale));
    const median = `median ${ratio.median.toFixed(3)}`;
    figures.push({
      claim: "metering",
      what: `counted against not counted, at most: ${what}, ${median}, ${ratio.label}`,
      ...{ delivery: "live", unit: "times the CPU/message" },
      ...{ comity: ratio.high, peers: [], goals: [{ atMost: 1.03 }] },
    });
  }
  return figures;
}
