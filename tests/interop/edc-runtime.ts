import { spawn, spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { freePort } from "../free-port.ts";
import { until } from "../two-nodes.ts";
import { javaVersion } from "../tck/kit.ts";

/** An Eclipse EDC connector in a process of its own; everything it knows is in its memory. */
export interface Edc {
  readonly participant: string;
  /** Its protocol endpoint, under which the versions stand. */
  readonly protocolUrl: string;
  /** The management API: POST with a body, else GET. */
  manage(path: string, body?: object): Promise<Record<string, unknown>>;
  /** What it wrote, for whoever has to find out why. */
  log(): string;
  stop(): Promise<void>;
}

const folderHere = import.meta.dirname;
const extension = "dev.comity.interop.PublicDataPlane";
const service = "META-INF/services/org.eclipse.edc.spi.system.ServiceExtension";
const fetchTimeoutMs = 15 * 60_000;
const startTimeoutMs = 90_000;

/** EDC's class path with our extension compiled for it, or why there is none. */
export async function findEdc(
  folder: string,
): Promise<{ readonly classpath: string } | { readonly missing: string }> {
  const java = javaVersion();
  if (java === undefined || java < 17) return { missing: "there is no Java 17 on the PATH" };
  if (spawnSync("mvn", ["--version"]).status !== 0) return { missing: "there is no Maven" };
  const file = join(folder, "classpath");
  const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath";
  const pom = join(folderHere, "edc", "pom.xml");
  const fetched = spawnSync("mvn", ["-q", "-B", "-f", pom, goal, `-Dmdep.outputFile=${file}`], {
    encoding: "utf8",
    timeout: fetchTimeoutMs,
  });
  if (fetched.status !== 0) {
    const said = /\[ERROR\][^\n]*/.exec(fetched.stdout)?.[0] ?? `it ended with ${fetched.status}`;
    return { missing: `Maven cannot fetch EDC: ${said}` };
  }
  const jars = (await readFile(file, "utf8")).trim();
  const classes = join(folder, "classes");
  await mkdir(join(classes, "META-INF", "services"), { recursive: true });
  await writeFile(join(classes, service), `${extension}\n`);
  const source = join(folderHere, "edc", "src", "PublicDataPlane.java");
  const built = spawnSync("javac", ["-nowarn", "-proc:none", "-d", classes, "-cp", jars, source], {
    encoding: "utf8",
  });
  if (built.status !== 0) return { missing: `its extension does not compile: ${built.stderr}` };
  return { classpath: `${classes}${delimiter}${jars}` };
}

export async function startEdc(classpath: string, folder: string): Promise<Edc> {
  const participant = "an-edc";
  const contexts = ["http", "management", "protocol", "control", "version"] as const;
  const ports = new Map<string, number>();
  for (const name of [...contexts, "public"]) ports.set(name, await freePort());
  const at = (name: string) => `http://localhost:${ports.get(name)}`;
  const settings: Record<string, string> = {
    "edc.participant.id": participant,
    "edc.dsp.callback.address": `${at("protocol")}/protocol`,
    "edc.transfer.proxy.token.signer.privatekey.alias": "private-key",
    "edc.transfer.proxy.token.verifier.publickey.alias": "public-key",
    "comity.public.port": String(ports.get("public")),
    "web.http.port": String(ports.get("http")),
    "web.http.path": "/api",
  };
  for (const role of ["consumer", "provider"]) {
    settings[`edc.negotiation.${role}.state-machine.iteration-wait-millis`] = "100";
  }
  settings["edc.transfer.state-machine.iteration-wait-millis"] = "100";
  for (const name of contexts.slice(1)) {
    settings[`web.http.${name}.port`] = String(ports.get(name));
    settings[`web.http.${name}.path`] = `/${name}`;
  }
  const file = join(folder, "edc.properties");
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  await writeFile(file, `${lines.join("\n")}\n`);

  const main = "org.eclipse.edc.boot.system.runtime.BaseRuntime";
  const child = spawn("java", [`-Dedc.fs.config=${file}`, "-Xmx512m", "-cp", classpath, main], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const take = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  try {
    await until("EDC is ready", () => /Runtime \S+ ready/.test(output), startTimeoutMs);
  } catch (error) {
    await stop();
    throw new Error(`EDC does not start:\n${output.slice(-4_000)}`, { cause: error });
  }
  return {
    participant,
    protocolUrl: `${at("protocol")}/protocol`,
    async manage(path, body) {
      const answer = await fetch(`${at("management")}/management${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
      return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    },
    log: () => output,
    stop,
  };
}
