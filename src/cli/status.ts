import { Command } from "commander";
import { connect, type CliIo, globals } from "./context.ts";
import { printJson, printLine, printTable } from "./output.ts";

export function statusCommand(io: CliIo): Command {
  return new Command("status")
    .description("what the node does right now")
    .action(async (_options: unknown, command: Command) => {
      const status = await connect(io, command).status();
      if (globals(command).json === true) return printJson(io, status);
      const { counts, mqtt } = status;
      printLine(io, `${status.name} (${status.did}), Comity ${status.version}`);
      printLine(io, `  up for      ${duration(status.uptimeSeconds)}`);
      printLine(io, `  HTTP        ${status.http.url}`);
      printLine(io, `  MQTT        ${mqtt.url}, ${mqtt.connections} connected`);
      for (const { url, keyExchanges, certificateEnds, ...more } of mqtt.listeners.slice(1)) {
        const clients = more.clientCertificates;
        const tls = keyExchanges && [
          `key exchange ${keyExchanges.join(" | ")}`,
          `clients' certificates ${clients === "none" ? "not asked for" : clients}`,
          `own ends ${certificateEnds?.slice(0, 10)}`,
        ];
        printLine(io, `              ${[url, ...(tls ?? [])].join(", ")}`);
      }
      printLine(io, `  things      ${counts.things}`);
      if (counts.pending > 0) {
        printLine(io, `  waiting     ${counts.pending} (comity pending list)`);
      }
      printLine(io, `  products    ${counts.products}`);
      printLine(io, `  agreements  ${counts.agreements}`);
      for (const [reason, count] of Object.entries(status.refusals)) {
        printLine(io, `  withheld    ${count.toLocaleString("en")} messages (${reason})`);
      }
      if (status.dropped > 0) {
        printLine(io, `  dropped     ${status.dropped.toLocaleString("en")} messages`);
      }
      if (status.links.length === 0) return;
      printLine(io);
      const rows = status.links.map(({ agreement, state, messages, lagMs }) => [
        agreement,
        state,
        messages,
        lagMs === undefined ? "" : `${Math.round(lagMs)} ms`,
      ]);
      printTable(io, ["AGREEMENT", "LINK", "MESSAGES", "LAG"], rows, "");
    });
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
