/** Two nodes trade; each audits its books with `comity audit`, before and after they are bent. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runCli } from "../../src/cli/program.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import type { Posting } from "../../src/settle/ledger.ts";
import { bothSigned, type TestNode, type TwoNodes, twoNodes } from "../two-nodes.ts";

async function comity({ node, token }: TestNode, ...args: string[]) {
  let [out, err] = ["", ""];
  const code = await runCli(["--url", node.httpUrl, "--token", token, ...args], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

async function traded(t: TestContext): Promise<TwoNodes> {
  const nodes = await twoNodes();
  t.after(() => nodes.close());
  const { id } = await nodes.share({
    id: "sun",
    title: "Irradiance",
    topics: ["sun/#"],
    delivery: "logged",
    terms: { price: { amount: "0.25", currency: "EUR", perMessages: 1 } },
  });
  const mqtt = await nodes.mqtt("provider");
  for (let n = 0; n < 10; n++) await mqtt.publish("sun/1", String(n), { qos: 1 });
  await bothSigned(nodes, id, 10);
  return nodes;
}

test("audit - both sides' books follow from what they signed", async (t) => {
  const nodes = await traded(t);
  const sold = await comity(nodes.provider, "audit");
  assert.equal(sold.code, 0, sold.err);
  assert.match(sold.out, /EUR {2}receivable 2\.5, revenue -2\.5; sum 0\n/);
  assert.match(sold.out, /Every book balances, and follows from what was signed\.\n$/);
  const bought = await comity(nodes.consumer, "audit");
  assert.equal(bought.code, 0, bought.err);
  assert.match(bought.out, /EUR {2}expense 2\.5, payable -2\.5; sum 0\n/);
  const [book] = await nodes.consumer.http.books.balances();
  assert.deepEqual(book, {
    currency: "EUR",
    accounts: {
      receivable: "0",
      revenue: "0",
      expense: "2.5",
      payable: "-2.5",
      paid: "0",
      shared: "0",
      owners: "0",
      exchange: "0",
    },
  });
});

test("audit - a store that was changed is told by name, with exit code 1", async (t) => {
  const nodes = await traded(t);
  let bent = "";
  await nodes.restart("consumer", {}, async () => {
    const path = join(nodes.consumer.options.data, "comity.db");
    const store = await openEmbeddedStore({ path });
    const [first] = await store.list<Posting>("posting", { limit: 1 });
    assert.ok(first);
    bent = first.id;
    const doc: Posting = { ...first.doc, lines: [{ account: "expense", micro: "1" }] };
    await store.commit([{ op: "put", kind: "posting", id: bent, doc }]);
    await store.close();
  });
  const { code, out } = await comity(nodes.consumer, "audit");
  assert.equal(code, 1);
  assert.ok(out.includes(`  posting ${bent}: lines is [{"account":"expense","micro":"1"}], not [`));
  assert.match(out, /the book in EUR: it is off balance by/);
  assert.match(out, /\d problems\. Keep the store as it is: the receipts are evidence\.\n$/);
});
