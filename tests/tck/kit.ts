import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

/** What the kit said of one case, by its id: `CN:01-01`. */
export interface Verdict {
  readonly id: string;
  readonly passed: boolean;
  /** Where it failed: what the kit says of it. */
  readonly problem?: string;
}

export interface Report {
  readonly verdicts: readonly Verdict[];
  /** All that the kit wrote, without colours. */
  readonly output: string;
  /** Set where it did not come to its end. */
  readonly problem?: string;
}

const mainClass = "org.eclipse.dataspacetck.dsp.suite.DspTckSuite";
const runTimeoutMs = 15 * 60_000;
const fetchTimeoutMs = 10 * 60_000;
const javaOldest = 17;

/**
 * The class path of the kit: what COMITY_TCK_CLASSPATH names (jars and folders of classes), else
 * what Maven fetches by the pom beside this file. Where neither can be: why.
 */
export async function findKit(
  folder: string,
): Promise<{ readonly classpath: string } | { readonly missing: string }> {
  const java = javaVersion();
  if (java === undefined) return { missing: "there is no Java on the PATH" };
  if (java < javaOldest) return { missing: `Java is ${java}, the kit needs ${javaOldest}` };
  const given = process.env["COMITY_TCK_CLASSPATH"];
  if (given !== undefined && given !== "") return checkedClasspath(given);
  if (!runs("mvn", "--version")) {
    return {
      missing: "there is no Maven to fetch the kit with, and COMITY_TCK_CLASSPATH is unset",
    };
  }
  const file = join(folder, "classpath");
  const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath";
  const pom = join(import.meta.dirname, "pom.xml");
  const fetched = spawnSync("mvn", ["-q", "-B", "-f", pom, goal, `-Dmdep.outputFile=${file}`], {
    encoding: "utf8",
    timeout: fetchTimeoutMs,
  });
  if (fetched.status === 0) return { classpath: (await readFile(file, "utf8")).trim() };
  const said = /\[ERROR\][^\n]*/.exec(plain(fetched.stdout + fetched.stderr))?.[0];
  return { missing: `Maven cannot fetch the kit: ${said ?? `it ended with ${fetched.status}`}` };
}

function checkedClasspath(given: string): { classpath: string } | { missing: string } {
  const absent = given
    .split(delimiter)
    .map((entry) => entry.replace(/[\\/]\*$/, "")) // a folder of jars
    .find((entry) => !existsSync(entry));
  if (absent === undefined) return { classpath: given };
  return { missing: `COMITY_TCK_CLASSPATH names ${absent}, which does not exist` };
}

export function javaVersion(): number | undefined {
  const { stdout, stderr, status } = spawnSync("java", ["-version"], { encoding: "utf8" });
  if (status !== 0) return undefined;
  const [, major] = /version "(\d+)/.exec(`${stdout}${stderr}`) ?? [];
  return major === undefined ? undefined : Number(major);
}

function runs(command: string, ...parts: string[]): boolean {
  return spawnSync(command, parts).status === 0;
}

/** Runs every case; `onVerdict` hears of each as it ends. */
export async function runKit(
  classpath: string,
  folder: string,
  properties: Readonly<Record<string, string>>,
  onVerdict: (line: string) => void,
): Promise<Report> {
  const file = join(folder, "kit.properties");
  await writeFile(file, propertiesText(properties));
  const child = spawn("java", ["-cp", classpath, mainClass, "-config", file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const take = (line: string): void => {
    lines.push(line);
    for (const [verdict] of plain(line).matchAll(verdictLine)) onVerdict(verdict);
  };
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", take);
  const timer = setTimeout(() => child.kill("SIGKILL"), runTimeoutMs);
  const code = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (status, signal) => resolve(signal ?? status));
  });
  clearTimeout(timer);
  // it ends with 0 whatever it found (so nothing is read from that), and with anything else broken
  const report = readReport(lines.join("\n"));
  return code === 0 ? report : { ...report, problem: `the kit ended with ${code}` };
}

const verdictLine = /^(SUCCESSFUL|FAILED|ABORTED): ([A-Z_]+:\d\d-\d\d)/gm;
const failureBlock = /^ *■ .*\n+ *\[([A-Z_]+:\d\d-\d\d)[^\n]*\]\n+ *(.*)/gm;

/** What the kit's console says: its only report. */
export function readReport(text: string): Report {
  const output = plain(text);
  const problems = new Map<string, string>();
  for (const [, id = "", problem = ""] of output.matchAll(failureBlock)) problems.set(id, problem);
  const verdicts = [...output.matchAll(verdictLine)].map(([, verdict, id = ""]) => {
    if (verdict === "SUCCESSFUL") return { id, passed: true };
    return { id, passed: false, problem: problems.get(id) ?? String(verdict) };
  });
  const [, passed] = /^Passed tests: (\d+)/m.exec(output) ?? [];
  const counted = verdicts.filter((verdict) => verdict.passed).length;
  if (passed === undefined) return { verdicts, output, problem: "the kit made no report" };
  if (Number(passed) === counted) return { verdicts, output };
  const problem = `the kit counts ${passed} passed, its lines say ${counted}`;
  return { verdicts, output, problem };
}

/** As java.util.Properties reads it. */
function propertiesText(properties: Readonly<Record<string, string>>): string {
  const escaped = (text: string) => text.replaceAll("\\", "\\\\");
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${escaped(value)}`);
  return `${lines.join("\n")}\n`;
}

/** Without colours, and without the time that stands before each line. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- that is what a colour begins with
  return text.replaceAll(/\u001b\[[\d;]*m/g, "").replaceAll(/^\[\d{4}-[^\]]*\] /gm, "");
}
