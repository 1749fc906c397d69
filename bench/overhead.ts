/**
 * Claim: what an agreement adds to a message, enforced and counted, to what the same broker takes
 * without one.
 */
import type { Figure } from "./figures.ts";
import { firehose, fleet, pairsOf, ratioOf, type Work } from "./pairs.ts";
import type { BrokerName } from "./peers.ts";

const fleetDevices = 2000;
const reading = JSON.stringify({
  id: "sensor-0001",
  at: 1_795_000_000,
  temperature: 21.5,
  humidity: 40,
});

interface Case {
  readonly what: string;
  readonly under: BrokerName;
  readonly work: Work;
  readonly goals: Figure["goals"];
}

const cases: readonly Case[] = [
  {
    ...{ what: "firehose 1→1 QoS 0, 64 B", under: "comity", work: firehose() },
    goals: [{ atMost: 1.1 }],
  },
  {
    what: `fleet of ${fleetDevices.toLocaleString("en")} devices × 1/s → 3`,
    ...{ under: "comity", work: fleet(fleetDevices), goals: [{ atMost: 1.1 }] },
  },
  {
    what: "firehose of JSON readings, two of four members sold",
    ...{ under: "comity-view", work: firehose(reading), goals: [] },
  },
];

export async function overheadBench({ scale }: { scale: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { what, under, work, goals } of cases) {
    const ratio = await ratioOf([under, "comity-open"], work, pairsOf(scale));
    figures.push({
      claim: "overhead",
      what: `under agreement against without: ${what}, ${ratio.label}`,
      ...{ delivery: "live", unit: "times the CPU/message" },
      ...{ comity: ratio.median, peers: [], goals },
    });
  }
  return figures;
}
