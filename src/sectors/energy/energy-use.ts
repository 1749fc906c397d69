import { ComityError } from "../../kernel/errors.ts";
import { ucumUnit } from "../../wire/units/unit.ts";
import { Counters } from "../counter.ts";
import { messageIn } from "../message.ts";
import type { Figure, FollowedMessage, Indicator, IndicatorKind } from "../sector.ts";
import type { IndicatorOutside } from "../sector.ts";
import { checked, readLoad, readPhotovoltaic } from "./observed.ts";
import { type PowerPiece, PowerSteps } from "./power-steps.ts";

const hourMs = 3_600_000;
const energyMembers =
  "ThreePhaseAcMeasurement; each power stands until its meter's next, 15 minutes at most";

/** Energy of meters and plants since the node started, in the time in which it is known. */
class EnergyIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #steps: PowerSteps;
  readonly #account: Account;
  #from: number | undefined;
  #to = 0;
  #knownMs = 0;

  constructor(outside: IndicatorOutside, account: Account) {
    this.#outside = outside;
    this.#account = account;
    this.#steps = new PowerSteps((piece) => this.#add(piece));
  }

  take({ topic, payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined) return;
    this.#account.take?.(topic, said);
    for (const [kind, read] of [
      ["load", readLoad],
      ["generated", readPhotovoltaic],
    ] as const) {
      const reading = checked(read, said, this.#outside);
      if (reading === undefined) continue;
      const problem = this.#steps.observe({ kind, ...reading });
      if (problem === undefined) continue;
      this.#outside.fault({ code: "order", text: `${reading.id} ${problem}` });
    }
  }

  beat(): void {
    if (this.#from === undefined) return;
    const covered = this.#knownMs / (this.#to - this.#from);
    this.#outside.publish("all", {
      ...this.#account.figure(),
      from: new Date(this.#from).toISOString(),
      to: new Date(this.#to).toISOString(),
      covered: Number(covered.toFixed(4)),
      devices: this.#steps.devices,
    });
  }

  #add(piece: PowerPiece): void {
    this.#from ??= piece.from;
    this.#to = piece.to;
    if (this.#account.add(piece)) this.#knownMs += piece.to - piece.from;
  }
}

interface Account {
  take?(topic: string, said: Readonly<Record<string, unknown>>): void;
  /** False: too little is known of that time, and it is left out. */
  add(piece: PowerPiece): boolean;
  figure(): Figure;
}

class RenewableAccount implements Account {
  #loadWh = 0;
  #usedWh = 0;
  #generatedWh = 0;

  add({ from, to, load, generated }: PowerPiece): boolean {
    if (load === undefined || generated === undefined) return false;
    const hours = (to - from) / hourMs;
    this.#loadWh += Math.max(0, load) * hours;
    this.#generatedWh += Math.max(0, generated) * hours;
    this.#usedWh += Math.max(0, Math.min(load, generated)) * hours;
    return true;
  }

  figure(): Figure {
    const share = this.#loadWh === 0 ? null : rounded((100 * this.#usedWh) / this.#loadWh);
    return {
      value: share,
      used: rounded(this.#loadWh / 1000),
      usedRenewable: rounded(this.#usedWh / 1000),
      generated: rounded(this.#generatedWh / 1000),
      energyUnit: "kW.h",
    };
  }
}

class IntensityAccount implements Account {
  readonly #counters: Counters;
  readonly #unit: string;
  #loadWh = 0;

  constructor({ settings }: IndicatorOutside) {
    this.#counters = new Counters(String(settings["output"]));
    const per = String(settings["outputUnit"]);
    this.#unit = `kW.h/${per}`;
    if (ucumUnit(this.#unit) !== undefined) return;
    const problem = `setting "outputUnit" is "${per}" and no unit of UCUM, such as t or {piece}`;
    throw new ComityError("BODY_INVALID", { problem });
  }

  take(topic: string, said: Readonly<Record<string, unknown>>): void {
    this.#counters.take(topic, said);
  }

  add({ from, to, load }: PowerPiece): boolean {
    if (load === undefined) return false;
    this.#loadWh += (Math.max(0, load) * (to - from)) / hourMs;
    return true;
  }

  figure(): Figure {
    const { total, resets } = this.#counters;
    const kilowattHours = this.#loadWh / 1000;
    return {
      value: total === 0 ? null : rounded(kilowattHours / total),
      unit: this.#unit,
      ...{ used: rounded(kilowattHours), energyUnit: "kW.h", output: rounded(total), resets },
    };
  }
}

class EmissionAccount implements Account {
  readonly #factor: number;
  readonly #factorSource: string;
  #loadWh = 0;

  constructor({ settings }: IndicatorOutside) {
    this.#factor = Number(settings["factor"]);
    this.#factorSource = String(settings["factorSource"]);
  }

  add({ from, to, load }: PowerPiece): boolean {
    if (load === undefined) return false;
    this.#loadWh += (Math.max(0, load) * (to - from)) / hourMs;
    return true;
  }

  figure(): Figure {
    const kilowattHours = this.#loadWh / 1000;
    return {
      value: rounded((kilowattHours * this.#factor) / 1000),
      ...{ used: rounded(kilowattHours), energyUnit: "kW.h" },
      ...{ factor: this.#factor, factorUnit: "g/kW.h", factorSource: this.#factorSource },
    };
  }
}

export const renewableShare: IndicatorKind = {
  title: "Share of the energy used that plants of one's own gave at that moment",
  unit: "%",
  formula:
    "100 x (integral of min(PV, load)) / (integral of load), while both are known; PV of " +
    `PhotovoltaicMeasurement, load of ${energyMembers}`,
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-07-02-01.pdf",
  goal: {
    number: "7.2.1",
    contributes: "the part of what these meters used that was renewable when it was used",
    isNot:
      "not a nation's and not a year's: electricity of the meters followed alone, without heat " +
      "and fuels, and without what of the grid's own supply was renewable",
  },
  open: (outside) => new EnergyIndicator(outside, new RenewableAccount()),
};

export const energyIntensity: IndicatorKind = {
  title: "Energy used for each unit of what was made, moved or pumped",
  unit: "kW.h/{unit}",
  formula: `(integral of load) / (growth of the output's counter); load of ${energyMembers}`,
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-07-03-01.pdf",
  settings: {
    output: { title: "the member that counts the output, such as piecesMade", type: "string" },
    outputUnit: { title: "what is counted, in UCUM, such as t or {piece}", type: "string" },
  },
  goal: {
    number: "7.3.1",
    contributes: "how much energy the work of these meters' owner takes",
    isNot:
      "not per value of the gross domestic product, and final energy: what was lost in making " +
      "and bringing the electricity is not in it",
  },
  open: (outside) => new EnergyIndicator(outside, new IntensityAccount(outside)),
};

export const emissions: IndicatorKind = {
  title: "Carbon dioxide emitted for the energy used",
  unit: "kg",
  formula: `(integral of load) x factor; load of ${energyMembers}`,
  source: "https://unstats.un.org/sdgs/metadata/files/Metadata-09-04-01.pdf",
  settings: {
    factor: {
      ...{ title: "emitted for each kilowatt hour", type: "number", unit: "g/kW.h" },
      ...{ minimum: 0, maximum: 2_000 },
    },
    factorSource: { title: "who says so, and for which year", type: "string" },
  },
  goal: {
    number: "9.4.1",
    contributes: "the emissions behind these meters' use, by an average factor",
    isNot:
      "not divided by the value added, which no stream tells; carbon dioxide of electricity " +
      "alone, and by the factor it was told, which the hour's own may differ from",
  },
  open: (outside) => new EnergyIndicator(outside, new EmissionAccount(outside)),
};

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
