import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildConsole } from "../../console/build.mjs";

const BYTES_MAX = 150_000;
const folder = await mkdtemp(join(tmpdir(), "comity-console-"));
after(() => rm(folder, { recursive: true, force: true }));
await buildConsole({ outDir: folder });

test("console - all of it, map included, is at most 150 kB gzipped", async () => {
  let total = 0;
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".txt")) total += gzipSync(await readFile(join(folder, name))).length;
  }
  assert.ok(total <= BYTES_MAX, `${total} bytes; ${BYTES_MAX} are allowed`);
});

test("console - names no address but its own", async () => {
  for (const name of ["index.html", "app.css"]) {
    const text = await readFile(join(folder, name), "utf8");
    assert.doesNotMatch(text, /https?:\/\/|url\(["']?\/\//, name);
  }
});

test("console - the page itself holds no script and no style", async () => {
  const html = await readFile(join(folder, "index.html"), "utf8");
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
});

test("console - no outline crosses the map's edge", async () => {
  const { arcs, transform, objects } = JSON.parse(
    await readFile(join(folder, "outlines.json"), "utf8"),
  ) as {
    arcs: [number, number][][];
    transform: { scale: [number, number]; translate: [number, number] };
    objects: { countries: { geometries: { properties: { name: string }; arcs: number[][][] }[] } };
  };
  const longitudes = arcs.map((steps) => {
    let x = 0;
    return steps.map(([dx]) => (x += dx) * transform.scale[0] + transform.translate[0]);
  });
  const EDGE = -168.4;
  for (const { properties, arcs: polygons } of objects.countries.geometries) {
    for (const [outline = []] of polygons) {
      const lons = outline.flatMap((arc) => longitudes[arc < 0 ? ~arc : arc] ?? []);
      const near = lons.filter((lon) => lon < -150);
      const both = near.some((lon) => lon < EDGE) && near.some((lon) => lon > EDGE);
      assert.ok(!both, `an outline of ${properties.name} would be drawn across the whole map`);
    }
  }
});
