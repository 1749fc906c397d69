import { encodeFeed, type FeedEntity } from "../../wire/gtfs-realtime/feed.ts";
import { busLimits, legOf, placeOfBus, predictArrivals } from "../simulators/bus.ts";
import type { BusLine, BusState } from "../simulators/bus.ts";
import type { Device, Surroundings } from "./device.ts";

/** A bus as it drives; `trip` counts on each time it turns. */
export interface RunningBus {
  readonly name: string;
  readonly route: string;
  readonly line: BusLine;
  state: BusState;
  trip: number;
}

/** The operator's vehicle location system: a GTFS-Realtime feed of all buses, once a second. */
export function vehicleLocation(buses: readonly RunningBus[], around: Surroundings): Device {
  return {
    name: "avl",
    title: "Vehicle location",
    kind: "vehicle location system",
    publish: ["avl/#"],
    everyMs: 1000,
    tick() {
      const seconds = Math.floor(around.traffic.now() / 1000);
      const data = encodeFeed({
        header: {
          gtfsRealtimeVersion: "2.0",
          incrementality: "FULL_DATASET",
          timestamp: BigInt(seconds),
        },
        entity: buses.flatMap((bus) => [
          positionOf(bus, seconds),
          tripUpdateOf(bus, seconds, around),
        ]),
      });
      const becomes = buses.flatMap((bus) => [
        `transit/vehicles/${bus.route}/${bus.name}`,
        `transit/trips/${bus.route}/${tripOf(bus).tripId}`,
      ]);
      return [{ topic: "avl/gtfs-realtime", data, becomes }];
    },
  };
}

function tripOf({ name, route, state, trip }: RunningBus) {
  const directionId = state.direction === "out" ? 0 : 1;
  return { tripId: `${name}-${trip}`, routeId: route, directionId };
}

function positionOf(bus: RunningBus, seconds: number): FeedEntity {
  const { name, line, state } = bus;
  const { lat, lon, bearing } = placeOfBus(state, line);
  const leg = legOf(line, state);
  const isAtStop = state.dwell > 0;
  return {
    id: `vehicle ${name}`,
    vehicle: {
      trip: tripOf(bus),
      vehicle: { id: name },
      position: { latitude: lat, longitude: lon, bearing, speed: state.speed },
      stopId: isAtStop ? leg.from : leg.to,
      currentStatus: isAtStop ? "STOPPED_AT" : "IN_TRANSIT_TO",
      timestamp: BigInt(seconds),
      occupancyPercentage: Math.round((100 * state.passengers) / busLimits.passengersMax),
    },
  };
}

function tripUpdateOf(bus: RunningBus, seconds: number, around: Surroundings): FeedEntity {
  const { name, line, state } = bus;
  const delay = Math.round(state.delay);
  return {
    id: `trip ${name}`,
    tripUpdate: {
      trip: tripOf(bus),
      vehicle: { id: name },
      stopTimeUpdate: predictArrivals(state, line, around.flow).map(
        ({ stop, sequence, inSeconds }) => ({
          stopSequence: sequence,
          stopId: stop,
          arrival: { time: BigInt(seconds + Math.round(inSeconds)), delay },
        }),
      ),
      timestamp: BigInt(seconds),
      delay,
    },
  };
}
