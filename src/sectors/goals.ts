/**
 * Indicators of the Sustainable Development Goals that live data can move, by their official number
 * and in their official words (A/RES/71/313, Annex, as refined until 2025), with the unit that
 * their metadata give. Each is a national statistic: what a node tells is one organisation's part.
 */
export interface GoalIndicator {
  readonly title: string;
  /** UCUM, money as an annotation. */
  readonly unit: string;
}

export const goals = {
  "6.4.1": { title: "Change in water-use efficiency over time", unit: "{USD}/m3" },
  "7.2.1": { title: "Renewable energy share in the total final energy consumption", unit: "%" },
  "7.3.1": {
    title: "Energy intensity measured in terms of primary energy and GDP",
    unit: "MJ/{USD}",
  },
  "9.4.1": { title: "CO2 emission per unit of value added", unit: "kg/{USD}" },
  "11.2.1": {
    title:
      "Proportion of population that has convenient access to public transport, by sex, age and " +
      "persons with disabilities",
    unit: "%",
  },
  "11.6.2": {
    title:
      "Annual mean levels of fine particulate matter (e.g. PM2.5 and PM10) in cities " +
      "(population weighted)",
    unit: "ug/m3",
  },
} as const satisfies Readonly<Record<string, GoalIndicator>>;

export type GoalNumber = keyof typeof goals;
