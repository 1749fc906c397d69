/**
 * `npm run conformance -- --url mqtt://host:port`: holds the suite against a broker. Fails where a
 * case fails; what was skipped says why.
 */
import { parseArgs } from "node:util";
import type { Version } from "./broker.ts";
import { nameOf } from "./case.ts";
import { chosen, Suite, type Verdict, versions } from "./suite.ts";

const usage =
  "npm run conformance -- --url mqtt://[name:password@]host:port " +
  "[--ws ws://host:port] [--version 3.1.1|5.0] [--only TEXT] [--at-once N] [--json]\n";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    ws: { type: "string" },
    version: { type: "string" },
    only: { type: "string" },
    "at-once": { type: "string", default: "24" },
    json: { type: "boolean", default: false },
  },
});

const { url, ws, version, only } = values;
const atOnce = Number(values["at-once"]);
const isKnown = version === undefined || versions.includes(version as Version);
if (url === undefined || !URL.canParse(url) || !isKnown || !(atOnce >= 1)) {
  process.stderr.write(usage);
  process.exit(2);
}

const suite = new Suite({ url, webSocketUrl: ws });
const list = chosen(version === undefined ? versions : [version as Version], only);
const verdicts: Verdict[] = [];
let next = 0;
const workers = Array.from({ length: Math.min(atOnce, list.length) }, async () => {
  while (next < list.length) {
    const at = next++;
    verdicts[at] = await suite.verdict(list[at]!);
  }
});
await Promise.all(workers).catch((error: Error) => {
  process.stderr.write(`${url} cannot be tested: ${error.message}\n`);
  process.exit(1);
});

const results = list.map((one, at) => ({ one, verdict: verdicts[at]! }));
for (const { one, verdict } of results) {
  if (values.json) {
    const { clauses, title } = one;
    say(JSON.stringify({ version: one.version, clauses, title, ...verdict }));
  } else say(`${one.version} ${nameOf(one)}: ${told(verdict)}`);
}
for (const of of versions) {
  const kinds = results.flatMap(({ one, verdict }) => (one.version === of ? verdict.kind : []));
  const count = (kind: Verdict["kind"]): number => kinds.filter((one) => one === kind).length;
  const sum = { ok: count("ok"), failed: count("failed"), skipped: count("skipped") };
  if (kinds.length === 0) continue;
  if (values.json) say(JSON.stringify({ version: of, ...sum }));
  else say(`MQTT ${of}: ${sum.ok} ok, ${sum.failed} failed, ${sum.skipped} skipped`);
}
process.exitCode = results.some(({ verdict }) => verdict.kind === "failed") ? 1 : 0;

function told(verdict: Verdict): string {
  if (verdict.kind === "ok") return "ok";
  const { kind } = verdict;
  const why = kind === "skipped" ? verdict.reason : verdict.problem;
  return `${kind}: ${why.replaceAll(/\s+/g, " ")}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
