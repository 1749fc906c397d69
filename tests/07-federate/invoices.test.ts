/** A month's invoice between two nodes, through their doors and the command. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DOMParser, onErrorStopParsing } from "@xmldom/xmldom";
import { runCli } from "../../src/cli/program.ts";
import { monthOf } from "../../src/kernel/clock.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";

let nodes: TwoNodes;
let folder: string;
const month = monthOf(Date.now());
const party = (name: string, country: string) => ({ name, address: { city: "Town", country } });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-invoice-"));
  nodes = await twoNodes();
  await nodes.share({
    ...{ id: "sun", title: "Irradiance ]]> & <b>", topics: ["sun/#"], delivery: "logged" },
    terms: { price: { amount: "0.0333", currency: "EUR", perMessages: 1 } },
  });
  const mqtt = await nodes.mqtt("provider");
  for (let i = 0; i < 101; i++) await mqtt.publish("sun/a", String(i), { qos: 1 });
  await until("all is signed for", async () => {
    const [line] = await nodes.provider.http.statement(month);
    return line?.messages === 101;
  });
});
after(async () => {
  await nodes.close();
  await rm(folder, { recursive: true });
});

/** What the command prints, as one of a side's people types it. */
async function comity(side: "provider" | "consumer", ...words: string[]): Promise<string> {
  let text = "";
  const { node, token } = nodes[side];
  const stream = { write: (more: string) => (text += more) };
  const io = { stdout: stream, stderr: stream, env: {} };
  await runCli(["--url", node.httpUrl, "--token", token, ...words], io);
  return text;
}

test("invoice - goes from settings to the buyer's node, by commands", async () => {
  const settings = join(folder, "seller.json");
  const taxes = [{ category: "S", rate: "21" }];
  const seller = { ...party("Sun B.V.", "NL"), vatId: "NL123456782B90" };
  const given = { party: seller, payment: { days: 30 }, series: "S", taxes };
  await writeFile(settings, JSON.stringify(given));
  assert.match(await comity("provider", "invoice", "issue", month, "--to", "consumer"), /BR-06/);
  assert.match(await comity("provider", "invoice", "settings", settings), /of Sun B.V./);
  const nobody = await comity("provider", "invoice", "issue", month, "--to", "consumer");
  assert.match(nobody, /who did:web:\S+ is by law is not known.*BR-10/);
  await nodes.consumer.http.invoices.set({ party: party("Shade GmbH", "DE") });
  const left = await comity("provider", "invoice", "list", month);
  assert.match(left, /not invoiced yet: Irradiance .*3.3633 EUR/);
  const issued = await comity("provider", "invoice", "issue", month, "--to", "consumer");
  assert.match(issued, /Invoice S-\d{4}-000001 of \d{4}-\d\d: 4.07 EUR/);
  await until("the buyer's node agrees", async () => {
    const [one] = await nodes.provider.http.invoices.list();
    return one?.state === "agrees";
  });
  assert.match(await comity("provider", "invoice", "list", month), /sold .* 4.07 EUR +agrees/);
  const [received] = await nodes.consumer.http.invoices.list(month);
  assert.match(received?.id ?? "", /^provider\/S-\d{4}-000001$/);
  assert.match(await comity("consumer", "invoice", "show", received?.id ?? ""), /net +3.36 EUR/);
  const again = await comity("provider", "invoice", "issue", month, "--to", "consumer");
  assert.match(again, /There is no amount to invoice/);
});

test("invoice - both nodes make the same XML, page and CSV of it", async () => {
  const [sold] = await nodes.provider.http.invoices.list();
  const [bought] = await nodes.consumer.http.invoices.list();
  assert.ok(sold && bought);
  for (const form of ["xml", "html", "csv"] as const) {
    const file = join(folder, `invoice.${form}`);
    assert.match(await comity("consumer", "invoice", "show", bought.id, "--out", file), /written/);
    const ours = await readFile(file, "utf8");
    assert.equal(ours, await nodes.provider.http.invoices.form(sold.id, form));
  }
  const xml = await readFile(join(folder, "invoice.xml"), "utf8");
  const parsed = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, "text/xml");
  const names = [...parsed.getElementsByTagName("cbc:Name")].map((node) => node.textContent);
  assert.ok(names.includes("Irradiance ]]> & <b>"));
  const { node, token } = nodes.provider;
  const page = await fetch(`${node.httpUrl}/api/v1/invoices/${sold.id}/html`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.match(
    page.headers.get("content-security-policy") ?? "",
    /default-src 'none'; style-src 'sha/,
  );
  assert.match(
    await comity("provider", "invoice", "show", sold.id, "--form", "pdf"),
    /not xml, html/,
  );
});

test("invoice - a credit note comes to the buyer's node too", async () => {
  const [invoice] = await nodes.provider.http.invoices.list();
  const words = ["--line", "1=1.00", "--reason", "An hour was missing"];
  const printed = await comity("provider", "invoice", "credit", invoice?.id ?? "", ...words);
  assert.match(printed, /Credit note S-\d{4}-000002 of \S+: 1.21 EUR/);
  await until("the buyer's node has it", async () => {
    const notes = await nodes.consumer.http.invoices.list();
    return notes.some(({ type, state }) => type === "credit-note" && state === "agrees");
  });
});
