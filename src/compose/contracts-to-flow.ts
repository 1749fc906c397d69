import { RetentionTimer } from "../flow/retention.ts";
import { grantOf } from "../market/compile.ts";
import { logOfProduct } from "../market/grant.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** What the contracts say reaches the data plane here, and only in this direction. */
export async function contractsToDataPlane(rooms: Rooms, { links }: Trade): Promise<void> {
  const { catalogue, agreements, flow, samples, log } = rooms;
  for (const product of catalogue.list()) {
    flow.quality.measure(product);
    samples.keep(product);
    await flow.serve(product);
  }
  flow.quality.start();
  for (const agreement of agreements.list()) {
    if (agreement.state !== "active" || agreement.role !== "provider") continue;
    const { product: id, topics, delivery } = agreement;
    await flow.serve({ id, topics, delivery });
    await flow.open(grantOf(agreement));
  }
  // A product is logged for as long as it is offered or somebody has an agreement on it.
  const withdrawUnused = (id: string): void => {
    const isUsed = agreements
      .list()
      .some((one) => one.product === id && one.role === "provider" && one.state === "active");
    if (!isUsed && catalogue.get(id) === undefined) flow.withdraw(id);
  };
  catalogue.listen((change, product) => {
    if (change === "added") {
      flow.quality.measure(product);
      samples.keep(product);
      return;
    }
    samples.forget(product.id);
    flow.quality.forget(product.id).catch((error: unknown) => log.error(error));
    withdrawUnused(product.id);
  });
  agreements.onMade((agreement) => {
    if (agreement.role === "consumer") {
      links.start(agreement);
      return;
    }
    // The offer may have been withdrawn while it was negotiated, and its log with it.
    const { product: id, topics, delivery } = agreement;
    flow
      .serve({ id, topics, delivery })
      .then(() => flow.open(grantOf(agreement)))
      .catch((error: unknown) => log.error(error));
  });
  agreements.onEnded((agreement) => {
    if (agreement.role === "consumer") links.end(agreement.id);
    else {
      flow.grants.end(agreement.id, agreement.ended?.reason ?? "revoked");
      withdrawUnused(agreement.product);
    }
  });
}

/** Logs that are not kept for ever lose their oldest messages, and so does their history. */
export function keepLogs(rooms: Rooms): void {
  const { store, clock, history, flow, catalogue, closing, log } = rooms;
  const timer = new RetentionTimer({
    ...{ store, clock, history },
    logs: () =>
      catalogue
        .list()
        .flatMap(({ id, retention }) => (retention ? [{ log: logOfProduct(id), retention }] : [])),
    onTrimmed: (name, begins) => flow.trimmed(name, begins),
    onFailed: (error) => log.error(error, "logs are kept longer than they should be"),
    ...(rooms.options.retentionMs !== undefined && { everyMs: rooms.options.retentionMs }),
  });
  closing.add("what is kept", () => timer.close());
  timer.start();
}

/** What the data plane notices reaches the contracts, once the other side can look this one up. */
export function dataPlaneToContracts(rooms: Rooms, { federation }: Trade): void {
  const { clock, flow, journal, log } = rooms;
  // A cap or an expiry is noticed where packets leave; the contract ends with it.
  flow.grants.onEnded((agreement, why) => {
    federation.endings.end(agreement, why).catch((error: unknown) => log.error(error));
  });
  flow.grants.onNotice((notice) => journal.record({ at: clock.now(), ...notice }));
}
