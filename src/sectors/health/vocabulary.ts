import type { MemberModel, Vocabulary } from "../sector.ts";
import { vitalModels } from "./vital-signs.ts";

const vitals = Object.entries(vitalModels).map(
  ([loinc, { title, unit, minimum, maximum }]): [string, MemberModel] => [
    loinc,
    { type: "number", title, unit, minimum, maximum },
  ],
);

/** Vital signs by LOINC code and UCUM unit, as FHIR Observations carry them. */
export const vocabulary: Vocabulary = {
  version: "1.0.0",
  messages: {
    Observation: {
      title: "A vital sign measured at a bedside",
      source: "https://hl7.org/fhir/R5/observation.html",
      required: ["resourceType", "status", "code"],
      members: {
        resourceType: { type: "string" },
        status: { type: "string" },
        code: { type: "object", title: "CodeableConcept, LOINC" },
        subject: { type: "object", title: "Reference: who was measured" },
        effectiveDateTime: { type: "string", title: "When it was measured, ISO 8601" },
        valueQuantity: { type: "object", title: "Quantity, UCUM" },
        valueCodeableConcept: { type: "object", title: "CodeableConcept" },
        component: { type: "array", title: "Parts, such as those of a blood pressure" },
      },
    },
    VitalSign: {
      title: "valueQuantity of an Observation or of a component, by its LOINC code",
      source: "https://hl7.org/fhir/R5/observation-vitalsigns.html",
      required: [],
      members: Object.fromEntries(vitals),
    },
  },
};
