import { path } from "../client/http-caller.ts";
import type { ComityHttp } from "../client/http.ts";
import { shellWord } from "./shell-word.ts";

/** A device's way in: where from anywhere, under which name, with which token or claim code. */
export interface DeviceLogin {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  readonly name: string;
  readonly secret: string;
}

/** The addresses that hold for devices elsewhere too, where the node was told of such. */
export async function deviceUrls(
  node: ComityHttp,
): Promise<Pick<DeviceLogin, "httpUrl" | "mqttUrl">> {
  const { http, mqtt } = await node.status();
  return { httpUrl: http.publicUrl, mqttUrl: mqtt.publicUrl };
}

/** Lines for a shell that publish one message, ready to paste. */
export function publishLines(login: DeviceLogin, topic: string): string[] {
  const url = `${login.httpUrl}/api/v1/publish/${path(topic)}`;
  return [
    `mosquitto_pub ${mosquittoLogin(login)} -q 1 -t ${shellWord(topic)} -m '{"value":1}'`,
    `curl -u ${login.name}:${login.secret} -d '{"value":1}' ${shellWord(url)}`,
  ];
}

export function subscribeLine(login: DeviceLogin, topic: string): string {
  return `mosquitto_sub ${mosquittoLogin(login)} -q 1 -t ${shellWord(topic)} -C 1`;
}

function mosquittoLogin({ mqttUrl, name, secret }: DeviceLogin): string {
  const { hostname, port } = new URL(mqttUrl);
  return `-h ${hostname} -p ${port || 1883} -u ${name} -P ${secret}`;
}
