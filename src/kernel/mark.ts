/** That messages are as a vocabulary says, and how they were when they were looked at. */
export interface Mark {
  /** Of the vocabulary: who published it (a DID), and which version it is. */
  readonly issuer: string;
  readonly sector: string;
  readonly version: string;
  readonly hash: string;
  /** `unchecked`: nothing was looked at yet; `departing`: too many are otherwise. */
  readonly state: "conforming" | "departing" | "unchecked";
  /** The last messages that were looked at, and how many of them conformed. */
  readonly checked: number;
  readonly conforming: number;
  /** ISO 8601, UTC: when the first and the last of them were. */
  readonly since?: string;
  readonly until?: string;
  /** In what the others departed, the most frequent first. */
  readonly departures?: { text: string; count: number }[];
}

/** `transport 2.1.0: 358 of 360 messages conform since …; FleetVehicleStatus.id is missing (2)`. */
export function describeMark(mark: Mark): string {
  const { sector, version, checked, conforming, since, departures = [] } = mark;
  const name = `${sector} ${version}`;
  if (checked === 0 || since === undefined) return `${name}: not checked yet`;
  const counts = `${conforming.toLocaleString("en")} of ${checked.toLocaleString("en")} messages`;
  const told = `${name}: ${counts} conform since ${since}`;
  const listed = departures.map(({ text, count }) => `${text} (${count})`).join("; ");
  return listed === "" ? told : `${told}; ${listed}`;
}
