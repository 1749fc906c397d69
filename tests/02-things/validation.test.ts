import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type JsonObject, objectAt } from "../../src/kernel/json-object.ts";
import { readModel, readTd } from "../../src/things/wot/described.ts";
import { TdInvalid } from "../../src/things/wot/problem.ts";
import { thingFromModel } from "../../src/things/wot/thing-model.ts";
import { Validator } from "../../src/things/wot/validator.ts";
import { exampleModels, examplesIn, examplesMissing } from "./wot-examples.ts";

const validator = new Validator();
after(() => validator.close());
const options = examplesMissing === undefined ? {} : { skip: examplesMissing };

async function problemOf(read: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (!(error instanceof TdInvalid)) throw error;
    assert.equal(error.code, "TD_INVALID");
    return `${error.problems[0]?.field} ${error.problems[0]?.description}`;
  }
}

type Models = Record<string, JsonObject>;
const td = (text: string, models: Models) => readTd(text, validator, models);
const model = (text: string, models: Models) => readModel(text, validator, { models });

const verdicts = [
  { path: "core/tds/valid", count: 44, read: td, isValid: true },
  { path: "core/tds/warning", count: 6, read: td, isValid: true },
  { path: "core/tds/invalid", count: 23, read: td, isValid: false },
  { path: "core/tms/valid", count: 13, read: model, isValid: true },
  { path: "core/tms/invalid", count: 6, read: model, isValid: false },
];
for (const { path, count, read, isValid } of verdicts) {
  test(`examples - the ${count} of ${path} get their verdict`, options, async () => {
    const models = exampleModels();
    const examples = examplesIn(path);
    assert.equal(examples.length, count);
    for (const [name, text] of examples) {
      const problem = await problemOf(() => read(text, models));
      assert.equal(problem === undefined, isValid, `${name}: ${problem ?? "taken as valid"}`);
    }
  });
}

test(
  "examples - what only the text, or other members, show is named where it is",
  options,
  async () => {
    const models = exampleModels();
    const found = new Map<string, string | undefined>();
    for (const [name, text] of examplesIn("core/tds/invalid")) {
      found.set(name, await problemOf(() => readTd(text, validator, models)));
    }
    assert.deepEqual(
      ["duplicatePropertyAffordanceNames", "duplicateSecurityDefinitions", "invalidSecuMatch"].map(
        (name) => found.get(`${name}.json`),
      ),
      [
        "properties.status is said twice",
        "securityDefinitions.basic_sc is said twice",
        'actions.toggle.forms.0.security names "someScheme", which securityDefinitions lacks',
      ],
    );
    assert.match(found.get("multipleRelType.json") ?? "", /^links has more than one/);
    assert.equal(
      found.get("usingTM.json"),
      'properties.status is of type "number", and string in its model',
    );
    assert.equal(
      found.get("noHref.json"),
      "events.overheating.forms.0 must have required property 'href'",
    );
  },
);

test(
  "Thing Model - the Descriptions that the examples make of models come out alike",
  options,
  () => {
    const models = exampleModels();
    const placeholders = {
      THERMOSTAT_NUMBER: 4,
      VERSION_INFO: { instance: "1.0.1", model: "2.0.0" },
      MQTT_BROKER_ADDRESS: "192.168.178.72:1883",
      THERMOSTAT_TEMPERATURE_MAXIMUM: 47.7,
      THERMOSTAT_TEMPERATURE_OBSERVABLE: true,
    };
    let compared = 0;
    for (const [name, text] of examplesIn("examples-td/16-td-tm-relationships")) {
      const expected = JSON.parse(text) as JsonObject;
      const links = expected["links"] as { rel: string; href: string }[] | undefined;
      const href = links?.find(({ rel }) => rel === "type")?.href;
      // what a description says about placeholders is no placeholder
      const { $description: _about, ...own } = models[href ?? ""] ?? {};
      if (href === undefined || own["title"] === undefined) continue;
      const optional = ["properties", "actions", "events"].flatMap((kind) =>
        Object.keys(objectAt(expected[kind])).map((affordance) => `/${kind}/${affordance}`),
      );
      const made = thingFromModel({ model: own, href, models, placeholders, optional });
      assert.equal(/"tm:\w+":/.test(JSON.stringify(made)), false, name);
      for (const kind of ["properties", "actions", "events"]) {
        // a Thing may have more than its model, and nothing that the model has is missing
        const both = Object.entries(objectAt(made[kind]));
        for (const [one] of both) assert.ok(Object.hasOwn(objectAt(expected[kind]), one), name);
        for (const [one, member] of both) {
          compared++;
          const wanted = objectAt(objectAt(expected[kind])[one]);
          for (const [term, value] of Object.entries(member as JsonObject)) {
            if (term === "tm:ref" || !Object.hasOwn(wanted, term)) continue;
            if (term === "forms") continue;
            assert.partialDeepStrictEqual({ at: wanted[term] }, { at: value }, `${name} ${one}`);
          }
        }
      }
      assert.equal(made["title"], expected["title"], name);
      assert.deepEqual(made["base"], expected["base"], name);
    }
    assert.ok(compared > 25, `only ${compared} compared`);
  },
);

