import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ProductResource } from "../../src/client/resources.ts";
import { runCli } from "../../src/cli/program.ts";

let folder: string;
let data: string;
let node: Running;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-cli-"));
  data = join(folder, "node");
  node = await up("--name", "rotterdam", "--title", "Rotterdam Transit");
});
after(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly out: () => string;
  readonly err: () => string;
  stop(): Promise<number>;
}

function start(args: readonly string[], env: Record<string, string> = {}) {
  const texts = { out: "", err: "" };
  const stopping = new AbortController();
  const done = runCli(args, {
    stdout: { write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    env,
    signal: stopping.signal,
  });
  const stop = async (): Promise<number> => {
    stopping.abort();
    return done;
  };
  return { texts, done, stop };
}

async function comity(...args: string[]): Promise<Ran> {
  const { texts, done } = start(["--data", data, ...args]);
  const code = await done;
  return { code, ...texts };
}

/** What a command prints with --json. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await comity("--json", ...args);
  assert.equal(code, 0, err);
  return JSON.parse(out) as T;
}

async function up(...flags: string[]): Promise<Running> {
  const args = ["--data", data, "up", "--http", "0", "--mqtt", "0", ...flags];
  const { texts, done, stop } = start(args);
  const failed = done.then((code) => assert.fail(`up ended with ${code}: ${texts.err}`));
  while (!texts.out.includes("Ctrl-C")) await Promise.race([pause(), failed]);
  failed.catch(() => {}); // it ends when the test stops it
  return { out: () => texts.out, err: () => texts.err, stop };
}

test("comity up - prints its addresses and, the first time, the admin token", async () => {
  assert.match(node.out(), /console and API {2}http:\/\/127\.0\.0\.1:\d+/);
  assert.match(node.out(), /MQTT {13}mqtt:\/\/127\.0\.0\.1:\d+/);
  assert.match(node.out(), /admin token {6}[A-Za-z0-9_-]{43} /);
  assert.match(node.out(), /sign in {10}http:\S+#sign-in=[A-Za-z0-9_-]{43} /);
  const { mode } = await stat(join(data, "admin-token"));
  assert.equal(mode & 0o777, 0o600);
  assert.equal(node.err(), "");
});

test("comity status - finds node and token in the data folder", async () => {
  const { code, out } = await comity("status");
  assert.equal(code, 0);
  assert.match(out, /^rotterdam \(did:web:/);
});

test("comity - a device is added, publishes, and its stream is offered, found and watched", async () => {
  const added = await comity("thing", "add", "bus-7", "--kind", "bus", "--place", "51.9,4.5");
  assert.match(added.out, /mosquitto_pub -h 127\.0\.0\.1 -p \d+ -u bus-7 -P \S+ .*-t bus-7\/hello/);
  const things = await json<{ id: string; kind: string }[]>("thing", "list");
  assert.deepEqual(
    things.map(({ id, kind }) => `${id} ${kind}`),
    ["bus-7 bus"],
  );

  const offered = await comity("product", "add", "--title", "Bus positions", ...PRODUCT);
  assert.match(offered.out, /offered as bus-positions: logged, 0.002 EUR per 10 messages/);
  const found = await comity("find", "BUS");
  assert.match(found.out, /bus-positions:\S+ +Bus positions +\S.* at most 1,000 messages/);

  const csv = join(folder, "positions.csv");
  await writeFile(csv, "time,lat\n2026-01-01 00:00:00,51.90\n2026-01-01 00:00:01,51.910\n");
  const map = join(folder, "map.yaml");
  await writeFile(map, "topic: bus-7/{file}\npayload: {t: time, lat: lat}\ntime: time\n");
  const tail = start(["--data", data, "tail", "bus-7/#", "--count", "2"]);
  await pause(300);
  const replayed = await comity("replay", csv, "--map", map, "--speed", "max");
  assert.match(replayed.out, /2 rows acknowledged/);
  assert.equal(await tail.done, 0, tail.texts.err);
  assert.equal(
    tail.texts.out,
    'bus-7/positions  {"t":"2026-01-01 00:00:00","lat":"51.90"}\n' +
      'bus-7/positions  {"t":"2026-01-01 00:00:01","lat":"51.910"}\n',
  );
  const again = await comity("replay", csv, "--map", map, "--speed", "max");
  assert.equal(again.code, 0);
  const status = await json<{ http: { url: string } }>("status");
  const logs = await fetch(`${status.http.url}/api/v1/logs`, { headers: await bearer() });
  const [log] = (await logs.json()) as { messages: number }[];
  assert.equal(log?.messages, 2, "replaying again added nothing");
});

const PRODUCT = ["--topic", "bus-7/#", "--price", "0.002 EUR", "--per", "10"].concat([
  "--messages-max",
  "1000",
]);

test("comity product add - every term has its flag, and show tells them in plain words", async () => {
  const area = join(folder, "area.geojson");
  const ring = [4, 5, 5, 4].map((lon, i) => [lon, i === 2 ? 52 : 51]);
  const geometry = { type: "Polygon", coordinates: [ring] };
  await writeFile(area, JSON.stringify({ type: "Feature", properties: {}, geometry }));
  const line =
    "product add tram --topic tram/# --price free --only-topic tram/7/# --field lat --field lon " +
    "--field car --field when --drop lon.raw --round lat=0.01 --pseudonymise car " +
    "--shift when=30 --shift-by car " +
    "--not-before 2099-01-01T00:00:00Z --not-after 2100-01-01T00:00:00Z --life 30d " +
    "--data-from 2098-01-01T00:00:00Z --data-until 2099-01-01T00:00:00Z " +
    "--messages-max 1000 --bytes-max 5MB --rate 1/10s/topic " +
    "--purpose research --recipient did:web:city.example --jurisdiction NL --no-resharing " +
    "--delete-after 30d --attribution Rotterdam";
  const made = await json<ProductResource>(...line.split(" "), "--area", area);
  assert.deepEqual(made.terms, {
    price: { amount: "0", currency: "XXX", perMessages: 1 },
    topics: ["tram/7/#"],
    fields: ["lat", "lon", "car", "when"],
    drop: ["lon.raw"],
    round: { lat: 0.01 },
    pseudonymise: ["car"],
    shift: { when: 30 },
    shiftBy: "car",
    notBefore: "2099-01-01T00:00:00Z",
    notAfter: "2100-01-01T00:00:00Z",
    lifeSeconds: 2_592_000,
    dataFrom: "2098-01-01T00:00:00Z",
    dataUntil: "2099-01-01T00:00:00Z",
    messagesMax: 1000,
    bytesMax: 5_000_000,
    rate: { messages: 1, seconds: 10, per: "topic" },
    area: geometry,
    purposes: ["research"],
    recipients: ["did:web:city.example"],
    jurisdictions: ["NL"],
    noResharing: true,
    deleteAfterSeconds: 2_592_000,
    attribution: "Rotterdam",
  });
  const shown = await comity("product", "show", "tram");
  assert.match(
    shown.out,
    /You may use the messages whose topic fits tram\/7\/#, from 1 January 2099/,
  );
  assert.match(
    shown.out,
    /^ {2}enforced {2}Delivered at most 1 message every 10 seconds on each topic/m,
  );
  assert.match(shown.out, /^ {2}attested {2}You may not pass the data on to others\.$/m);
  const found = await comity("find", "tram", "--verbose");
  assert.match(found.out, /attested {2}Used only for research/);
  const wrongs: readonly (readonly [RegExp, readonly string[]])[] = [
    [/--round "lat"/, ["--round", "lat"]],
    [/--shift "when"/, ["--shift", "when"]],
    [/--rate "1\/10s"/, ["--rate", "1/10s"]],
    [/--life "soon"/, ["--life", "soon"]],
    [/--bytes-max "5 apples"/, ["--bytes-max", "5 apples"]],
    [/holds no single Polygon/, ["--area", join(folder, "positions.geojson")]],
    [/rate.seconds/, ["--rate", "1/2h/topic"]],
    [/jurisdictions name "Europe"/, ["--jurisdiction", "Europe"]],
    [/drop names "lat", and so does fields/, ["--field", "lat", "--drop", "lat"]],
  ];
  await writeFile(join(folder, "positions.geojson"), '{"type":"Point","coordinates":[1,2]}');
  for (const [problem, flags] of wrongs) {
    const refused = await comity(
      "product",
      "add",
      "x",
      "--topic",
      "x",
      "--price",
      "free",
      ...flags,
    );
    assert.equal(refused.code, 1);
    assert.match(refused.err, problem);
  }
  const conditions = join(folder, "conditions.txt");
  await writeFile(
    conditions,
    "We may change prices at any time.\nThree months' notice is given.\n",
  );
  const linted = await comity("product", "lint", "tram", "--conditions", conditions);
  assert.match(linted.out, /points to Art\. 13\(5\)\(g\), presumed unfair/);
  assert.match(linted.out, /Art\. 13\(5\)\(c\) {2}Did the buyer provide or generate these data/);
  assert.equal((await comity("product", "remove", "tram")).code, 0);
});

test("comity product add - takes a YAML file, and flags win over it", async () => {
  const file = join(folder, "product.yaml");
  const lines = ["title: Soil", "topics: [soil/#]", "delivery: live"];
  await writeFile(file, `${lines.join("\n")}\nterms: {price: 5 KES, fields: [vwc]}\n`);
  const made = await json<Record<string, unknown>>("product", "add", "--file", file, "--logged");
  assert.deepEqual([made["id"], made["delivery"]], ["soil", "logged"]);
  assert.deepEqual(made["terms"], {
    price: { amount: "5", currency: "KES", perMessages: 1 },
    fields: ["vwc"],
  });
  assert.match((await comity("product", "remove", "soil")).out, /offered no more/);
});

test("comity product add - takes a policy for what flags cannot say, and shows it in words", async () => {
  const file = join(folder, "policy.yaml");
  const topic = "{leftOperand: comity:topic, operator: isAnyOf, rightOperand: [ferry/crew]}";
  const lines = [
    "permission: [{action: use}]",
    `prohibition: [{action: use, constraint: ${topic}}]`,
  ];
  await writeFile(file, lines.join("\n"));
  const add = ["product", "add", "ferry", "--topic", "ferry/#", "--policy", file];
  const { policy } = await json<{ policy: { prohibition: unknown } }>(...add, "--price", "1 EUR");
  assert.deepEqual(policy.prohibition, [
    {
      action: "use",
      constraint: [
        { leftOperand: "comity:topic", operator: "isAnyOf", rightOperand: ["ferry/crew"] },
      ],
    },
  ]);
  const shown = await comity("product", "show", "ferry");
  assert.match(shown.out, /enforced .*ferry\/crew/);
  assert.match(shown.out, /owed .*1 EUR/);
  await comity("product", "remove", "ferry");
  await writeFile(file, "- a list");
  assert.match((await comity(...add)).err, /policy\.yaml holds no policy/);
});

test("comity - every error is one line what failed and one line what to do", async () => {
  const absent = join(folder, "absent");
  const runs: [RegExp, string[]][] = [
    [/^comity: There is no Thing none\.\n {2}\S.*\n$/, ["thing", "remove", "none"]],
    [
      /^comity: .*--price "cheap".*\n {2}.*\n$/,
      ["product", "add", "x", "--topic", "x", "--price", "cheap"],
    ],
    [/^comity: .*needs a --price.*\n {2}.*\n$/, ["product", "add", "x", "--topic", "x"]],
    [/^comity: .*absent cannot be read.*\n {2}.*\n$/, ["verify", absent]],
    [/^comity: .*absent cannot be read.*\n {2}.*\n$/, ["up", "--config", absent]],
    [/^comity: .*--http "x".*\n {2}.*\n$/, ["up", "--http", "x"]],
    [
      /^comity: Cannot reach http:\/\/127\.0\.0\.1:1.*\n {2}.*\n$/,
      ["--url", "http://127.0.0.1:1", "status"],
    ],
    [/^comity: The topic filter 'a\/#\/b' .*\n {2}.*\n$/, ["tail", "a/#/b"]],
    [/^comity: There is no agreement x\.\n {2}.*\n$/, ["revoke", "x"]],
    [/^comity: The data in .* is in use by another node\.\n {2}.*\n$/, ["up", "--http", "0"]],
  ];
  for (const [expected, args] of runs) {
    const { code, err } = await comity(...args);
    assert.match(err, expected);
    assert.equal(code, 1);
  }
  const unknown = await comity("stauts");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /Did you mean status/);
  const machine = await comity("--json", "thing", "remove", "none");
  const { error } = JSON.parse(machine.err) as { error: { code: string } };
  assert.equal(error.code, "NOT_FOUND");
});

test("comity user - adds a trader with a budget, changes it, and takes the token back", async () => {
  const { token } = await json<{ token: string }>(
    ...["user", "add", "agent", "--role", "trader", "--budget", "20EUR/month"],
  );
  const asAgent = ["--token", token];
  assert.match((await comity("user", "list")).out, /^agent +trader +20 EUR a month$/m);
  assert.match((await comity(...asAgent, "user", "list")).err, /trader agent may not/);
  assert.match((await comity("user", "budget", "agent", "50 EUR/month")).out, /^agent: 50 EUR a/);
  assert.match((await comity("user", "budget", "agent", "none")).out, /^agent: no limit$/m);
  const wrong = await comity("user", "budget", "agent", "lots");
  assert.match(wrong.err, /^comity: .*the budget "lots" is not an amount a month/);
  const viewer = await comity("user", "add", "v", "--budget", "1EUR/month");
  assert.match(viewer.err, /a budget is for the role trader, not viewer/);
  assert.equal((await comity("user", "remove", "agent")).code, 0);
  assert.match((await comity(...asAgent, "status")).err, /the one sent is not known/);
});

test("comity verify - names what is wrong with a bill, without a node", async () => {
  const file = join(folder, "bill.json");
  await writeFile(file, '{"v":1');
  assert.match((await comity("verify", file)).err, /^comity: The evidence does not verify/);
  await writeFile(file, '{"v":1}');
  const { code, err } = await comity("verify", file);
  assert.equal(code, 1);
  assert.match(err, /^comity: The evidence does not verify.*\n {2}\S/);
});

test("comity up - a config file is checked, and what is unknown in it is named", async () => {
  const config = join(folder, "config.json");
  await writeFile(config, '{"nmae":"x"}');
  assert.match((await comity("up", "--config", config)).err, /config\.json\/nmae is no member/);
  await writeFile(config, '{"limits":{"connectionsMaximum":1}}');
  assert.match(
    (await comity("up", "--config", config)).err,
    /limits\/connectionsMaximum is no member/,
  );
});

test("comity up - stops on request, leaves no address behind, and starts again without a token", async () => {
  assert.equal(await node.stop(), 0);
  assert.ok(!existsSync(join(data, "address.json")));
  node = await up("--dev");
  assert.match(node.out(), /admin token {6}in .*admin-token/);
  assert.match(node.err(), /--dev: ANYBODY/);
  assert.equal((await json<unknown[]>("thing", "list")).length, 1);
});

async function bearer(): Promise<Record<string, string>> {
  const token = await readFile(join(data, "admin-token"), "utf8");
  return { authorization: `Bearer ${token.trim()}` };
}

function pause(ms = 10): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

test("comity thing - a Description comes from a file or a model, and the node adds its forms", async () => {
  const model = join(folder, "lamp.tm.json");
  const base = join(folder, "switch.tm.json");
  const context = "https://www.w3.org/2022/wot/td/v1.1";
  const type = "tm:ThingModel";
  const links = [{ rel: "tm:extends", href: "switch.tm.json", type: "application/tm+json" }];
  const level = { type: "integer", minimum: 0, maximum: "{{MAX}}" };
  await writeFile(
    base,
    JSON.stringify({ "@context": context, "@type": type, properties: { on: { type: "boolean" } } }),
  );
  await writeFile(
    model,
    JSON.stringify({
      ...{ "@context": context, "@type": type, title: "Lamp {{N}}", links },
      properties: { level },
      "tm:optional": ["/actions/fade"],
      actions: { fade: {} },
    }),
  );
  const lacking = await comity("thing", "add", "lamp", "--model", model, "--placeholder", "N=1");
  assert.match(lacking.err, /leaves placeholders without a value: MAX/);
  const values = ["--placeholder", "N=1", "--placeholder", "MAX=80"];
  const added = await comity("thing", "add", "lamp", "--model", model, ...values);
  assert.equal(added.code, 0, added.err);
  const td = await json<{
    title: string;
    properties: Record<string, { maximum?: number; forms: { href: string }[] }>;
    actions: object;
  }>("thing", "show", "lamp");
  assert.equal(td.title, "Lamp 1");
  assert.deepEqual(Object.keys(td.properties), ["on", "level"]);
  assert.equal(td.properties["level"]?.maximum, 80);
  assert.match(
    td.properties["on"]?.forms[0]?.href ?? "",
    /\/api\/v1\/things\/lamp\/properties\/on$/,
  );
  assert.deepEqual(Object.keys(td.actions), ["fade"]);

  const file = join(folder, "lamp.td.json");
  await writeFile(file, '{"title":"A","properties":{"on":{},"on":{}}}');
  const twice = await comity("thing", "describe", "lamp", "--td", file);
  assert.match(twice.err, /properties\.on is said twice/);
  await writeFile(file, '{"title":"Lamp","properties":{"on":{"type":"bool"}}}');
  const wrong = await comity("thing", "describe", "lamp", "--td", file);
  assert.match(wrong.err, /properties\.on\.type must be equal to one of the allowed values/);
  await writeFile(file, '{"title":"Lamp","properties":{"on":{"type":"boolean"}}}');
  const described = await comity("thing", "describe", "lamp", "--td", file);
  assert.equal(described.out, "lamp is described: 1 property, 1 event.\n");
  await comity("thing", "remove", "lamp");
});
