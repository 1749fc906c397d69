import { Command } from "commander";
import { connectMqtt } from "../client/mqtt.ts";
import type { InboundMessage } from "../client/types.ts";
import { payloadText } from "../flow/payload-text.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import { connect, type CliIo, globals, mqttLogin } from "./context.ts";
import { wholeNumber } from "./flags.ts";
import { interrupted } from "./interrupt.ts";
import { printLine } from "./output.ts";

interface TailOptions {
  readonly mqtt?: string;
  readonly as?: string;
  readonly qos: string;
  readonly count?: string;
}

export function tailCommand(io: CliIo): Command {
  return new Command("tail")
    .description("watch streams, your own and those under agreement (from/…)")
    .argument("<filter>", "an MQTT topic filter, such as 'bus-7/#' or 'from/#'")
    .option("--as <name>", "come in as this Thing, with its token in --token")
    .option("--mqtt <url>", "the MQTT address (default: asked from the node)")
    .option("--qos <level>", "0 or 1", "0")
    .option("--count <messages>", "end after so many")
    .action(async (filter: string, options: TailOptions, command: Command) => {
      const problem = filterProblem(filter);
      if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter, problem });
      const url = options.mqtt ?? (await connect(io, command).status()).mqtt.url;
      const login = mqttLogin(io, command, options.as);
      const left = options.count === undefined ? Infinity : wholeNumber("--count", options.count);
      const json = globals(command).json === true;
      await follow(io, { url, ...login }, filter, options.qos === "1" ? 1 : 0, left, json);
    });
}

async function follow(
  io: CliIo,
  login: { url: string; username?: string; password?: string },
  filter: string,
  qos: 0 | 1,
  count: number,
  json: boolean,
): Promise<void> {
  const client = await connectMqtt(login);
  const enough = Promise.withResolvers<"enough">();
  let left = count;
  await client.subscribe(filter, { qos }, (message) => {
    if (left <= 0) return;
    if (json) io.stdout.write(`${messageJson(message)}\n`);
    else printLine(io, messageLine(message));
    if (--left <= 0) enough.resolve("enough");
  });
  const interrupt = interrupted(io);
  const why = await Promise.race([
    enough.promise,
    interrupt.promise,
    client.closed.then(() => "closed" as const),
  ]);
  interrupt.dispose();
  if (why === "closed") {
    throw new ComityError("CONNECT_FAILED", {
      url: login.url,
      problem: "it closed the connection",
    });
  }
  await client.end();
}

function messageJson({ topic, payload, retain }: InboundMessage): string {
  return JSON.stringify({ topic, ...payloadText(payload), ...(retain && { retain }) });
}

function messageLine({ topic, payload }: InboundMessage): string {
  const text = payloadText(payload);
  const shown = "payload" in text ? text.payload : `base64 ${text.payloadBase64}`;
  return `${topic}  ${shown}`;
}
