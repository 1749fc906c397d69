import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildConsole } from "../../console/build.mjs";

const firstPageMax = 150_000;
const scriptMax = 80_000;
const folder = await mkdtemp(join(tmpdir(), "comity-console-"));
after(() => rm(folder, { recursive: true, force: true }));
const { firstPage, scripts } = await buildConsole({ outDir: folder });

async function gzipped(name: string): Promise<number> {
  return gzipSync(await readFile(join(folder, name))).length;
}

test("console - the first page, map included, is at most 150 kB gzipped", async () => {
  const sizes = await Promise.all([...firstPage].map(gzipped));
  const total = sizes.reduce((a, b) => a + b, 0);
  assert.ok(total <= firstPageMax, `${total} bytes; ${firstPageMax} are allowed`);
  assert.ok(firstPage.has("outlines.json") && firstPage.size >= 6);
});

test("console - each page beside the first has files of its own, none of them large", async () => {
  const others = scripts.filter((name) => !firstPage.has(name));
  assert.ok(others.length > 0);
  for (const name of others) {
    const size = await gzipped(name);
    assert.ok(size <= scriptMax, `${name} has ${size} bytes; ${scriptMax} are allowed`);
  }
});

test("console - names no address but its own", async () => {
  for (const name of ["index.html", "app.css", "rooms.css"]) {
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
