import type { OpenSetoffResource, SetoffResource } from "../client/setoffs.ts";
import { formatAmount } from "../kernel/amount.ts";
import type { SetoffExchange } from "../settle/setoff/exchange.ts";
import { clearedMicro, type Netting } from "../settle/setoff/netting.ts";
import type { SetoffRecord } from "../settle/setoff/record.ts";
import type { Setoffs } from "../settle/setoff/setoffs.ts";

/** What is owed both ways, as the HTTP API sees it. */
export interface SetoffsApi {
  open(): Promise<readonly OpenSetoffResource[]>;
  list(): Promise<readonly SetoffResource[]>;
  /** NOT_FOUND. */
  get(id: string): Promise<SetoffResource>;
  propose(other: string, currency: string): Promise<{ setoff?: SetoffResource }>;
  accept(id: string): Promise<SetoffResource>;
  giveUp(id: string, reason: string): Promise<void>;
  always(other: string, always: boolean): Promise<void>;
}

export function setoffsApi(rooms: {
  readonly setoffs: { readonly exchange: SetoffExchange; readonly kept: Setoffs };
}): SetoffsApi {
  const { exchange, kept } = rooms.setoffs;
  return {
    async open() {
      const open = [...(await kept.open())].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return open.flatMap(([other, nettings]) =>
        nettings.map((netting) => openTold(other, netting, kept.draws(other))),
      );
    },
    list: async () => (await kept.list()).map(told),
    get: async (id) => told(await kept.need(id)),
    async propose(other, currency) {
      const record = await exchange.propose(other, currency);
      return record === undefined ? {} : { setoff: told(record) };
    },
    accept: async (id) => told(await exchange.accept(id)),
    giveUp: (id, reason) => exchange.giveUp(id, reason),
    always: (other, always) => exchange.always(other, always),
  };
}

function openTold(
  other: string,
  { currency, owed: [first, second], micro }: Netting,
  isFirst: boolean,
): OpenSetoffResource {
  return {
    ...{ with: other, currency, clears: formatAmount(micro) },
    owedToUs: formatAmount(isFirst ? first : second),
    owedByUs: formatAmount(isFirst ? second : first),
  };
}

function told({ id, with: other, state, body, signatures }: SetoffRecord): SetoffResource {
  const { number, at, currency, claims, items } = body;
  return {
    ...{ id, with: other, state, number, at, currency, claims },
    cleared: formatAmount(clearedMicro(body)),
    items: items.map(({ id: statement, provider, due, cleared }) => {
      return { statement, provider, due, cleared };
    }),
    signed: { body, signatures },
  };
}
