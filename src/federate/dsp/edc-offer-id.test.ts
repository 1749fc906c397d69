import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameEdcOffer, readEdcOfferId } from "./edc-offer-id.ts";

const first = "YWxs:dGlkZXM=:MGY2M2ZiMDQtZWY0ZS00NGEzLThjYmEtZjVkMzJhZTIxYzgy";
const later = "YWxs:dGlkZXM=:NGVlM2ZmY2YtMmY5Zi00N2IxLWFhMmUtNDVhMWQwMmZiNDA1";

test("EDC's offer id - names its definition and its asset", () => {
  assert.deepEqual(readEdcOfferId(first), { definition: "all", asset: "tides" });
  for (const other of ["weather:Vb3cQv0aTn1x", "CD123:ACN0102", "a::b", "a:b:c d", ""]) {
    assert.equal(readEdcOfferId(other), undefined, other);
  }
});

test("EDC's offer id - the same offer has another id in every answer", () => {
  assert.equal(isSameEdcOffer(first, later), true);
  assert.equal(isSameEdcOffer(first, later.replace("YWxs", "YWxzbw==")), false);
  assert.equal(isSameEdcOffer(first, later.replace("dGlkZXM=", "d2luZA==")), false);
  assert.equal(isSameEdcOffer("weather:Vb3cQv0aTn1x", "weather:Vb3cQv0aTn1x"), false);
});
