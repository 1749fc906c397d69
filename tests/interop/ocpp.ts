/**
 * A charger made of another library in another language, the Python package `ocpp`, charges at a
 * node and is limited by it. Installed by whoever runs this: `python3 -m venv FOLDER`,
 * `FOLDER/bin/pip install ocpp==2.1.0 websockets==17.4`, then
 * `OCPP_PYTHON=FOLDER/bin/python npm run interop:ocpp`.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { twoNodes, until } from "../two-nodes.ts";

interface Line {
  readonly what: string;
  readonly told: Record<string, unknown>;
}

const python = process.env["OCPP_PYTHON"];
const options = python === undefined ? { skip: "OCPP_PYTHON names no Python with ocpp" } : {};
const script = fileURLToPath(new URL("ocpp/charger.py", import.meta.url));

for (const version of ["ocpp1.6", "ocpp2.0.1"] as const) {
  test(
    `${version} - a charger of another library charges, and takes a limit`,
    options,
    async () => {
      const nodes = await twoNodes();
      const { http, node } = nodes.provider;
      const { token } = await http.addThing({ name: "cp" });
      await http.energy.addIdTag("CARD");
      const seen = new Map<string, Record<string, unknown>>();
      const owner = await nodes.mqtt("provider");
      await owner.subscribe("cp/#", { qos: 1 }, ({ topic, payload }) => {
        seen.set(topic, JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>);
      });
      const url = `${node.httpUrl.replace("http", "ws")}/sectors/energy/ocpp`;
      const stdio = ["pipe", "pipe", "inherit"] as const;
      const child = spawn(python!, [script, url, "cp", token, version], { stdio: [...stdio] });
      const ended = once(child, "exit");
      try {
        const lines: Line[] = [];
        createInterface(child.stdout).on("line", (line) => lines.push(JSON.parse(line) as Line));
        const said = (what: string) => lines.filter((line) => line.what === what);
        await until("it has charged", () => said("ready").length === 1 || child.exitCode !== null);
        assert.equal(said("subprotocol")[0]?.told, version);
        assert.equal(said("BootNotification")[0]?.told["status"], "Accepted");
        const authorized = JSON.stringify(lines);
        assert.match(authorized, /"id_(tag|token)_info":{[^}]*"status":"Accepted"/);
        await until("its charge ended", () => seen.get("cp/transactions/1")?.["state"] === "ended");
        assert.equal(seen.get("cp/transactions/1")!["energy"], 2);
        const set = await http.energy.command("cp", "limit", { watts: 5000, seconds: 60 });
        assert.equal(set.outcome, "set");
        assert.match(JSON.stringify(said("SetChargingProfile")), /"limit":5000/);
        await http.energy.command("cp", "reset", {});
        assert.equal(said("Reset").length, 1);
        const [charger] = await http.energy.chargers();
        const faults = version === "ocpp1.6" ? {} : { security: 1 };
        assert.deepEqual(charger!.faults, faults);
      } finally {
        child.stdin.end();
        await ended;
        await nodes.close();
      }
    },
  );
}
