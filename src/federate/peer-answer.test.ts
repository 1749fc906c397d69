import assert from "node:assert/strict";
import { test } from "node:test";
import { ComityError } from "../kernel/errors.ts";
import { answerOf } from "./peer-answer.ts";

const refusal = (status: number, body: string): string => {
  try {
    answerOf("buses", { status, body });
  } catch (error) {
    assert.ok(
      error instanceof ComityError,
      `${body} was taken for our own mistake: ${String(error)}`,
    );
    return `${error.code}: ${error.message}`;
  }
  throw new Error(`${status} ${body} was taken for an answer`);
};

test("peer answer - tells the reason of a refusal in either form", () => {
  assert.match(refusal(400, '{"error":{"message":"no such offer"}}'), /no such offer/);
  assert.match(refusal(400, '{"code":"400","reason":["too late",{"a":1}]}'), /too late; \{"a":1\}/);
  assert.match(refusal(404, '{"code":"gone"}'), /^PEER_REFUSED: .*gone/);
});

test("peer answer - whatever a refusal's body is, it is the peer's refusal", () => {
  for (const body of ["null", "7", '"no"', "[]", "", "<html>", '{"error":null}', '{"reason":[]}']) {
    assert.match(refusal(403, body), /^PEER_REFUSED/);
    assert.match(refusal(429, body), /^PEER_UNREACHABLE/, "it may be asked again later");
    assert.match(refusal(503, body), /^PEER_UNREACHABLE/);
  }
  assert.match(refusal(200, "<html>"), /^PEER_REFUSED: .*no JSON/);
});

test("peer answer - gives what was answered, and nothing where nothing was", () => {
  assert.deepEqual(answerOf("buses", { status: 200, body: '{"a":1}' }), { a: 1 });
  assert.equal(answerOf("buses", { status: 204, body: "" }), undefined);
});
