/**
 * The transcript in docs/guides/agents.md: two real nodes, and the protocol's own client, which
 * buys a stream within its budget. `node tests/02-api/agent-transcript.ts` writes it into the page.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { twoNodes, until } from "../two-nodes.ts";

const page = new URL("../../docs/guides/agents.md", import.meta.url);
const marks = { begin: "<!-- transcript -->\n", end: "<!-- /transcript -->" };
const columnsMax = 96;

export async function transcript(): Promise<string> {
  const nodes = await twoNodes({ receiptWindowMs: 3_600_000 });
  try {
    await nodes.provider.http.addProduct({
      id: "bus-positions",
      title: "Bus positions",
      description: "Every bus, once a second.",
      topics: ["bus/#"],
      terms: { price: { amount: "0.002", currency: "EUR", perMessages: 1 }, messagesMax: 5000 },
    });
    const budget = { amount: "15", currency: "EUR" };
    const { token } = await nodes.consumer.http.addUser("planner", "trader", budget);
    const client = new Client({ name: "planner", version: "1.0.0" });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    const url = new URL("/mcp", nodes.consumer.node.httpUrl);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));

    const lines: string[] = [];
    const call = async (name: string, args: Record<string, unknown>): Promise<any> => {
      const result = await client.callTool({ name, arguments: args });
      const [content] = result.content;
      const text = content?.type === "text" ? content.text : "";
      lines.push(`→ ${name} ${JSON.stringify(args)}`);
      const shown = result.isError === true ? text : pretty(result.structuredContent);
      lines.push(
        ...shown.split("\n").map((line, index) => `${index === 0 ? "←" : " "} ${line}`),
        "",
      );
      return result.structuredContent;
    };
    const found = await call("search_products", { words: "bus" });
    const { offer } = found.products[0];
    const { agreement } = await call("request_contract", { product: offer });
    const reading = call("read_stream", { agreement, messages: 2, seconds: 30 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const lat of [51.9201, 51.9204]) {
      const position = JSON.stringify({ lat, lon: 4.4817 });
      await nodes.provider.http.publish("bus/12/position", position);
    }
    await reading;
    await until("both are counted", async () => {
      const { usage } = await nodes.consumer.http.agreement(agreement);
      return usage?.messages === 2;
    });
    await call("query_history", { agreement, after: 1 });
    await call("usage_and_cost", { agreement });
    await call("request_contract", { product: offer });
    await call("explain_refusal", { of: agreement });
    await client.close();
    return `\`\`\`text\n${lines.join("\n").trimEnd()}\n\`\`\`\n`;
  } finally {
    await nodes.close();
  }
}

/** What the page shows. */
export function published(): string {
  const text = readFileSync(page, "utf8");
  return text.slice(text.indexOf(marks.begin) + marks.begin.length, text.indexOf(marks.end));
}

/** The transcript without what differs from run to run. */
export function shapeOf(text: string): string {
  return text
    .replaceAll(/urn:uuid:[0-9a-f-]{36}/g, "urn:uuid:…")
    .replaceAll(/bus-positions:[\w-]{12}/g, "bus-positions:…")
    .replaceAll(/sha256:[\w-]+/g, "sha256:…")
    .replaceAll(/localhost%3A\d+/g, "localhost%3A…")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "…Z");
}

/** An object's members line by line, each short value on one. */
function pretty(value: unknown, indent = ""): string {
  const flat = JSON.stringify(value);
  if (typeof value !== "object" || value === null) return flat;
  if (indent.length + flat.length <= columnsMax - 30) return flat;
  const below = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((one) => below + pretty(one, below))
    : Object.entries(value).map(([key, one]) => `${below}"${key}": ${pretty(one, below)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${parts.join(",\n")}\n${indent}${close}`;
}

if (import.meta.main) {
  const text = readFileSync(page, "utf8");
  const [before = ""] = text.split(marks.begin);
  const after = text.slice(text.indexOf(marks.end));
  writeFileSync(page, `${before}${marks.begin}${await transcript()}${after}`);
}
