import type { MqttServer } from "../connect/mqtt/server.ts";
import { reason } from "../wire/mqtt/protocol.ts";
import { isOver } from "../things/credentials.ts";
import type { Rooms } from "./rooms.ts";

const everyMs = 1000;
/** A fleet whose old tokens end at one time does not come back in one second. */
const endedAtOnceMax = 100;

/**
 * Ends connections whose credential is over: a token that was rotated, once its grace is, and
 * what had an expiry. Their sessions stay for whoever comes with a good one.
 */
export function endOverdue({ closing, ...directories }: Rooms, mqtt: MqttServer): void {
  const { clock } = directories;
  const timer = setInterval(() => {
    mqtt.endConnections(
      (principal) => isOver(principal, directories, clock.now()),
      endedAtOnceMax,
      { reasonCode: reason.notAuthorized, text: "its credential has expired" },
    );
  }, everyMs).unref();
  closing.add("the end of credentials", async () => clearInterval(timer));
}
