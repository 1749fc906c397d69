import type { FollowedMessage, IndicatorOutside } from "../sector.ts";
import { Bedside, type BedsideMessage, bedsideMessage } from "./bedside.ts";

const bedsidesMax = 10_000;

/** A bed as an indicator keeps it. */
export interface KeptBedside {
  readonly bedside: Bedside;
  readonly ward: string;
  readonly subject: string;
  /** As the latest Observation refers to it. */
  reference: string | undefined;
}

/** The beds of a node, by their topics; what could not be taken is a fault by its name. */
export class Bedsides {
  readonly #outside: IndicatorOutside;
  readonly #bedsides = new Map<string, KeptBedside>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  all(): Iterable<KeptBedside> {
    return this.#bedsides.values();
  }

  /** The bed that the message is of; undefined where nothing of it was taken. */
  take({ topic, payload }: FollowedMessage): KeptBedside | undefined {
    const message = bedsideMessage(topic, payload);
    if (message === undefined) return undefined;
    if (typeof message === "string") {
      this.#outside.fault({ code: "form", text: `an Observation is ${message}` });
      return undefined;
    }
    const kept = this.#keptOf(message);
    if (kept === undefined) return undefined;
    const taken = kept.bedside.take(message.observation);
    kept.reference = message.observation.subject?.reference ?? kept.reference;
    if (taken === "taken") return kept;
    this.#outside.fault({ code: taken, text: `${message.subject}: ${whys[taken]}` });
    return taken === "clock" || taken === "status" ? undefined : kept;
  }

  #keptOf({ ward, subject }: BedsideMessage): KeptBedside | undefined {
    const key = `${ward}/${subject}`;
    let kept = this.#bedsides.get(key);
    if (kept === undefined) {
      if (this.#bedsides.size >= bedsidesMax) {
        this.#outside.fault({ code: "too-many", text: `more than ${bedsidesMax} beds` });
        return undefined;
      }
      kept = { bedside: new Bedside(this.#outside.clock), ward, subject, reference: undefined };
      this.#bedsides.set(key, kept);
    }
    return kept;
  }
}

const whys = {
  clock: "a time more than a day from those before it",
  late: "older than what is known",
  status: "an Observation that was not made, or is withdrawn",
  value: "a number or unit that no bedside measures; 0 is a sensor that is not connected",
} as const;
