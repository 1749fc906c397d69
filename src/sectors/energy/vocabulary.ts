import type { MemberModel, Vocabulary } from "../sector.ts";

const energy = "https://github.com/smart-data-models/dataModel.Energy";
const greenEnergy = "https://github.com/smart-data-models/dataModel.GreenEnergy";
const transportation = "https://github.com/smart-data-models/dataModel.Transportation";
const ocpp = "https://openchargealliance.org/protocols/open-charge-point-protocol/";
const openAdr = "https://www.openadr.org/openadr-3-0";
const weather = "https://github.com/smart-data-models/dataModel.Weather";

/** One value for each line of a three-phase supply. */
const perLine = (title: string): MemberModel => ({ type: "object", title: `${title}: L1, L2, L3` });
const irradiance = { type: "number", unit: "W/m2", minimum: -20, maximum: 1800 } as const;

/** What messages of energy look like. */
export const vocabulary: Vocabulary = {
  version: "1.1.0",
  messages: {
    PhotovoltaicMeasurement: {
      title: "What a photovoltaic plant gives",
      source: `${greenEnergy}/tree/master/PhotovoltaicMeasurement`,
      required: ["id", "type", "dateObserved", "refPhotovoltaicDevice"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        refPhotovoltaicDevice: { type: "string", title: "The plant's id" },
        activePower: { type: "number", unit: "kW" },
        current: { type: "number", unit: "A" },
        // the model's own minimum, 0, knows no winter
        temperature: {
          type: "number",
          unit: "Cel",
          minimum: -60,
          maximum: 150,
          title: "Of modules",
        },
        planeOfArrayIrradiance: { ...irradiance, title: "On the panels; not of the model" },
        pvdaq: { type: "object", title: "Channels under their recorded names; not of the model" },
      },
    },
    PhotovoltaicDevice: {
      title: "A photovoltaic plant: where it stands and how large it is",
      source: `${greenEnergy}/tree/master/PhotovoltaicDevice`,
      required: ["id", "type", "location", "mounting"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        location: { type: "object", title: "GeoJSON Point" },
        NominalPower: { type: "number", unit: "W", minimum: 0, title: "Under standard conditions" },
        mounting: {
          type: "object",
          title: "tilt from level and azimuth from north over east, degrees; not of the model",
        },
      },
    },
    ThreePhaseAcMeasurement: {
      title: "What a meter of alternating current measures",
      source: `${energy}/tree/master/ThreePhaseAcMeasurement`,
      required: ["id", "type", "dateObserved"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        totalActivePower: { type: "number", unit: "W", title: "Consumed, all phases" },
        totalActiveEnergyImport: { type: "number", unit: "kW.h", minimum: 0 },
        totalActiveEnergyExport: { type: "number", unit: "kW.h", minimum: 0 },
        frequency: { type: "number", unit: "Hz", minimum: 0 },
        activePower: perLine("W consumed"),
        current: perLine("A"),
        phaseVoltage: perLine("V against neutral"),
        phaseToPhaseVoltage: { type: "object", title: "V between lines: L12, L23, L31" },
        totalReactivePower: { type: "number", title: "var, all phases" },
        stateOfCharge: {
          type: "number",
          unit: "1",
          minimum: 0,
          maximum: 1,
          title: "Of the vehicle; not of the model",
        },
        transaction: { type: "string", title: "ChargingTransaction's id; not of the model" },
        ocpp: { type: "object", title: "Measurands the model has no word for" },
      },
    },
    EVChargingStation: {
      title: "A charger of electric vehicles: its connectors and whether they are free",
      source: `${transportation}/tree/master/EVChargingStation`,
      // OCPP tells nothing of sockets' kinds and of vehicles, which the model requires
      required: ["id", "type", "name", "status"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        name: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC; not of the model" },
        status: { type: "string", title: "working, full, withIncidence or outOfService" },
        capacity: { type: "number", minimum: 0, title: "Vehicles that charge at a time" },
        socketNumber: { type: "number", minimum: 0 },
        availableCapacity: { type: "number", minimum: 0 },
        online: { type: "boolean", title: "Connected to the node; not of the model" },
        outlets: { type: "array", title: "evse, connector, status by OCPP; not of the model" },
        ocpp: { type: "object", title: "Vendor, model, serial number, firmware; not of the model" },
        firmwareStatus: { type: "string", title: "By OCPP; not of the model" },
      },
    },
    ChargingTransaction: {
      title: "A vehicle that charges or has charged; who drives it is not told",
      source: ocpp,
      required: ["id", "type", "refChargingStation", "evse", "startedAt", "state"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        refChargingStation: { type: "string" },
        evse: { type: "number", minimum: 0 },
        state: { type: "string", title: "open or ended" },
        startedAt: { type: "string", title: "ISO 8601, UTC" },
        endedAt: { type: "string", title: "ISO 8601, UTC" },
        energy: { type: "number", unit: "kW.h", minimum: 0 },
        reason: { type: "string", title: "Why it ended, by OCPP" },
      },
    },
    ChargerEvent: {
      title: "What a charger watches and found worth telling",
      source: ocpp,
      required: ["id", "type", "dateObserved", "trigger", "value"],
      members: {
        id: { type: "string", title: "Charger/component/variable" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        trigger: { type: "string", title: "Alerting, Delta or Periodic" },
        value: { type: "string" },
        cleared: { type: "boolean" },
      },
    },
    DemandResponseReport: {
      title: "What was done at a call to take less, with what meters said before and since",
      source: openAdr,
      required: ["type", "objectType", "programID", "eventID", "clientName", "state", "resources"],
      members: {
        type: { type: "string", title: "Not of OpenADR, as are all sums" },
        objectType: { type: "string", title: "REPORT" },
        programID: { type: "string" },
        eventID: { type: "string" },
        clientName: { type: "string" },
        state: { type: "string", title: "accepted, active, ended, cancelled or refused" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        limitKw: { type: "number", unit: "kW", minimum: 0, title: "Now, of all chargers together" },
        beforeKw: { type: "number", unit: "kW", title: "Of the measured, before it began" },
        afterKw: { type: "number", unit: "kW", title: "Of the measured, lately" },
        reductionKw: { type: "number", unit: "kW" },
        chargers: { type: "number", minimum: 0, title: "That the call is for" },
        set: { type: "number", minimum: 0, title: "That have taken the limit" },
        refused: { type: "number", minimum: 0 },
        pending: { type: "number", minimum: 0, title: "Not connected" },
        measured: { type: "number", minimum: 0, title: "Before it and since it began" },
        problem: { type: "string", title: "Why it was refused" },
        resources: { type: "array", title: "As OpenADR has it: BASELINE and DEMAND, kW" },
      },
    },
    WeatherObserved: {
      title: "Weather at a station",
      source: `${weather}/tree/master/WeatherObserved`,
      required: ["id", "type", "dateObserved"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        temperature: { type: "number", unit: "Cel", minimum: -70, maximum: 70 },
        relativeHumidity: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        windSpeed: { type: "number", unit: "m/s", minimum: 0, maximum: 120 },
        solarRadiation: { ...irradiance, title: "On the level" },
        planeOfArrayIrradiance: { ...irradiance, title: "On a tilted sensor; not of the model" },
        pvdaq: { type: "object", title: "Channels under their recorded names; not of the model" },
      },
    },
  },
};
