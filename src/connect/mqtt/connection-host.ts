import type { Flow } from "../../flow/flow.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import type { Principal } from "../../things/access.ts";
import type { Authenticate } from "./connect.ts";
import type { ConnectionCounts, DoorCounts } from "./door-counts.ts";
import type { MqttLimits } from "./limits.ts";
import type { Session } from "./session.ts";
import type { Visitor, VisitorDoor } from "./visitor.ts";

/** What a server has of each of its connections. */
export interface HostedConnection {
  readonly counts: ConnectionCounts;
  /** Undefined until it is known. */
  readonly principal: Principal | undefined;
  /** Ends the connection; a version 5 client is told why [MQTT-4.13.1-1]. */
  end(reasonCode: number, text: string): void;
  /** What came is still answered; nothing more is taken. */
  stopReading(): void;
  /** Makes room for others: it has not said yet who it is. */
  dismiss(): void;
  /** Called once a second: closes who is silent for too long [MQTT-3.1.2-22]. */
  checkAlive(): void;
}

export interface TakenSession {
  readonly session: Session;
  /** It was there before [MQTT-3.2.2-3]. */
  readonly present: boolean;
}

/** What a connection asks of its server. */
export interface ConnectionHost extends VisitorDoor {
  readonly flow: Flow;
  readonly door: DoorCounts;
  readonly limits: MqttLimits;
  /** Of what waits for all clients. */
  readonly budget: QueueBudget;
  readonly authenticate: Authenticate;
  /** False where it has as many connections as it may. */
  admitVisitor(connection: HostedConnection, visitor: Visitor): boolean;
  /**
   * An older connection of the same client ends. Undefined where there are as many connections or
   * sessions as there may be.
   */
  takeSession(
    connection: HostedConnection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): TakenSession | undefined;
  leaveSession(connection: HostedConnection, session: Session): void;
  /** The connection is over, though its socket may linger. */
  leave(connection: HostedConnection): void;
  forget(connection: HostedConnection): void;
}
