import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageVersion } from "../api/version.ts";
import {
  addressFile,
  type CliIo,
  globals,
  type NodeAddress,
  profileFile,
  tokenFile,
} from "./context.ts";
import { repeated } from "./flags.ts";
import { interrupted } from "./interrupt.ts";
import { printLine } from "./output.ts";
import { shellWord } from "./shell-word.ts";
import { profileOf, type UpFlags, upOptions } from "./up-options.ts";

export function upCommand(io: CliIo): Command {
  return new Command("up")
    .description("run a node until Ctrl-C")
    .option("--name <name>", "short name (a-z, 0-9, -) under which peers see it")
    .option("--title <text>", "the organisation's name")
    .option("--country <code>", "ISO 3166 code, such as NL")
    .option("--currency <code>", "ISO 4217 code, such as EUR")
    .option("--place <lat,lon[,name]>", "where it is")
    .option("--did <did>", "its identity, at the first start only")
    .option("--http <port>", "PORT or HOST:PORT (default: 127.0.0.1:8080; 0: any free one)")
    .option("--mqtt <port>", "PORT or HOST:PORT (default: 127.0.0.1:1883; 0: any free one)")
    .option("--mqtts <port>", "MQTT over TLS: PORT or HOST:PORT")
    .option("--ws <port>", "MQTT over WebSocket: PORT or HOST:PORT")
    .option("--wss <port>", "MQTT over secure WebSocket: PORT or HOST:PORT")
    .option("--mqtt-socket <path>", "MQTT over a Unix socket of its owner's")
    .option("--tls-cert <file>", "the node's certificate with its chain, PEM")
    .option("--tls-key <file>", "its key, PEM; both are read again when they change")
    .option("--tls-client-ca <file>", "who issues clients' certificates, PEM")
    .option("--tls-client <mode>", "a client's certificate is optional (default) or required")
    .option(
      "--ws-origin <origin>",
      "pages of another place may connect by WebSocket, such as https://app.example; repeatable",
      repeated,
    )
    .option("--public-url <url>", "the address others reach it at, where that is another")
    .option(
      "--public-mqtt <url>",
      "mqtt://HOST:PORT others reach it at (default: --public-url's host)",
    )
    .option(
      "--local-peer <url>",
      "a peer's node here, such as http://127.0.0.1:8081, DID=URL or mock:ID=URL; repeatable",
      repeated,
    )
    .option(
      "--openid <issuer>",
      "partners may log in there to accept a link, besides typing a name",
    )
    .option(
      "--openid-client <id>",
      "this node's client id there; redirect: PUBLIC-URL/share/openid",
    )
    .option("--openid-secret <file>", "a file with the client's secret, where it has one")
    .option("--jwt-issuer <issuer>", "apps may come with a JWT of this issuer (its iss)")
    .option("--jwt-audience <name>", "what such a JWT names as its audience (its aud)")
    .option("--jwt-jwks <file>", "the issuer's public keys: a file, or an https address")
    .option(
      "--gatekeeper <did>",
      "no third party for a user's data (Data Act Art. 5(3)); repeatable",
      repeated,
    )
    .option(
      "--local-source <origin>",
      "where sources may fetch here, such as http://127.0.0.1:8000 or tcp://HOST:PORT; repeatable",
      repeated,
    )
    .option("--retained-max <topics>", "so many have a retained message (default: 100000)")
    .option("--retained-bytes <size>", "and take so much, such as 64MB (default: 256 MiB)")
    .option("--retained-expiry <seconds>", "how long one is kept (default: for ever)")
    .option("--sys-interval <seconds>", "how often $SYS/broker/ is told (default: 10; 0: never)")
    .option("--log-level <level>", "debug, info, warn (default), error, fatal or silent")
    .option("--public-world", "show the world page and its data to everybody")
    .option("--dev", "let anonymous clients in on loopback; for trying and measuring only")
    .option("--config <file>", "all of it in JSON or YAML; flags win")
    .action(async (flags: UpFlags, command: Command) => {
      const { data, json } = globals(command);
      const options = upOptions({ ...flags, ...(data !== undefined && { data }) }, io.env);
      const { startNode } = await import("../node.ts");
      const interrupt = interrupted(io);
      const node = await startNode(options);
      try {
        const address: NodeAddress = { http: node.httpUrl, mqtt: node.mqttUrl };
        leave(options.data, addressFile, address);
        leave(options.data, profileFile, profileOf(options));
        if (json === true) {
          const { name, did, httpUrl, mqttUrl, transportUrls, adminToken } = node;
          const urls = { httpUrl, mqttUrl, transportUrls };
          const started = { name, did, ...urls, data: options.data, adminToken };
          printLine(io, JSON.stringify(started));
        } else {
          printStart(io, node, options.data);
        }
        if (options.dev) warnOfDev(io);
        const failed = await Promise.race([interrupt.promise, node.failed]);
        if (failed !== "interrupted") throw failed;
        interrupt.dispose(); // a second Ctrl-C ends it at once
        if (json !== true) printLine(io, "Stopping …");
      } finally {
        rmSync(join(options.data, addressFile), { force: true });
        await node.close();
      }
    });
}

interface Started {
  readonly name: string;
  readonly did: string;
  readonly httpUrl: string;
  readonly mqttUrl: string;
  readonly transportUrls: readonly string[];
  readonly adminToken?: string;
  signInLink(): string;
}

function printStart(io: CliIo, node: Started, data: string): void {
  printLine(io, `Comity ${packageVersion()}, node ${node.name} (${node.did})`);
  printLine(io, `  console and API  ${node.httpUrl}`);
  printLine(io, `  sign in          ${node.signInLink()}   (good once)`);
  printLine(io, `  MQTT             ${[node.mqttUrl, ...node.transportUrls].join("  ")}`);
  printLine(io, `  data             ${data}`);
  const kept = join(data, tokenFile);
  if (node.adminToken === undefined) printLine(io, `  admin token      in ${kept}`);
  else printLine(io, `  admin token      ${node.adminToken}   (kept in ${kept})`);
  const where = globalFlag(data);
  printLine(io);
  printLine(io, `Next: comity${where} thing add NAME     Ctrl-C stops it.`);
}

function globalFlag(data: string): string {
  return data === "./comity-data" ? "" : ` --data ${shellWord(data)}`;
}

function warnOfDev(io: CliIo): void {
  const line = "*".repeat(72);
  io.stderr.write(
    `${line}\n--dev: ANYBODY on this machine may publish, read and change this node WITHOUT\n` +
      `a token. For trying and measuring only; never with anything real.\n${line}\n`,
  );
}

/** For commands, which may be waiting for it and never read half of it, and for the next start. */
function leave(data: string, file: string, value: object): void {
  const path = join(data, file);
  writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`);
  renameSync(`${path}.new`, path);
}
