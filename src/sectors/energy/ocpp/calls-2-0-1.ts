import type { Calls, Desk } from "./calls.ts";
import type { Charger } from "./charger.ts";
import { type MeterValue, registerOf } from "./meter-values.ts";

interface Boot {
  readonly chargingStation: {
    readonly vendorName: string;
    readonly model: string;
    readonly serialNumber?: string;
    readonly firmwareVersion?: string;
  };
}

interface Status {
  readonly evseId: number;
  readonly connectorId: number;
  readonly connectorStatus: string;
}

interface IdToken {
  readonly idToken: string;
  readonly type: string;
}

interface TransactionEvent {
  readonly eventType: "Started" | "Updated" | "Ended";
  readonly timestamp: string;
  readonly transactionInfo: { readonly transactionId: string; readonly stoppedReason?: string };
  readonly evse?: { readonly id: number };
  readonly idToken?: IdToken;
  readonly meterValue?: readonly MeterValue[];
}

interface EventData {
  readonly timestamp: string;
  readonly trigger: string;
  readonly actualValue: string;
  readonly cleared?: boolean;
  readonly component: { readonly name: string };
  readonly variable: { readonly name: string };
}

/** What a charging station of OCPP 2.0.1 may say; each call was checked against the schema. */
export function calls201(charger: Charger, desk: Desk): Calls {
  const infoOf = ({ idToken, type }: IdToken) => {
    const tag = type === "NoAuthorization" ? undefined : idToken;
    return { idTokenInfo: { status: desk.idTags.allows(tag) ? "Accepted" : "Invalid" } };
  };
  const nothing = async () => ({});
  return {
    BootNotification: async ({ chargingStation: station }: Boot) => {
      const { vendorName: vendor, model, serialNumber, firmwareVersion } = station;
      await charger.booted({
        ...{ vendor, model },
        ...(serialNumber !== undefined && { serialNumber }),
        ...(firmwareVersion !== undefined && { firmwareVersion }),
      });
      return { status: "Accepted", ...desk.bootAnswer() };
    },
    Heartbeat: async () => ({ currentTime: desk.currentTime() }),
    StatusNotification: async ({ evseId: evse, connectorId, connectorStatus }: Status) => {
      await charger.outlet({ evse, connector: connectorId, status: connectorStatus });
      return {};
    },
    Authorize: async ({ idToken }: { idToken: IdToken }) => infoOf(idToken),
    TransactionEvent: async (event: TransactionEvent) => {
      const id = event.transactionInfo.transactionId;
      const evse = event.evse?.id ?? desk.transactions.evseOf(charger.id, id) ?? 0;
      const members = await charger.metered(evse, event.meterValue ?? [], id);
      const step = { at: event.timestamp, evse, registerKwh: registerOf(members) };
      if (event.eventType === "Started") await desk.transactions.begin(charger, id, step);
      else if (event.eventType === "Updated") await desk.transactions.went(charger, id, step);
      else {
        const reason = event.transactionInfo.stoppedReason ?? "Local";
        await desk.transactions.ended(charger, id, { ...step, reason });
      }
      return event.idToken === undefined ? {} : infoOf(event.idToken);
    },
    MeterValues: async (metered: { evseId: number; meterValue: readonly MeterValue[] }) => {
      await charger.metered(metered.evseId, metered.meterValue);
      return {};
    },
    NotifyReport: nothing, // never asked for here; who asks for it by other means has it
    NotifyEvent: async ({ eventData }: { eventData: readonly EventData[] }) => {
      for (const { timestamp, component, variable, ...event } of eventData) {
        await charger.publish("events", {
          type: "ChargerEvent",
          id: `${charger.id}/${component.name}/${variable.name}`,
          dateObserved: new Date(charger.time(timestamp)).toISOString(),
          ...{ trigger: event.trigger, value: event.actualValue },
          ...(event.cleared !== undefined && { cleared: event.cleared }),
        });
      }
      return {};
    },
    SecurityEventNotification: async (event: { type: string; timestamp: string }) => {
      charger.fault({ code: "security", text: event.type });
      desk.note(charger, `security event: ${event.type}`);
      return {};
    },
    FirmwareStatusNotification: async ({ status }: { status: string }) => {
      await charger.firmware(status);
      return {};
    },
    LogStatusNotification: async ({ status }: { status: string }) => {
      desk.note(charger, `log: ${status}`);
      return {};
    },
    DataTransfer: async () => ({ status: "UnknownVendorId" }),
  };
}
