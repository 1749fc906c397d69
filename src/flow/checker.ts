import type { Grant } from "../market/grant.ts";
import type { Refusal } from "../ports/usage.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { Properties } from "../wire/mqtt/properties.ts";
import { propertiesAt, type PublishPlace } from "../wire/mqtt/publish.ts";
import { compileConditions, type Decide, type Verdict } from "./conditions.ts";
import { readable, type Readable, type Shapers } from "./readable.ts";
import { dayShiftsOf } from "./date-shift.ts";
import { pseudonymsOf } from "./pseudonyms.ts";
import { layout5, type Run } from "./run.ts";
import { compilePackShape } from "./senml.ts";
import { compileShape, type Masks } from "./shape.ts";

/** A run as a grant lets it through. */
export interface Checked {
  /** Undefined where nothing is left. */
  readonly run: Run | undefined;
  readonly withheld: readonly Withheld[];
}

export interface Withheld {
  readonly reason: Refusal;
  readonly count: number;
}

/** What of a grant is decided by a message and its log time alone. */
export type Content = Pick<Grant, "filters" | "when" | "unless" | "shape">;

const nothing: readonly Withheld[] = [];

/**
 * The compiled content of a grant. Topic and time are decided once per run; a payload is read
 * once per message, and only where position or members are asked for. Shared by all agreements
 * of the same content; a run that comes again is not computed again.
 */
export class Checker {
  readonly #decide: Decide;
  readonly #shape: Shapers | undefined;
  #lastRun: Run | undefined;
  #lastChecked: Checked | undefined;

  constructor({ filters, when, unless = [], shape }: Content, masks: Masks) {
    this.#decide = compileConditions(filters, when, unless);
    this.#shape = shape && {
      object: compileShape(shape, masks),
      pack: compilePackShape(shape),
    };
  }

  /** Messages of these topics go through as they are. */
  passesWhole(topics: ReadonlySet<string>, at: number): boolean {
    if (this.#shape !== undefined) return false;
    for (const topic of topics) if (this.#decide(topic, at) !== undefined) return false;
    return true;
  }

  check(run: Run, at: number): Checked {
    if (run === this.#lastRun && this.#lastChecked !== undefined) return this.#lastChecked;
    this.#lastChecked = this.#compute(run, this.#decide(run.topic, at));
    this.#lastRun = run;
    return this.#lastChecked;
  }

  #compute(run: Run, verdict: Verdict): Checked {
    if (typeof verdict === "string") {
      return { run: undefined, withheld: [{ reason: verdict, count: run.count }] };
    }
    if (verdict === undefined && this.#shape === undefined) return { run, withheld: nothing };
    return this.#compareEach(run, verdict ?? allow);
  }

  #compareEach(run: Run, verdict: Exclude<Verdict, Refusal | undefined>): Checked {
    const shape = this.#shape;
    const counts = new Map<Refusal, number>();
    const kept: Buffer[] = [];
    let payloadBytes = 0;
    run.walk((place) => {
      const payload = run.packets.subarray(place.payloadAt, place.end);
      const read = readable(payload);
      const refusal = verdict(verdict === allow ? undefined : read?.position());
      const shaped = refusal === undefined && shape && read ? shapedAs(read, shape) : undefined;
      if (refusal !== undefined || (shape !== undefined && shaped === undefined)) {
        const reason = refusal ?? "field";
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      } else if (shaped === undefined) {
        kept.push(run.packets.subarray(place.start, place.end));
        payloadBytes += payload.length;
      } else {
        const bytes = Buffer.from(shaped);
        const properties = propertiesOf(run, place);
        kept.push(encodePublish(5, { topic: run.topic, payload: bytes, properties }));
        payloadBytes += bytes.length;
      }
    });
    const withheld = [...counts].map(([reason, count]) => ({ reason, count }));
    if (kept.length === 0) return { run: undefined, withheld };
    if (shape === undefined && kept.length === run.count) return { run, withheld };
    const layout = shape === undefined ? run.layout : layout5;
    return { run: run.with(kept, layout, payloadBytes), withheld };
  }
}

const allow = (): undefined => undefined;

/** A fault of a view withholds the message, and stops neither its node nor its log. */
function shapedAs(read: Readable, shape: Shapers): string | Buffer | undefined {
  try {
    return read.shaped(shape);
  } catch {
    return undefined;
  }
}

const contentTypes: ReadonlySet<string> = new Set(
  ["json", "cbor", "senml+json", "senml+cbor"].map((form) => `application/${form}`),
);

/** What form it has; all other properties could carry what was not let through. */
function propertiesOf({ packets, layout }: Run, place: PublishPlace): Properties {
  const contentType = layout.version === 5 ? propertiesAt(packets, place).contentType : undefined;
  return contentType !== undefined && contentTypes.has(contentType) ? { contentType } : {};
}

/** Agreements of equal content have one checker; pseudonyms and days are each agreement's own. */
export class Checkers {
  readonly #secret: Uint8Array;
  readonly #known = new Map<string, Checker>();

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  of(grant: Grant): Checker {
    const key = contentKey(grant);
    let checker = this.#known.get(key);
    if (checker === undefined) {
      checker = new Checker(grant, {
        pseudonym: pseudonymsOf(this.#secret, grant.agreement),
        dayShift: dayShiftsOf(this.#secret, grant.agreement),
      });
      this.#known.set(key, checker);
    }
    return checker;
  }
}

/** The same for agreements that let the same messages through in the same shape. */
export function contentKey({ agreement, filters, when, unless, shape }: Grant): string {
  const isOwn = shape?.pseudonymise !== undefined || shape?.shift !== undefined;
  const scope = isOwn ? agreement : "";
  return JSON.stringify([scope, filters, when, unless, shape]);
}
