import assert from "node:assert/strict";
import { test } from "node:test";
import { positionIn } from "./position.ts";

function found(text: string): string | undefined {
  const position = positionIn(text);
  return position && `${position.lat} ${position.lon}`;
}

test("position - the message's own comes first, then its position's, its location's, a point", () => {
  assert.equal(found('{"lat":1,"lon":2,"latitude":3,"longitude":4}'), "1 2");
  assert.equal(found('{"latitude":3,"longitude":4,"position":{"lat":5,"lon":6}}'), "3 4");
  const both = '{"location":{"lat":7,"lon":8},"position":{"latitude":5,"longitude":6}}';
  assert.equal(found(both), "5 6");
  assert.equal(found('{"location":{"lat":7,"lon":8},"geometry":{"coordinates":[2,1]}}'), "7 8");
  assert.equal(found('{"geometry":{"type":"Point","coordinates":[2,1,99]}}'), "1 2");
  assert.equal(found('{"location":{"type":"Point","coordinates":[4,3]}}'), "3 4");
  assert.equal(found('{"position":{"coordinates":[6,5]},"location":{"coordinates":[4,3]}}'), "3 4");
});

test("position - a pair that is not two numbers is none", () => {
  assert.equal(found('{"lat":"1","lon":2,"latitude":3,"longitude":4}'), "3 4");
  for (const text of [
    "{}",
    '{"lat":1}',
    '{"lat":null,"lon":2}',
    '{"lat":1,"longitude":2}',
    '{"position":[1,2]}',
    '{"position":"1,2"}',
    '{"geometry":{"coordinates":[[2,1],[3,4]]}}',
    '{"geometry":{"coordinates":[2]}}',
    '{"data":{"lat":1,"lon":2}}',
  ]) {
    assert.equal(found(text), undefined, text);
  }
});

test("position - what is nowhere on Earth is no position", () => {
  assert.equal(found('{"lat":90,"lon":-180}'), "90 -180");
  for (const text of ['{"lat":91,"lon":2}', '{"lat":1,"lon":-180.5}', '{"lat":1e999,"lon":2}']) {
    assert.equal(found(text), undefined, text);
  }
});

test("position - a name that stands twice says two things, however it is written", () => {
  for (const text of [
    '{"lat":1,"lon":2,"lat":3}',
    String.raw`{"lat":1,"lon":2,"l\u0061t":3}`,
    '{"position":{"lat":1,"lon":2,"lon":4}}',
    '{"position":{"lat":1,"lon":2},"position":{"lat":3,"lon":4}}',
  ]) {
    assert.equal(found(text), undefined, text);
  }
  assert.equal(found('{"lat":1,"lon":2,"next":{"lat":3,"lon":4}}'), "1 2");
});
