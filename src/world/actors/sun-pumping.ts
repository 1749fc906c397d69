import { hoursSince, numberIn, setting, timeIn } from "./actor.ts";
import type { Actor, Command, Settings } from "./actor.ts";

/**
 * The farm delays pumping until the grid has sun. Baseline: the pumps draw what the crop needs
 * at the moment it needs it. Shifted is only energy that was owed from before and is pumped
 * while the sun covers the share that was set; water that cannot wait is pumped and not counted.
 */
export function sunPumping(settings: Settings): Actor {
  const share = setting(settings, "solarShareMin");
  const pumpKw = setting(settings, "pumpKw");
  const patienceHours = setting(settings, "patienceHours");
  let neededKw = 0;
  let owedKwh = 0;
  let shiftedKwh = 0;
  let last: number | undefined;
  let running: boolean | undefined;

  function decide(sunny: boolean, hours: number): Command[] {
    owedKwh += neededKw * hours;
    const urgent = owedKwh > neededKw * patienceHours && neededKw > 0;
    const run = (sunny || urgent) && owedKwh > 0;
    if (run) {
      const pumped = Math.min(owedKwh, pumpKw * hours);
      owedKwh -= pumped;
      if (sunny) shiftedKwh += Math.max(0, pumped - neededKw * hours);
    }
    if (run === running) return [];
    running = run;
    return [{ topic: "desk/pumps", data: { run } }];
  }

  return {
    own: ["irrigation/need"],
    hear({ bought, data }) {
      if (!bought) {
        neededKw = numberIn(data, "neededKw") ?? neededKw;
        return [];
      }
      const at = timeIn(data);
      const now = numberIn(data, "solarShare");
      if (at === undefined || now === undefined) return [];
      const hours = hoursSince(last, at);
      last = at;
      return decide(now >= share, hours);
    },
    outcome: () => ({ value: shiftedKwh, unit: "kWh shifted" }),
  };
}
