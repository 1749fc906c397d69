import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { nodeOptions, startTestNode } from "../two-nodes.ts";

export type Td = Record<string, unknown> & {
  readonly id: string;
  readonly "@context": unknown;
  readonly registration: Record<string, string | number>;
};

export const context = "https://www.w3.org/2022/wot/td/v1.1";
const nosec = { securityDefinitions: { none: { scheme: "nosec" } }, security: "none" };
export const lamp = (more: object = {}) => ({
  "@context": context,
  title: "Lamp",
  ...nosec,
  ...more,
});

interface Ask {
  readonly method?: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly token?: string;
}

/** A node that asks for tokens, for a whole test file, and its directory's verbs. */
export async function directoryNode() {
  const folder = await mkdtemp(join(tmpdir(), "comity-directory-"));
  const options = await nodeOptions(folder, { name: "city", title: "The city" });
  let running = await startTestNode(options);
  after(async () => {
    await running.node.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { token: own, node: first } = running;
  const url = first.httpUrl;

  const ask = (path: string, { method = "GET", type, body, token = own }: Ask = {}) => {
    const isText = typeof body === "string";
    const text = body === undefined ? null : isText ? body : JSON.stringify(body);
    return fetch(`${url}${path}`, {
      method,
      body: text,
      headers: {
        authorization: `Bearer ${token}`,
        ...(text !== null && { "content-type": type ?? "application/td+json" }),
      },
    });
  };
  return {
    url,
    token: own,
    /** The API's client, which stays good over a restart. */
    node: running,
    ask,
    put: (id: string, body: unknown) =>
      ask(`/things/${encodeURIComponent(id)}`, { method: "PUT", body }),
    patch: (id: string, body: unknown, type = "application/merge-patch+json") =>
      ask(`/things/${encodeURIComponent(id)}`, { method: "PATCH", body, type }),
    get: async (id: string): Promise<Td> => {
      const answer = await ask(`/things/${encodeURIComponent(id)}`);
      assert.equal(answer.status, 200);
      return (await answer.json()) as Td;
    },
    restart: async (): Promise<void> => {
      await running.node.close();
      running = await startTestNode(options);
    },
  };
}

export async function problem(answer: Response): Promise<Record<string, unknown>> {
  // [tdd-http-error-response] Problem Details
  assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const details = (await answer.json()) as Record<string, unknown>;
  assert.equal(details["status"], answer.status);
  assert.ok(details["title"] !== "" && details["detail"] !== "");
  return details;
}
