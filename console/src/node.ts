import { ComityHttp } from "../../src/client/http.ts";

/** The node that served the page, as who signed in; what it says is never kept by the browser. */
export const node = new ComityHttp({
  url: location.origin,
  fetch: (url, init) => fetch(url, { ...init, cache: "no-store" }),
});
