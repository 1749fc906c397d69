import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../tests/free-port.ts";
import { cpuSeconds, residentBytes } from "../tests/process-usage.ts";
import type { Protocol } from "./knock.ts";

/** A broker under test: its own process, on a free port of the loopback interface. */
export interface Broker {
  readonly name: BrokerName;
  readonly version: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** CPU seconds used so far, user and system, by the process and its threads. */
  cpuSeconds(): number;
  residentBytes(): number;
  stop(): Promise<void>;
}

export type BrokerName =
  | "comity"
  | "comity-open"
  | "comity-unmetered"
  | "comity-view"
  | "comity-logged"
  | "mosquitto"
  | "nats"
  | "nats-mqtt"
  | "aedes";

export const labels: Readonly<Record<BrokerName, string>> = {
  comity: "Comity, grant and meter on",
  "comity-open": "Comity, no agreement",
  "comity-unmetered": "Comity, grant on, meter off",
  "comity-view": "Comity, members sold",
  "comity-logged": "Comity, logged",
  nats: "nats-server, its own protocol",
  "nats-mqtt": "nats-server, MQTT",
  mosquitto: "mosquitto",
  aedes: "aedes",
};

/** Undefined, with the reason said, where the peer is not installed. */
export async function startBroker(name: BrokerName): Promise<Broker | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "comity-bench-"));
  const port = await freePort();
  const command = commandOf(name, port, folder);
  const version = command && versionOf(name);
  if (command === undefined || version === undefined) {
    console.error(
      `${name}: not installed here, left out (Debian: apt-get install mosquitto nats-server)`,
    );
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  const child = spawn(command[0]!, command.slice(1), { stdio: "ignore" });
  await answering(port, child);
  return {
    name,
    version,
    port,
    protocol: name === "nats" ? "nats" : "mqtt",
    cpuSeconds: () => cpuSeconds(child.pid!),
    residentBytes: () => residentBytes(child.pid!),
    async stop() {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const modes = {
  comity: "under-agreement",
  "comity-open": "open",
  "comity-unmetered": "unmetered",
  "comity-view": "view",
  "comity-logged": "logged",
} as const;

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

function commandOf(name: BrokerName, port: number, folder: string): string[] | undefined {
  const config = join(folder, "conf");
  switch (name) {
    case "comity":
    case "comity-open":
    case "comity-unmetered":
    case "comity-view":
    case "comity-logged":
      return [process.execPath, here("./comity-broker.ts"), String(port), folder, modes[name]];
    case "aedes":
      return [process.execPath, here("./aedes-broker.ts"), String(port)];
    case "mosquitto":
      // Its queues opened as wide as its window needs, so that it drops nothing here.
      writeFileSync(
        config,
        `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n`,
      );
      return ["mosquitto", "-c", config];
    case "nats":
      return ["nats-server", "-a", "127.0.0.1", "-p", String(port)];
    case "nats-mqtt":
      writeFileSync(
        config,
        `server_name: bench\nlisten: "127.0.0.1:-1"\njetstream {\n store_dir: "${folder}"\n}\nmqtt {\n listen: "127.0.0.1:${port}"\n max_ack_pending: 65535\n}\n`,
      );
      return ["nats-server", "-c", config];
  }
}

function versionOf(name: BrokerName): string | undefined {
  const ask = (command: string, args: string[], pattern: RegExp): string | undefined => {
    const { stdout, error } = spawnSync(command, args, { encoding: "utf8" });
    return error ? undefined : (pattern.exec(stdout)?.[1] ?? "unknown");
  };
  switch (name) {
    case "mosquitto":
      return ask("mosquitto", ["-h"], /version (\S+)/);
    case "nats":
    case "nats-mqtt":
      return ask("nats-server", ["--version"], /v?(\d+\.\d+\.\d+\S*)/);
    case "aedes":
      return packageVersion("../node_modules/aedes/package.json");
    case "comity":
    case "comity-open":
    case "comity-unmetered":
    case "comity-view":
    case "comity-logged":
      return packageVersion("../package.json");
  }
}

function packageVersion(file: string): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(here(file), "utf8")) as { version: string };
    return version;
  } catch {
    return undefined;
  }
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) throw new Error(`the broker ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the broker did not listen within 10 s");
}
