/** As a newcomer tries it from the README: with mosquitto_pub, mosquitto_sub and mosquitto_rr. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { until } from "../two-nodes.ts";
import { authority, issue, noOpenssl } from "./certificates.ts";
import { oneNode } from "./one-node.ts";

const installed = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
const skip = installed ? false : "mosquitto_pub is not installed (Debian: mosquitto-clients)";
const folder = await mkdtemp(join(tmpdir(), "comity-mosquitto-"));
after(() => rm(folder, { recursive: true, force: true }));
const noTls = skip || noOpenssl();
const fleet = noTls ? undefined : authority(folder, "fleet");
const { node, http, token } = await oneNode(
  {},
  fleet === undefined
    ? {}
    : {
        transports: {
          mqtts: { host: "127.0.0.1", port: 0 },
          tls: { ...issue(folder, "localhost", fleet), clientAuthorities: fleet.certificate },
          origins: [],
        },
      },
);
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

/** A mosquitto_sub that runs: what it has printed, line by line. */
interface Reader {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
}

/**
 * Resolves when its subscriptions stand: it has printed what is retained on a topic that comes with
 * them, which is not among its lines.
 */
async function startReader(t: TestContext, ...args: readonly string[]): Promise<Reader> {
  await run("mosquitto_pub", "-t", "ready", "-m", "is ready", "-r", "-q", "1");
  const child = spawn("mosquitto_sub", ["-p", port, ...args, "-t", "ready"]);
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  const printed = (): string[] => out.split("\n").slice(0, -1);
  await until("a reader is ready", () => printed().some((line) => line.includes("is ready")));
  return {
    child,
    get lines() {
      return printed().filter((line) => !line.includes("is ready"));
    },
  };
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

  test(`mosquitto ${version} - what is retained stays until it is removed`, { skip }, async () => {
    const topic = `${at}/retained`;
    const put = (...args: string[]) =>
      run("mosquitto_pub", "-V", version, "-q", "1", "-r", ...args);
    for (const name of ["a", "b"]) await put("-t", `${topic}/${name}`, "-m", `old ${name}`);
    await put("-t", `${topic}/a`, "-m", "new a");
    const all = ["-V", version, "-t", `${topic}/#`, "-F", "%r %q %t %p", "-q", "1"];
    const stored = async (): Promise<string[]> => {
      const { out } = await run("mosquitto_sub", ...all, "--retained-only", "-C", "2");
      return out.trim().split("\n").toSorted();
    };
    assert.deepEqual(await stored(), [`1 1 ${topic}/a new a`, `1 1 ${topic}/b old b`]);
    await put("-t", `${topic}/a`, "-n");
    await put("-t", `${topic}/c`, "-m", "only c");
    assert.deepEqual(await stored(), [`1 1 ${topic}/b old b`, `1 1 ${topic}/c only c`]);
  });

  test(`mosquitto ${version} - a will is told of who was killed alone`, { skip }, async (t) => {
    const topic = `${at}/gone`;
    const watcher = await startReader(t, "-V", version, "-q", "1", "-v", "-t", `${topic}/#`);
    const mortal = (name: string): readonly string[] => {
      const will = ["--will-topic", `${topic}/${name}`, "--will-payload", "gone"];
      return ["-V", version, "-i", `${at}-${name}`, ...will, "--will-qos", "1"];
    };
    // It says DISCONNECT once it has printed what is retained there.
    const polite = await run("mosquitto_sub", ...mortal("polite"), "-t", "ready", "-C", "1");
    assert.equal(polite.code, 0);
    const killed = await startReader(t, ...mortal("killed"));
    killed.child.kill("SIGKILL");
    await until("the will is told", () => watcher.lines.length > 0);
    assert.deepEqual(watcher.lines, [`${topic}/killed gone`]);
  });

  test(`mosquitto ${version} - a share's members divide what comes`, { skip }, async (t) => {
    const topic = `${at}/jobs`;
    const args = ["-V", version, "-q", "1", "-t", `$share/workers/${topic}`];
    const members = [await startReader(t, ...args), await startReader(t, ...args)];
    const jobs = Array.from({ length: 100 }, (_, i) => `job ${i}`);
    const publisher = spawn("mosquitto_pub", ["-p", port, "-t", topic, "-q", "1", "-l"]);
    publisher.stdin.end(`${jobs.join("\n")}\n`);
    const done = (): string[] => members.flatMap(({ lines }) => lines);
    await until("all jobs are done", () => done().length >= jobs.length);
    assert.deepEqual(done().toSorted(), jobs.toSorted());
    for (const { lines } of members) assert.ok(lines.length > 0, "a member has no work");
  });

  test(
    `mosquitto ${version} - speaks TLS, with a certificate or without`,
    { skip: noTls },
    async () => {
      const [url] = node.transportUrls.filter((one) => one.startsWith("mqtts:"));
      const secure = new URL(url!).port;
      const publish = (...args: string[]): Promise<Ended> => {
        const message = ["-t", `${at}/tls`, "-m", "sealed", "-q", "2", "-r"];
        return run("mosquitto_pub", "-V", version, "-p", secure, ...message, ...args);
      };
      const name = `truck-${version}`;
      const { key, certificate } = issue(folder, name, fleet!);
      const trusted = ["--cafile", fleet!.certificate];
      assert.equal((await publish(...trusted)).code, 0);
      assert.equal((await publish(...trusted, "--cert", certificate, "--key", key)).code, 0);
      const stranger = authority(folder, `stranger-${version}`);
      assert.notEqual((await publish("--cafile", stranger.certificate)).code, 0);
      const { out } = await run("mosquitto_sub", "-V", version, "-t", `${at}/tls`, "-C", "1");
      assert.equal(out.trim(), "sealed");
    },
  );
}

test("mosquitto mqttv5 - properties pass from one to the other", { skip }, async (t) => {
  const format = "%C %R %D %F %S %P %p";
  const subscriber = ["-V", "mqttv5", "-t", "properties", "-F", format, "-q", "1"];
  const reader = await startReader(
    t,
    ...subscriber,
    "-D",
    "subscribe",
    "subscription-identifier",
    "7",
  );
  const properties = [
    ["content-type", "text/plain"],
    ["response-topic", "answers"],
    ["correlation-data", "42"],
    ["payload-format-indicator", "1"],
    ["user-property", "unit", "bar"],
  ].flatMap((property) => ["-D", "publish", ...property]);
  const message = ["-t", "properties", "-m", "3.5", "-q", "1"];
  await run("mosquitto_pub", "-V", "mqttv5", ...message, ...properties);
  await until("it comes", () => reader.lines.length > 0);
  assert.deepEqual(reader.lines, ["text/plain answers 42 1 7 unit:bar 3.5"]);
});

test("mosquitto mqttv5 - a request is answered where its sender waits", { skip }, async (t) => {
  const subscriber = ["-V", "mqttv5", "-t", "questions", "-F", "%R %p"];
  const reader = await startReader(t, ...subscriber);
  const asked = run(
    "mosquitto_rr",
    "-V",
    "mqttv5",
    "-t",
    "questions",
    "-e",
    "answers/1",
    "-m",
    "how",
  );
  await until("the question comes", () => reader.lines.length > 0);
  assert.deepEqual(reader.lines, ["answers/1 how"]);
  await run("mosquitto_pub", "-V", "mqttv5", "-t", "answers/1", "-m", "so");
  const { code, out } = await asked;
  assert.deepEqual([code, out.trim()], [0, "so"]);
});
