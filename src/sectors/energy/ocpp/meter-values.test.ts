import assert from "node:assert/strict";
import { test } from "node:test";
import { measuredOf } from "./meter-values.ts";

const timestamp = "2026-11-23T10:00:00Z";

test("meter values - OCPP 1.6: text, units named or not, phases, in the model's words", () => {
  const { members, faults } = measuredOf({
    timestamp,
    sampledValue: [
      { value: "12345" },
      { value: "7.2", measurand: "Power.Active.Import", unit: "kW" },
      { value: "10.5", measurand: "Current.Import", phase: "L1" },
      { value: "10.4", measurand: "Current.Import", phase: "L2", unit: "A" },
      { value: "231", measurand: "Voltage", phase: "L1-N", unit: "V" },
      { value: "400", measurand: "Voltage", phase: "L1-L2", unit: "V" },
      { value: "54", measurand: "SoC", location: "EV", unit: "Percent" },
      { value: "95", measurand: "Temperature", unit: "Fahrenheit" },
      { value: "22000", measurand: "Power.Offered", unit: "W" },
      { value: "30", measurand: "Temperature", unit: "Celsius", location: "Body" },
    ],
  });
  assert.deepEqual(members, {
    totalActiveEnergyImport: 12.345,
    totalActivePower: 7200,
    current: { L1: 10.5, L2: 10.4 },
    phaseVoltage: { L1: 231 },
    phaseToPhaseVoltage: { L12: 400 },
    stateOfCharge: 0.54,
    temperature: 35,
    ocpp: {
      "Power.Offered": { value: 22_000, unit: "W" },
      "Temperature@Body": { value: 30, unit: "Cel" },
    },
  });
  assert.deepEqual(faults, []);
});

test("meter values - OCPP 2.0.1: numbers with a multiplier; phases are summed, export is negative", () => {
  const perPhase = (["L1", "L2", "L3"] as const).map((phase) => {
    return { value: 2.3, measurand: "Power.Active.Import", phase, unitOfMeasure: { unit: "kW" } };
  });
  const { members } = measuredOf({ timestamp, sampledValue: perPhase });
  assert.deepEqual(members, {
    activePower: { L1: 2300, L2: 2300, L3: 2300 },
    totalActivePower: 6900,
  });
  const both = measuredOf({
    timestamp,
    sampledValue: [
      { value: 0, measurand: "Power.Active.Import", unitOfMeasure: { unit: "W" } },
      { value: 35, measurand: "Power.Active.Export", unitOfMeasure: { unit: "W", multiplier: 2 } },
      { value: 4, measurand: "Energy.Active.Import.Register", unitOfMeasure: { multiplier: 3 } },
    ],
  });
  assert.deepEqual(both.members, { totalActivePower: -3500, totalActiveEnergyImport: 4 });
});

test("meter values - what is no number, signed or absurd is left out and counted", () => {
  const { members, faults } = measuredOf({
    timestamp,
    sampledValue: [
      { value: "" },
      { value: "NaN", measurand: "Voltage", phase: "L1" },
      { value: "1e30", measurand: "Power.Active.Import" },
      { value: "c2lnbmVk", format: "SignedData" },
      { value: "5", measurand: "Power.Active.Import", unit: "A" },
    ],
  });
  assert.deepEqual(members, { ocpp: { "Power.Active.Import": { value: 5, unit: "A" } } });
  assert.deepEqual(
    faults.map(({ code }) => code),
    ["value", "value", "value", "signed"],
  );
});
