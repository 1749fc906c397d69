import { SearchDatabase } from "../../src/engines/embedded/search-database.ts";
import type { SearchIndex } from "../../src/ports/search.ts";

/** The embedded search without its thread and its file, so that a run is the same every time. */
export function directSearch(): SearchIndex {
  const database = new SearchDatabase(":memory:");
  return {
    change: async (provider, change) => database.change(provider, change),
    forget: async (provider) => database.forget(provider),
    async known(provider) {
      const known = database.known(provider);
      return known && { ...known, digests: new Map(known.digests) };
    },
    find: async (query) => database.find(query),
    offer: async (id) => database.offer(id),
    close: async () => database.close(),
  };
}
