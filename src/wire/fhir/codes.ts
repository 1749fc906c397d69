/** Code systems an Observation is read with, and what is certainly a code of theirs. */

export const loincSystem = "http://loinc.org";
export const snomedSystem = "http://snomed.info/sct";
/** ISO/IEEE 11073-10101, by its numbers. */
export const deviceCodeSystem = "urn:iso:std:iso:11073:10101";
export const ucumSystem = "http://unitsofmeasure.org";
export const absentSystem = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/** FHIR R5 §observation-status; R4 has the same. */
export const statuses = [
  ...["registered", "preliminary", "final", "amended", "corrected"],
  ...["cancelled", "entered-in-error", "unknown"],
] as const;

/** FHIR R4 §quantity-comparator; R5 adds `ad`. */
export const comparators = ["<", "<=", ">=", ">", "ad"] as const;

const absentReasons = new Set([
  ...["unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked"],
  ...["not-applicable", "unsupported", "as-text", "error", "not-a-number", "negative-infinity"],
  ...["positive-infinity", "not-performed", "not-permitted"],
]);

/** Alert, voice, pain, unresponsive and new confusion, as SNOMED CT has them. */
export const consciousnessCodes = {
  "248234008": "alert",
  "130987000": "confusion",
  "300202002": "voice",
  "450847001": "pain",
  "422768004": "unresponsive",
} as const;

/** What a device tells of itself: charge of its battery (MDC_ATTR_VAL_BATT_CHARGE). */
const deviceCodes = new Set(["67996"]);

/** Units of vital signs and of what stands beside them; UCUM's annotations are free text. */
const units = new Set([
  ...["1", "%", "/min", "1/min", "{beats}/min", "{breaths}/min", "{beat}/min", "{score}", "[pH]"],
  ...["mm[Hg]", "kPa", "cm[H2O]", "Cel", "[degF]", "K", "L/min", "mL/min", "mL", "L", "mL/h"],
  ...["kg", "g", "cm", "m", "kg/m2", "m2", "s", "ms", "min", "h", "d", "mV", "uV", "W", "deg"],
  ...["mmol/L", "umol/L", "mol/L", "mg/dL", "g/dL", "g/L", "mg/L", "ng/mL", "pg/mL", "mL/kg"],
  ...["10*9/L", "10*12/L", "10*3/uL", "fL", "pg", "U/L", "[IU]/L", "m[IU]/L", "meq/L", "mosm/kg"],
]);

export function isUnit(code: unknown): code is string {
  return typeof code === "string" && units.has(code);
}

/** A code whose form and check digit are right (LOINC Users' Guide, appendix C: mod 10). */
export function isLoinc(code: string): boolean {
  const [, digits, check] = /^(\d{1,7})-(\d)$/.exec(code) ?? [];
  if (digits === undefined) return false;
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, at) => {
      const weighed = Number(digit) * (at % 2 === 0 ? 2 : 1);
      return total + (weighed > 9 ? weighed - 9 : weighed);
    }, 0);
  return (10 - (sum % 10)) % 10 === Number(check);
}

/** Nothing else is taken for a code: whatever somebody writes there would be free text. */
export function isCode(system: unknown, code: unknown): boolean {
  if (typeof system !== "string" || typeof code !== "string") return false;
  if (system === loincSystem) return isLoinc(code);
  if (system === deviceCodeSystem) return deviceCodes.has(code);
  if (system === snomedSystem) return Object.hasOwn(consciousnessCodes, code);
  return system === absentSystem && absentReasons.has(code);
}
