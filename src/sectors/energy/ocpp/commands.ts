import { ComityError, problemOf } from "../../../kernel/errors.ts";
import type { JsonObject } from "../../../kernel/json-object.ts";
import type { Line, Protocol } from "./charger.ts";
import type { Request } from "./charging-profile.ts";

/** What an operator asks of a charger, in either version. */
export type Command =
  | { readonly name: "reset"; readonly hard?: boolean }
  | { readonly name: "trigger"; readonly message: string }
  | { readonly name: "availability"; readonly operative: boolean; readonly evse?: number }
  | { readonly name: "start"; readonly tag: string; readonly evse?: number }
  | { readonly name: "stop"; readonly transaction: string };

/** Answers that are a yes; Scheduled: when it is idle, RebootRequired: after the next boot. */
const yes: ReadonlySet<unknown> = new Set(["Accepted", "Scheduled", "RebootRequired"]);

/** Resolves with its answer; CHARGER_REFUSED where that is no, or none comes. */
export async function ask(charger: string, line: Line, request: Request): Promise<JsonObject> {
  const [call, params] = request;
  let answer: JsonObject;
  try {
    answer = await line.call(call, params);
  } catch (thrown) {
    throw new ComityError("CHARGER_REFUSED", { charger, call, problem: problemOf(thrown) });
  }
  const { status } = answer;
  if (yes.has(status)) return answer;
  throw new ComityError("CHARGER_REFUSED", { charger, call, problem: String(status) });
}

/** The call that the command is; `serial` tells remote starts apart. */
export function requestOf(protocol: Protocol, command: Command, serial: number): Request {
  const is16 = protocol === "ocpp1.6";
  switch (command.name) {
    case "reset": {
      const type = is16 ? ["Soft", "Hard"] : ["OnIdle", "Immediate"];
      return ["Reset", { type: type[command.hard === true ? 1 : 0] }];
    }
    case "trigger":
      return ["TriggerMessage", { requestedMessage: command.message }];
    case "availability": {
      const { operative, evse } = command;
      const status = operative ? "Operative" : "Inoperative";
      if (is16) return ["ChangeAvailability", { connectorId: evse ?? 0, type: status }];
      const at = evse !== undefined && { evse: { id: evse } };
      return ["ChangeAvailability", { operationalStatus: status, ...at }];
    }
    case "start": {
      const { tag, evse } = command;
      if (is16) {
        const at = evse !== undefined && { connectorId: evse };
        return ["RemoteStartTransaction", { idTag: tag, ...at }];
      }
      const at = evse !== undefined && { evseId: evse };
      const idToken = { idToken: tag, type: "Central" };
      return ["RequestStartTransaction", { remoteStartId: serial, idToken, ...at }];
    }
    case "stop": {
      const { transaction } = command;
      if (!is16) return ["RequestStopTransaction", { transactionId: transaction }];
      return ["RemoteStopTransaction", { transactionId: Number(transaction) }];
    }
  }
}
