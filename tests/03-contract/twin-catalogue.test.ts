import assert from "node:assert/strict";
import { test } from "node:test";
import { dspPath, message } from "../../src/wire/dsp/messages.ts";
import { catalogueDatasets, missingDataset } from "../tck/script.ts";
import { assertFits, schemasMissing } from "./dsp-schemas.ts";
import { type Body, twin } from "./twin.ts";

const sides = twin();
const [first, second] = catalogueDatasets;

test("CAT:01-01 - a catalogue request is answered with the datasets", async () => {
  const { connector, stranger } = sides();
  const request = { "@id": "urn:uuid:one", ...message("CatalogRequestMessage", {}) };
  const { status, body } = await stranger.call(connector, `${dspPath}/catalog/request`, request);
  assert.equal(status, 200);
  assert.equal(body["@type"], "Catalog");
  if (!schemasMissing) assertFits("catalog/catalog", body);
  const datasets = body["dataset"] as Body[];
  assert.ok(datasets.some((dataset) => dataset["@id"] === first));
});

test("CAT:01-02 - a dataset is shown by its id, with its offer", async () => {
  const { connector, stranger } = sides();
  const url = `${dspPath}/catalog/datasets/${second}`;
  const { status, body } = await stranger.call(connector, url);
  assert.equal(status, 200);
  if (!schemasMissing) assertFits("catalog/dataset", body);
  assert.equal(body["@id"], second);
  const [offer] = body["hasPolicy"] as Body[];
  assert.equal(offer?.["@id"], connector.offerOf(second));
});

test("CAT:01-03 - a dataset that is not there is not found, in the protocol's form", async () => {
  const { connector, stranger } = sides();
  const url = `${dspPath}/catalog/datasets/${missingDataset}`;
  const { status, body } = await stranger.call(connector, url);
  assert.equal(status, 404);
  assert.equal(body["@type"], "CatalogError");
  if (!schemasMissing) assertFits("catalog/catalog-error", body);
});

test("MET:01-01 - the version is told to anybody, with path and binding", async () => {
  const { connector } = sides();
  const response = await fetch(`${connector.url}/.well-known/dspace-version`);
  assert.equal(response.status, 200);
  const body = (await response.json()) as { protocolVersions: Body[] };
  if (!schemasMissing) assertFits("common/protocol-version", body);
  const version = body.protocolVersions.find((one) => one["version"] === "2025-1");
  assert.equal(version?.["binding"], "HTTPS");
  assert.equal(version?.["path"], dspPath);
});
