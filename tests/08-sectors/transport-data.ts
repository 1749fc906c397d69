import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import bindings from "gtfs-realtime-bindings";

const folder = fileURLToPath(
  new URL("../../../shared/data/transportation/gtfs-rt/", import.meta.url),
);

/** The recorded feeds that are kept beside the repository, not in it. */
export type Recorded =
  | "louisville-positions.pb"
  | "louisville-updates.pb.bz2"
  | "nyc-service-alerts.pb.bz2"
  | "nyc-trip-updates.pb.bz2"
  | "nyc-vehicle-positions.pb";

/** Why a test is left out; false where what it needs is there. */
export function absent(...names: readonly Recorded[]): string | false {
  const missing = names.find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined) return `no recorded data ${missing} in ../shared/data/transportation`;
  if (!names.some((name) => name.endsWith(".bz2"))) return false;
  try {
    execFileSync("bzip2", ["--help"], { stdio: "ignore" });
    return false;
  } catch {
    return "no bzip2 on this machine";
  }
}

export function recorded(name: Recorded): Buffer {
  const path = join(folder, name);
  if (!name.endsWith(".bz2")) return readFileSync(path);
  return execFileSync("bzip2", ["-dc", path], { maxBuffer: 64 * 1024 * 1024 });
}

const { FeedMessage } = bindings.transit_realtime;

/** As the published bindings decode it: an oracle that shares nothing with the codec under test. */
export function oracle(bytes: Uint8Array): OracleFeed {
  const message = FeedMessage.decode(bytes);
  return FeedMessage.toObject(message, { enums: String, longs: Number }) as OracleFeed;
}

export interface OracleFeed {
  readonly header: {
    readonly gtfsRealtimeVersion: string;
    readonly incrementality?: string;
    readonly timestamp: number;
  };
  readonly entity: readonly OracleEntity[];
}

export interface OracleEntity {
  readonly id: string;
  readonly vehicle?: {
    readonly trip?: { readonly routeId?: string; readonly tripId?: string };
    readonly vehicle?: { readonly id?: string };
    readonly position: { readonly latitude: number; readonly longitude: number };
    readonly timestamp: number;
  };
  readonly tripUpdate?: {
    readonly trip: {
      readonly routeId?: string;
      readonly directionId?: number;
      readonly tripId?: string;
    };
    readonly stopTimeUpdate?: readonly {
      readonly stopId?: string;
      readonly arrival?: { readonly time?: number; readonly delay?: number };
      readonly departure?: { readonly time?: number; readonly delay?: number };
      readonly scheduleRelationship?: string;
    }[];
    readonly timestamp?: number;
    readonly delay?: number;
  };
  readonly alert?: object;
}
