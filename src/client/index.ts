/**
 * The client: how programs, the command line, links and the console talk to a node.
 *
 * In come a node's address and a token; out go calls to its HTTP API, one method a route
 * (`http.ts`, with what travels in the files beside it), and an MQTT 5 connection (`mqtt.ts`).
 * Whatever goes wrong is a ComityError with a code, a message and a remedy. It keeps nothing,
 * tries nothing again by itself, and knows nothing of a node's inside. This file is the door for
 * other packages; the project's own files import the file they mean.
 */
export { ComityHttp } from "./http.ts";
export type { ComityHttpOptions } from "./http-caller.ts";
export { connectMqtt, MqttClient } from "./mqtt.ts";
export type * from "./attestation.ts";
export type * from "./callers.ts";
export type { AppKeyResource, NewAppKey } from "./app-keys.ts";
export type * from "./commissions.ts";
export type * from "./data-access.ts";
export type * from "./data-sheet.ts";
export type * from "./erasure.ts";
export type { ChargerCommands, ChargerResource, DemandResource, NewDemand } from "./energy.ts";
export type * from "./history.ts";
export type * from "./link-resource.ts";
export type * from "./negotiations.ts";
export type { AgreementPriceResource } from "./prices.ts";
export type * from "./resources.ts";
export type * from "./shares.ts";
export type * from "./terms.ts";
export type * from "./thing-resource.ts";
export type * from "./types.ts";
export type * from "./world.ts";
export { ComityError, type ErrorCode } from "../kernel/errors.ts";
