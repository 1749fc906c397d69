/**
 * The compatibility kit's cases as our own tests: a connector that follows the kit's script
 * (`tests/tck/script.ts`), and the other side played by hand. What comes in: the cases. What goes
 * out: real messages over HTTP, each of the node's held against the protocol's schemas where they
 * are at hand. Nothing here knows how the node comes to its answers.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, before } from "node:test";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { type Connector, openConnector } from "../tck/connector.ts";
import { assertFitsItsType, schemasMissing } from "./dsp-schemas.ts";
import { leaveSeat, type Seat, takeSeat, until } from "./side.ts";
import { type Answer, openStranger, type Stranger } from "./stranger.ts";

export type Body = Record<string, unknown>;

/** Something to say in a process: its path there, its type, and what it holds beside the pids. */
export type Saying = readonly [path: string, type: string, members?: Body];

export interface Twin {
  readonly connector: Connector;
  readonly stranger: Stranger;
}

/** Opens both sides before the tests of a file, and closes them after. */
export function twin(): () => Twin {
  let opened: (Twin & { seat: Seat }) | undefined;
  before(async () => {
    const seat = await takeSeat("twin");
    const stranger = await openStranger(seat, async (path, body) => answerOf(path, body));
    const peer = { did: seat.did, url: seat.url };
    const folder = join(seat.dir, "node");
    opened = { seat, stranger, connector: await openConnector({ folder, peer, pauseMs: 0 }) };
  });
  after(async () => {
    await opened?.connector.close();
    await opened?.stranger.stop();
    if (opened) await leaveSeat(opened.seat);
  });
  return () => {
    assert.ok(opened, "the sides are not open");
    return opened;
  };
}

/** What the other side's connector answers to a request: the process that it opens for it. */
function answerOf(path: string, { consumerPid }: Body): Answer | undefined {
  const [, kind] = /\/(negotiations|transfers)\/(?:[^/]+\/)?request$/.exec(path) ?? [];
  if (kind === undefined) return undefined;
  const type = kind === "transfers" ? "TransferProcess" : "ContractNegotiation";
  const providerPid = `urn:uuid:of-${String(consumerPid)}`;
  return { status: 201, body: message(type, { providerPid, consumerPid, state: "REQUESTED" }) };
}

export function newPid(): string {
  return `urn:uuid:${randomUUID()}`;
}

/** A negotiation or a transfer, seen from the other side. */
export class TwinProcess {
  readonly #twin: Twin;
  readonly #kind: "negotiations" | "transfers";
  /** The node's pid and ours, and both as messages name them. */
  readonly #its: string;
  readonly #ours: string;
  readonly pids: { readonly providerPid: string; readonly consumerPid: string };
  readonly #heard = new Map<string, number>();

  constructor(
    twin: Twin,
    kind: "negotiations" | "transfers",
    node: "provider" | "consumer",
    pids: { readonly providerPid: string; readonly consumerPid: string },
  ) {
    this.#twin = twin;
    this.#kind = kind;
    this.pids = pids;
    this.#its = node === "provider" ? pids.providerPid : pids.consumerPid;
    this.#ours = node === "provider" ? pids.consumerPid : pids.providerPid;
  }

  /** Waits for the node's next message at this path, and checks its shape. */
  async hears(path: string): Promise<Body> {
    const nth = (this.#heard.get(path) ?? 0) + 1;
    this.#heard.set(path, nth);
    const ending = `${encodeURIComponent(this.#ours)}/${path}`;
    const body = await this.#twin.stranger.heard(ending, nth);
    if (!schemasMissing) assertFitsItsType(body);
    assert.deepEqual(
      { providerPid: body["providerPid"], consumerPid: body["consumerPid"] },
      this.pids,
    );
    return body;
  }

  /** Says something that must be taken: 200 with the process, or with nothing. */
  async says(saying: Saying): Promise<void> {
    const answer = await this.#post(saying);
    assert.equal(answer.status, 200, `${saying[1]}: ${JSON.stringify(answer.body)}`);
    if (!schemasMissing && "@type" in answer.body) assertFitsItsType(answer.body);
  }

  /** Says something the state does not allow: refused in the protocol's form, nothing changes. */
  async isRefused(saying: Saying): Promise<void> {
    const before = await this.state();
    const answer = await this.#post(saying);
    assert.equal(
      answer.status,
      400,
      `${saying[1]} in ${String(before)}: ${JSON.stringify(answer.body)}`,
    );
    const error = this.#kind === "transfers" ? "TransferError" : "ContractNegotiationError";
    assert.equal(answer.body["@type"], error);
    if (!schemasMissing) assertFitsItsType(answer.body);
    assert.equal(await this.state(), before);
  }

  async #post([path, type, members]: Saying): Promise<Answer> {
    const url = `${dspPath}/${this.#kind}/${encodeURIComponent(this.#its)}/${path}`;
    const body = { "@id": newPid(), ...message(type, { ...this.pids, ...members }) };
    return this.#twin.stranger.call(this.#twin.connector, url, body);
  }

  async state(): Promise<unknown> {
    const url = `${dspPath}/${this.#kind}/${encodeURIComponent(this.#its)}`;
    const { status, body } = await this.#twin.stranger.call(this.#twin.connector, url);
    assert.equal(status, 200);
    if (!schemasMissing) assertFitsItsType(body);
    return body["state"];
  }

  /** Comes to this state, at once or soon. */
  async is(state: string): Promise<void> {
    await until(`the state is ${state}`, async () => (await this.state()) === state);
  }
}
