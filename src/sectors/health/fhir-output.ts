import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { type BundleEntry, bundleOf } from "../../wire/fhir/bundle.ts";
import { observedAt, type Observation } from "../../wire/fhir/observation.ts";
import type { Composer, FollowedMessage } from "../sector.ts";
import { bedsideMessage } from "./bedside.ts";

const observationsMax = 20_000;
/** FHIR R5 §references: relative to a server, absolute, a fragment or a URN. */
const reference = /^([A-Z]\w*\/[A-Za-z0-9.-]{1,64}(\/.*)?|https?:\/\/.+|urn:.+|#.*)$/s;

/** The latest Observation of each subject and code, as a Bundle. */
export class FhirComposer implements Composer {
  readonly #clock: Clock;
  readonly #latest = new Map<string, { readonly at: number; readonly entry: BundleEntry }>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  take({ topic, payload }: FollowedMessage): void {
    const message = bedsideMessage(topic, payload);
    if (message === undefined || typeof message === "string") return;
    const { observation } = message;
    const at = observedAt(observation) ?? this.#clock.now();
    const codes = observation.code.coding.map(({ system, code }) => `${system}|${code}`);
    const key = `${topic} ${codes.join(" ")}`;
    const before = this.#latest.get(key);
    if (before !== undefined && before.at > at) return;
    this.#latest.delete(key);
    const entry = { fullUrl: urnOf(key), resource: named(observation) };
    this.#latest.set(key, { at, entry });
    if (this.#latest.size > observationsMax) this.#latest.delete(this.#latest.keys().next().value!);
  }

  compose(): Uint8Array {
    const entries = [...this.#latest.values()].map(({ entry }) => entry);
    const at = new Date(this.#clock.now()).toISOString();
    return Buffer.from(JSON.stringify(bundleOf(entries, at)));
  }
}

/** A pseudonym is no address: it leaves as an identifier, of the kind HL7 calls anonymous. */
function named(observation: Observation): Observation {
  const { subject } = observation;
  if (subject?.reference === undefined || reference.test(subject.reference)) return observation;
  const { reference: value, ...rest } = subject;
  const type = {
    coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "ANON" }],
  };
  return { ...observation, subject: { ...rest, identifier: { type, value } } };
}

/** The same for the same subject and code, and unique in the Bundle (FHIR R4 bdl-7). */
function urnOf(key: string): string {
  const hash = createHash("sha256").update(key).digest("hex");
  // RFC 9562 §5.8: version 8, variant 10
  const variant = ((Number.parseInt(hash[16]!, 16) & 3) | 8).toString(16);
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`];
  return `urn:uuid:${[...parts, `${variant}${hash.slice(17, 20)}`, hash.slice(20, 32)].join("-")}`;
}
