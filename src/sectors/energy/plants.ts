import type { JsonObject } from "../../kernel/json-object.ts";
import type { IndicatorOutside } from "../sector.ts";
import { type DescribedPlant, readPlant } from "./observed.ts";

const plantsMax = 1_000;

/** The plants that a stream describes: retained messages, so that they stand before what follows. */
export class Plants {
  readonly #outside: IndicatorOutside;
  readonly #onChanged: (id: string) => void;
  /** The longest undescribed first. */
  readonly #plants = new Map<string, DescribedPlant>();

  constructor(outside: IndicatorOutside, onChanged: (id: string) => void) {
    this.#outside = outside;
    this.#onChanged = onChanged;
  }

  /** True where the message describes one, or tries to. */
  take(said: JsonObject): boolean {
    const plant = readPlant(said);
    if (plant === undefined) return false;
    if (typeof plant === "string") {
      this.#outside.fault({ code: "plant", text: `${String(said["id"])}: ${plant}` });
      return true;
    }
    const before = this.#plants.get(plant.id);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(plant)) {
      this.#onChanged(plant.id);
    }
    this.#plants.delete(plant.id);
    this.#plants.set(plant.id, plant);
    if (this.#plants.size > plantsMax) this.#plants.delete(this.#plants.keys().next().value!);
    return true;
  }

  /** A plant nobody described is a fault: it is told how it looks at the sun, never guessed. */
  need(id: string): DescribedPlant | undefined {
    const plant = this.#plants.get(id);
    if (plant === undefined) {
      this.#outside.fault({ code: "plant", text: `no PhotovoltaicDevice ${id} was described` });
    }
    return plant;
  }
}
