import { createHash } from "node:crypto";
import { ComityError } from "../../kernel/errors.ts";
import { readResources } from "../../wire/fhir/bundle.ts";
import { loincSystem } from "../../wire/fhir/codes.ts";
import { codesOf, type Observation, readObservation } from "../../wire/fhir/observation.ts";
import type { Fault, ReaderOutside, SectorMessage, SourceInput } from "../sector.ts";
import type { SourceReader, SourceReading } from "../sector.ts";
import { isKnownLoinc } from "./vital-signs.ts";

const seenMax = 100_000;

/**
 * FHIR in: one message an Observation, under `<subject>/<LOINC code>`. Who it is about becomes a
 * pseudonym, because a topic is seen by everybody who gets the message; codes of other systems
 * stand under `other`. What was read before, to the letter, is not said again: a search's answer
 * holds it as long as its window is open.
 */
export class FhirReader implements SourceReader {
  readonly #pseudonym: ReaderOutside["pseudonym"];
  readonly #seen = new Set<string>();

  constructor({ pseudonym }: Pick<ReaderOutside, "pseudonym">) {
    this.#pseudonym = pseudonym;
  }

  read({ bytes }: SourceInput): SourceReading {
    const resources = readResources(bytes);
    if (typeof resources === "string")
      throw new ComityError("SOURCE_INVALID", { problem: resources });
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    for (const value of resources.observations) {
      const read = readObservation(value);
      if (typeof read === "string") {
        faults.push({ code: "form", text: `an Observation is ${read}` });
        continue;
      }
      if (!this.#isNew(value)) continue;
      const { observation, remarks } = read;
      const level = levelOfCode(observation);
      faults.push(...remarks);
      if (level !== "other" && !isKnownLoinc(level)) {
        faults.push({ code: "code", text: `LOINC ${level} is none of a bedside's; it is kept` });
      }
      messages.push({ topic: `${this.#subject(observation)}/${level}`, payload: observation });
    }
    if (resources.others > 0) {
      faults.push({ code: "resource", text: `${resources.others} resources are no Observation` });
    }
    return { messages, faults };
  }

  /** Without a time or an identity two that are equal may be two. */
  #isNew(value: unknown): boolean {
    const { id, effectiveDateTime, effectiveInstant, effectivePeriod } = value as Observation;
    if ((id ?? effectiveDateTime ?? effectiveInstant ?? effectivePeriod) === undefined) return true;
    const mark = createHash("sha256").update(JSON.stringify(value)).digest("base64url");
    if (this.#seen.has(mark)) return false;
    this.#seen.add(mark);
    if (this.#seen.size > seenMax) this.#seen.delete(this.#seen.keys().next().value!);
    return true;
  }

  /** By reference, or else by identifier: FHIR R5 §references, logical references. */
  #subject({ subject }: Observation): string {
    const { system, value } = (subject?.["identifier"] ?? {}) as Record<string, unknown>;
    const logical = value === undefined ? undefined : JSON.stringify([system, value]);
    const named = subject?.reference ?? logical;
    return named === undefined ? "-" : this.#pseudonym(named);
  }
}

function levelOfCode({ code }: Observation): string {
  const codes = codesOf(code, loincSystem);
  return codes.find(isKnownLoinc) ?? codes[0] ?? "other";
}