const lamp = {
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "@type": "tm:ThingModel",
  title: "Lamp {{N}}",
  "tm:optional": ["/actions/fade"],
  properties: { on: { type: "boolean" }, level: { type: "integer", maximum: "{{MAX}}" } },
  actions: { fade: {} },
};

test("Thing Model - a placeholder keeps its value's type, and one without a value is named", () => {
  const made = thingFromModel({ model: lamp, placeholders: { N: 7, MAX: 80 }, optional: [] });
  assert.equal(made["title"], "Lamp 7");
  assert.deepEqual(made["properties"], {
    on: { type: "boolean" },
    level: { type: "integer", maximum: 80 },
  });
  assert.deepEqual(made["actions"], {});
  assert.equal("@type" in made, false);
  assert.throws(() => thingFromModel({ model: lamp, placeholders: { N: 7 } }), {
    code: "TD_INVALID",
    message: /placeholders without a value: MAX/,
  });
});

test("Thing Model - a parent's members are inherited and overwritten, relative addresses followed", () => {
  const dimmer = {
    title: "Dimmer",
    links: [{ rel: "tm:extends", href: "lamp.tm.json", type: "application/tm+json" }],
    properties: {
      level: { minimum: 5 },
      night: { "tm:ref": "lamp.tm.json#/properties/level", maximum: 20 },
    },
  };
  const made = thingFromModel({
    model: dimmer,
    href: "https://models.example/dimmer.tm.json",
    models: { "https://models.example/lamp.tm.json": lamp },
    placeholders: { MAX: 100, N: 1 },
  });
  assert.equal(made["title"], "Dimmer");
  assert.deepEqual(made["properties"], {
    on: { type: "boolean" },
    level: { type: "integer", maximum: 100, minimum: 5 },
    night: { type: "integer", maximum: 20 },
  });
  assert.deepEqual(made["links"], [
    { rel: "type", href: "https://models.example/dimmer.tm.json", type: "application/tm+json" },
  ]);
  assert.throws(() => thingFromModel({ model: dimmer }), { message: /lamp.tm.json, which is not/ });
});

test("Thing Model - models that refer to each other, or double at each step, are refused", () => {
  const circle = {
    properties: { a: { "tm:ref": "#/properties/b" }, b: { "tm:ref": "#/properties/a" } },
  };
  assert.throws(() => thingFromModel({ model: circle }), { code: "TD_INVALID" });
  const steps = Array.from({ length: 15 }, (_, step) => {
    const reference = { "tm:ref": `#/definitions/s${step + 1}` };
    return [
      `s${step}`,
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, reference])),
    ];
  });
  const bomb = {
    definitions: { ...Object.fromEntries(steps), s15: {} },
    ...(steps[0]?.[1] as object),
  };
  assert.throws(() => thingFromModel({ model: bomb }), { message: /has more than 20000 members/ });
});

test("Validator - what is no JSON, no object, or takes too long is refused", async () => {
  await assert.rejects(validator.read("td", '{"title":'), {
    code: "TD_INVALID",
    message: /no JSON/,
  });
  await assert.rejects(validator.read("td", "[]"), { message: /must be object/ });
  const hasty = new Validator({ timeMsMax: 1 });
  await assert.rejects(hasty.read("td", JSON.stringify(lamp)), {
    message: /takes longer than 1 ms/,
  });
  await hasty.close();
});
