import { hoursSince, numberIn, setting, textIn, timeIn } from "./actor.ts";
import type { Actor, Command, Heard, Settings } from "./actor.ts";

/** What the irrigation indicator tells of a parcel. */
interface Advice {
  /** Water that the root zone lacks, mm. */
  readonly depletion: number;
  readonly irrigate: boolean;
}

/**
 * The farm delays pumping until the grid has sun: the sum of its plants' power against its load.
 * How much water is needed is the irrigation
 * indicator's advice, of the farm's own probes and weather. Baseline: the pumps give back what the
 * parcels lack, evenly over `refillHours`. Shifted is only energy that was owed from before and is
 * pumped while the sun covers the share that was set; water that cannot wait, because a parcel's
 * advice is to irrigate today, is pumped and not counted.
 */
export function sunPumping(settings: Settings): Actor {
  const share = setting(settings, "solarShareMin");
  const pumpKw = setting(settings, "pumpKw");
  const kwhPerMillimetre = pumpKw / setting(settings, "millimetresPerHour");
  const refillHours = setting(settings, "refillHours");
  const parcels = new Map<string, Advice>();
  /** kW by plant, as PhotovoltaicMeasurements tell it. */
  const plants = new Map<string, number>();
  let owedKwh = 0;
  let shiftedKwh = 0;
  let last: number | undefined;
  let running: boolean | undefined;

  function neededKw(): number {
    if (parcels.size === 0) return 0;
    const lacking = [...parcels.values()].reduce((sum, { depletion }) => sum + depletion, 0);
    return ((lacking / parcels.size) * kwhPerMillimetre) / refillHours;
  }

  function decide(sunny: boolean, hours: number): Command[] {
    const needed = neededKw();
    owedKwh += needed * hours;
    const urgent = [...parcels.values()].some(({ irrigate }) => irrigate);
    const run = (sunny || urgent) && owedKwh > 0;
    if (run) {
      const pumped = Math.min(owedKwh, pumpKw * hours);
      owedKwh -= pumped;
      if (sunny) shiftedKwh += Math.max(0, pumped - needed * hours);
    }
    if (run === running) return [];
    running = run;
    return [{ topic: "desk/pumps", data: { run } }];
  }

  function advise(data: Heard["data"]): void {
    const parcel = textIn(data, "parcel");
    const depletion = numberIn(data, "depletion");
    if (parcel === undefined || depletion === undefined) return;
    parcels.set(parcel, { depletion, irrigate: data["irrigate"] === true });
  }

  return {
    own: ["indicators/agriculture/irrigation/+"],
    hear({ bought, data }) {
      if (!bought) {
        advise(data);
        return [];
      }
      const plant = textIn(data, "refPhotovoltaicDevice");
      if (plant !== undefined) plants.set(plant, numberIn(data, "activePower") ?? 0);
      const at = timeIn(data);
      const loadWatts = numberIn(data, "totalActivePower");
      if (at === undefined || loadWatts === undefined) return [];
      const solarWatts = 1000 * [...plants.values()].reduce((sum, kw) => sum + kw, 0);
      const hours = hoursSince(last, at);
      last = at;
      return decide(solarWatts >= share * loadWatts, hours);
    },
    outcome: () => ({ value: shiftedKwh, unit: "kWh shifted" }),
  };
}
