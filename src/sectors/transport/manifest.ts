/**
 * Transportation. GTFS-Realtime comes in as one message a vehicle, trip and alert, and goes out as
 * a live feed that any consumer of such feeds reads. Vehicles are FleetVehicleStatus of the Smart
 * Data Models, trips and alerts keep GTFS-Realtime's own names. It plans nothing, holds no
 * timetable and never guesses where a vehicle is.
 */
import type { Sector } from "../sector.ts";
import { GtfsRealtimeReader } from "./gtfs-source.ts";
import { GtfsRealtimeComposer } from "./gtfs-output.ts";
import { congestion } from "./congestion.ts";
import { bunching, headway } from "./headway.ts";
import { LoopComposer } from "./loop-output.ts";
import { NmeaReader } from "./nmea-source.ts";
import { punctuality } from "./punctuality.ts";
import { transitAccess } from "./transit-access.ts";
import { vocabulary } from "./vocabulary.ts";

const protobuf = "application/x-protobuf";

export const transport: Sector = {
  name: "transport",
  title: "Transportation",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["transport", "realtime"],
      units: ["deg", "km/h"],
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      // who drives, and whose the vehicle is, is nobody else's business
      drop: ["currentOperative", "owner", "vehiclePlateIdentifier"],
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    "gtfs-realtime": {
      title: "GTFS-Realtime: vehicle positions, trip updates, alerts",
      ways: ["url", "file", "topic"],
      accept: `${protobuf}, application/octet-stream;q=0.9, */*;q=0.1`,
      bytesMax: 33_554_432,
      open: (outside) => new GtfsRealtimeReader(outside),
    },
    nmea: {
      title: "NMEA 0183: AIS position reports, and a receiver's own position (RMC)",
      ways: ["topic", "tcp", "file", "url"],
      bytesMax: 1_048_576,
      open: (outside) => new NmeaReader(outside),
    },
    "mndot-loops": {
      title: "Loop detectors of the Minnesota Department of Transportation, CSV",
      ways: ["file", "url", "topic"],
      accept: "text/csv",
      bytesMax: 16_777_216,
      open: async () => new (await import("./loop-source.ts")).LoopReader(),
    },
  },
  outputs: {
    "gtfs-realtime": {
      title: "GTFS-Realtime 2.0, a full dataset of what came lately",
      contentType: protobuf,
      open: (outside) => new GtfsRealtimeComposer(outside),
    },
    "mndot-loops": {
      title: "Loop detectors' CSV as Minnesota's, with the quantity and the detector of each row",
      contentType: "text/csv; charset=utf-8",
      open: () => new LoopComposer(),
    },
  },
  indicators: {
    ...{ headway, bunching, punctuality, congestion },
    "transit-access": transitAccess,
  },
};
