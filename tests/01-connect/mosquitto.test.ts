/** As a newcomer tries it from the README: with mosquitto_pub and mosquitto_sub. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import { oneNode } from "./one-node.ts";

const installed = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
const skip = installed ? false : "mosquitto_pub is not installed (Debian: mosquitto-clients)";
const { node, http, token } = await oneNode();
const { port } = new URL(node.mqttUrl);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(command: string, ...args: readonly string[]): Promise<Ended> {
  const child = spawn(command, ["-p", port, ...args], { timeout: 8000 });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

const versions = ["mqttv311", "mqttv5"] as const;
for (const version of versions) {
  const at = version;

  test(`mosquitto ${version} - what one publishes the other prints`, { skip }, async () => {
    for (const qos of ["0", "1", "2"]) {
      const topic = `${at}/q${qos}`;
      const ready = `${topic}/ready`;
      await run("mosquitto_pub", "-V", version, "-t", ready, "-m", "ready", "-r", "-q", "1");
      const args = ["-V", version, "-t", `${topic}/#`, "-C", "3", "-v", "-q", qos];
      const printed = run("mosquitto_sub", ...args);
      // Its subscription stands when it has printed what is retained; messages wait for that.
      const done = new AbortController();
      const publishing = (async () => {
        while (!done.signal.aborted) {
          await run("mosquitto_pub", "-V", version, "-t", `${topic}/x`, "-m", "hello", "-q", qos);
        }
      })();
      const { code, out } = await printed;
      done.abort();
      await publishing;
      assert.equal(code, 0);
      assert.deepEqual(out.trim().split("\n"), [
        `${ready} ready`,
        `${topic}/x hello`,
        `${topic}/x hello`,
      ]);
    }
  });

  test(`mosquitto ${version} - lines from standard input arrive in order`, { skip }, async () => {
    const topic = `${at}/lines`;
    const options = ["-V", version, "-i", `sleeper-${version}`, "-c", "-q", "1"];
    const session = version === "mqttv5" ? ["-x", "60"] : [];
    // A session that stays: what comes while nobody is there waits for it.
    await run("mosquitto_sub", ...options, ...session, "-t", topic, "-E");
    const lines = Array.from({ length: 200 }, (_, i) => `line ${i}`);
    const publisher = spawn("mosquitto_pub", [
      "-p",
      port,
      "-V",
      version,
      "-t",
      topic,
      "-q",
      "1",
      "-l",
    ]);
    publisher.stdin.end(`${lines.join("\n")}\n`);
    await new Promise((resolve) => publisher.on("close", resolve));
    const { out } = await run("mosquitto_sub", ...options, ...session, "-t", topic, "-C", "200");
    assert.deepEqual(out.trim().split("\n"), lines);
  });

  test(`mosquitto ${version} - credentials are asked for what they are`, { skip }, async () => {
    const { thing, token: key } = await http.addThing({ name: `m-${version}`, publish: ["m/#"] });
    const publish = (user: string, password: string, topic: string): Promise<Ended> => {
      const args = ["-V", version, "-u", user, "-P", password, "-t", topic, "-m", "x", "-q", "1"];
      return run("mosquitto_pub", ...args);
    };
    assert.equal((await publish(thing.id, key, "m/x")).code, 0);
    assert.equal((await publish("token", token, "anything")).code, 0);
    const wrong = await publish(thing.id, "wrong", "m/x");
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.err, /refused|not authori[sz]ed|bad user name/i);
  });
}
