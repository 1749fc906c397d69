import { isObject, type JsonObject } from "../../kernel/json-object.ts";

/**
 * Uplinks of LoRaWAN network servers as their MQTT integrations publish them: The Things Stack v3
 * (`v3/{application}/devices/{device}/up`) and ChirpStack v4 (`application/…/device/…/event/up`).
 */

/** One uplink, whichever server it came through. */
export interface Uplink {
  /** Sixteen hexadecimal digits, lower case. */
  readonly devEui: string;
  /** The device's name at the server. */
  readonly device: string;
  /** When the server had it, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly frame?: number;
  /** What the server's decoder made of the payload. */
  readonly decoded: Readonly<Record<string, unknown>>;
  /** Degrees, WGS 84, where the server knows it. */
  readonly location?: { readonly latitude: number; readonly longitude: number };
}

/** What a message is that is no uplink to be read, for people. */
export type NoUplink =
  | "no uplink of The Things Stack or ChirpStack"
  | "without a decoded payload"
  | "without a time";

/** The message must be JSON that was read. */
export function readUplink(message: unknown): Uplink | NoUplink {
  const members = objectOf(message);
  if (members === undefined) return "no uplink of The Things Stack or ChirpStack";
  if (objectOf(members["uplink_message"]) !== undefined) return readThingsStack(members);
  return objectOf(members["deviceInfo"]) === undefined
    ? "no uplink of The Things Stack or ChirpStack"
    : readChirpStack(members);
}

function readThingsStack(members: JsonObject): Uplink | NoUplink {
  const ids = objectOf(members["end_device_ids"]);
  const uplink = objectOf(members["uplink_message"]) ?? {};
  return made({
    devEui: ids?.["dev_eui"],
    device: ids?.["device_id"],
    at: uplink["received_at"] ?? members["received_at"],
    frame: uplink["f_cnt"],
    decoded: uplink["decoded_payload"],
    location: objectOf(objectOf(uplink["locations"])?.["user"]),
  });
}

function readChirpStack(members: JsonObject): Uplink | NoUplink {
  const info = objectOf(members["deviceInfo"]);
  const tags = objectOf(info?.["tags"]);
  return made({
    devEui: info?.["devEui"],
    device: info?.["deviceName"],
    at: members["time"],
    frame: members["fCnt"],
    decoded: members["object"],
    // ChirpStack has no place of a device but what its tags say
    location: tags && { latitude: numberIn(tags["lat"]), longitude: numberIn(tags["lon"]) },
  });
}

function made(found: {
  readonly devEui: unknown;
  readonly device: unknown;
  readonly at: unknown;
  readonly frame: unknown;
  readonly decoded: unknown;
  readonly location: JsonObject | undefined;
}): Uplink | NoUplink {
  const devEui = typeof found.devEui === "string" ? found.devEui.toLowerCase() : "";
  if (!/^[0-9a-f]{16}$/.test(devEui)) return "no uplink of The Things Stack or ChirpStack";
  const decoded = objectOf(found.decoded);
  if (decoded === undefined) return "without a decoded payload";
  const at = typeof found.at === "string" ? Date.parse(found.at) : Number.NaN;
  if (Number.isNaN(at)) return "without a time";
  const { latitude, longitude } = found.location ?? {};
  const isPlace =
    typeof latitude === "number" &&
    typeof longitude === "number" &&
    Math.abs(latitude) <= 90 &&
    Math.abs(longitude) <= 180;
  return {
    devEui,
    device: typeof found.device === "string" ? found.device : devEui,
    at,
    // a counter of 0 is left out by The Things Stack
    ...(typeof found.frame === "number" ? { frame: found.frame } : {}),
    decoded,
    ...(isPlace ? { location: { latitude, longitude } } : {}),
  };
}

/** A number, or the text of one as many decoders write it. */
export function numberIn(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^-?\d+(\.\d+)?$/.test(value.trim())) return undefined;
  return Number(value);
}

function objectOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}
