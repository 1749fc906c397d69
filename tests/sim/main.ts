/** `npm run sim`: a year of business, whole or `--short`; the last line says what it came to. */
import { parseArgs } from "node:util";
import { type Size, whole, short, summaryOf } from "./year/report.ts";
import { year } from "./year/year.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    participants: { type: "string" },
  },
});
const size: Size = values.short ? short : whole;
const participants = Number(values.participants ?? size.participants);
const dishonest = Math.max(2, Math.round(participants / 10));
const seed = Number(values.seed);
const tell = (line: string): void => void process.stdout.write(`${line}\n`);
const result = await year({ ...size, participants, dishonest, seed, tell });
for (const line of summaryOf(result)) tell(line);
if (result.problems.length > 0) process.exitCode = 1;
