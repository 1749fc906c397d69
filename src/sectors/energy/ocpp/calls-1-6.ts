import type { Charger } from "./charger.ts";
import type { Calls, Desk } from "./calls.ts";
import { type MeterValue, registerOf } from "./meter-values.ts";

interface Boot {
  readonly chargePointVendor: string;
  readonly chargePointModel: string;
  readonly chargePointSerialNumber?: string;
  readonly firmwareVersion?: string;
}

interface Start {
  readonly connectorId: number;
  readonly idTag: string;
  /** Wh. */
  readonly meterStart: number;
  readonly timestamp: string;
}

interface Stop {
  readonly transactionId: number;
  readonly meterStop: number;
  readonly timestamp: string;
  readonly reason?: string;
  readonly transactionData?: readonly MeterValue[];
}

interface Status {
  readonly connectorId: number;
  readonly status: string;
  readonly errorCode: string;
}

interface Metered {
  readonly connectorId: number;
  readonly transactionId?: number;
  readonly meterValue: readonly MeterValue[];
}

/** What a charge point of OCPP 1.6 may say; each call was checked against the schema. */
export function calls16(charger: Charger, desk: Desk): Calls {
  const idTagInfo = (idTag: string) => {
    return { idTagInfo: { status: desk.idTags.allows(idTag) ? "Accepted" : "Invalid" } };
  };
  return {
    BootNotification: async (boot: Boot) => {
      const { chargePointSerialNumber: serialNumber, firmwareVersion } = boot;
      await charger.booted({
        ...{ vendor: boot.chargePointVendor, model: boot.chargePointModel },
        ...(serialNumber !== undefined && { serialNumber }),
        ...(firmwareVersion !== undefined && { firmwareVersion }),
      });
      return { status: "Accepted", ...desk.bootAnswer() };
    },
    Heartbeat: async () => ({ currentTime: desk.currentTime() }),
    StatusNotification: async ({ connectorId, status, errorCode }: Status) => {
      if (errorCode !== "NoError") charger.fault({ code: "charger", text: errorCode });
      const error = errorCode !== "NoError" && { errorCode };
      await charger.outlet({ evse: connectorId, connector: connectorId, status, ...error });
      return {};
    },
    Authorize: async ({ idTag }: { idTag: string }) => idTagInfo(idTag),
    StartTransaction: async ({ connectorId, idTag, meterStart, timestamp }: Start) => {
      const told = idTagInfo(idTag);
      const registerKwh = meterStart / 1000;
      // OCPP 1.6 §4.8: it has begun, whatever is thought of the tag; the charger ends it then
      const transactionId = await desk.transactions.started(charger, connectorId, {
        ...{ at: timestamp, registerKwh },
      });
      return { transactionId, ...told };
    },
    StopTransaction: async ({ transactionId, meterStop, timestamp, ...stop }: Stop) => {
      const id = String(transactionId);
      const evse = desk.transactions.evseOf(charger.id, id);
      // OCPP 1.6 §4.10: it cannot be refused
      if (evse !== undefined) await charger.metered(evse, stop.transactionData ?? [], id);
      await desk.transactions.ended(charger, id, {
        ...{ at: timestamp, registerKwh: meterStop / 1000, reason: stop.reason ?? "Local" },
      });
      return {};
    },
    MeterValues: async ({ connectorId, transactionId, meterValue }: Metered) => {
      const id = transactionId === undefined ? undefined : String(transactionId);
      const members = await charger.metered(connectorId, meterValue, id);
      const registerKwh = registerOf(members);
      if (id !== undefined) {
        const at = meterValue[0]?.timestamp ?? desk.currentTime();
        await desk.transactions.went(charger, id, { at, evse: connectorId, registerKwh });
      }
      return {};
    },
    DataTransfer: async () => ({ status: "UnknownVendorId" }),
    FirmwareStatusNotification: async ({ status }: { status: string }) => {
      await charger.firmware(status);
      return {};
    },
    DiagnosticsStatusNotification: async ({ status }: { status: string }) => {
      desk.note(charger, `diagnostics: ${status}`);
      return {};
    },
  };
}
