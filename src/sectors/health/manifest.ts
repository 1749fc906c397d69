/**
 * Healthcare. FHIR Observations come in and go out, R4 and R5; from vital signs the early-warning
 * score of each bed is told live, and of a ward what hides in a crowd. What leaves under the
 * template is a list of members of closed form (codes, numbers, times) and a pseudonym: nothing
 * that a person typed. It keeps no record of anyone, diagnoses nothing, and is no medical device.
 */
import { checkedMembers } from "../../wire/fhir/observation.ts";
import type { Sector } from "../sector.ts";
import { FhirComposer } from "./fhir-output.ts";
import { FhirReader } from "./fhir-source.ts";
import { WarningScoreIndicator } from "./news2-indicator.ts";
import { vocabulary } from "./vocabulary.ts";
import { WardIndicator } from "./ward-indicator.ts";

const fhirJson = "application/fhir+json";

export const health: Sector = {
  name: "health",
  title: "Healthcare",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["health", "vital signs", "FHIR"],
      units: ["/min", "%", "mm[Hg]", "Cel"],
      // who has not agreed to anything sees nobody's vitals
      sample: false,
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      fields: [...checkedMembers, "subject.reference"],
      pseudonymise: ["subject.reference"],
      purposes: ["health-care"],
      noResharing: true,
      deleteAfterSeconds: 30 * 86_400,
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    fhir: {
      title: "FHIR R4 and R5: an Observation, or a Bundle of them, as JSON",
      ways: ["topic", "file", "url"],
      accept: `${fhirJson}, application/json;q=0.9`,
      bytesMax: 33_554_432,
      open: (outside) => new FhirReader(outside),
    },
  },
  outputs: {
    fhir: {
      title: "The latest Observation of each subject and code, a FHIR Bundle",
      contentType: fhirJson,
      open: (outside) => new FhirComposer(outside),
    },
  },
  indicators: {
    news2: {
      title: "National Early Warning Score 2 of each bed, partial where vitals are missing",
      unit: "{score}",
      formula:
        "sum of points of the vitals of the last 15 minutes; 5 or more, or one 3: a response",
      source: "https://www.rcp.ac.uk/resources/national-early-warning-score-news-2/",
      open: (outside) => new WarningScoreIndicator(outside),
    },
    "ward-vitals": {
      title: "Median of each vital over a ward, where at least five people stand behind it",
      unit: "1",
      formula: "median of the latest value of each subject, not older than 15 minutes; k ≥ 5",
      open: (outside) => new WardIndicator(outside),
    },
  },
};
