import { announcedMqttUrl } from "../federate/announced-address.ts";
import type { Flow } from "../flow/flow.ts";
import { Readings } from "../flow/readings.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Closing } from "../kernel/closing.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Store } from "../ports/store.ts";
import type { Things } from "../things/directory.ts";
import { JsonPathSearch } from "../things/wot/jsonpath-search.ts";
import { TdDirectory } from "../things/wot/td-directory.ts";
import { Validator } from "../things/wot/validator.ts";
import type { NodeOptions } from "./options.ts";

interface Ground {
  readonly options: NodeOptions;
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly closing: Closing;
  readonly flow: Flow;
  readonly things: Things;
  /** Filled in when the sockets are bound. */
  readonly urls: { readonly http: string; readonly mqtt: string };
}

/** Things as the W3C describes them: their Descriptions, directory and readings. */
export function openDescribedThings(ground: Ground) {
  const { options, store, clock, entropy, closing, flow, things, urls } = ground;
  const address = () => ({
    httpUrl: options.publicUrl?.replace(/\/+$/, "") ?? urls.http,
    mqttUrl: announcedMqttUrl(options, urls.mqtt),
  });
  const validator = new Validator();
  closing.add("validation", () => validator.close());
  const directory = new TdDirectory({ store, clock, entropy, things, validator, address });
  closing.add("the directory", () => directory.close());
  const tdSearch = new JsonPathSearch({ directory });
  closing.add("the directory's search", () => tdSearch.close());
  const readings = new Readings({ flow, clock, things });
  return { address, validator, directory, tdSearch, readings };
}
