import { type HttpCaller, part } from "./http-caller.ts";

export interface AppKeyResource {
  readonly id: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly expiresAt?: string;
  readonly createdAt: string;
}

export interface NewAppKey {
  readonly id: string;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  readonly expiresInSeconds?: number;
}

interface KeyAndToken {
  readonly key: AppKeyResource;
  /** Told once. */
  readonly token: string;
}

/** The routes of app keys. */
export class AppKeyCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  list = () => this.#caller.json<AppKeyResource[]>("/keys");
  add = (key: NewAppKey) => this.#caller.json<KeyAndToken>("/keys", { method: "POST", json: key });
  /** The old token is good for so long; absent: an hour. */
  rotate = (id: string, graceSeconds?: number) =>
    this.#caller.json<KeyAndToken>(`/keys/${part(id)}/rotate`, {
      method: "POST",
      json: graceSeconds === undefined ? {} : { graceSeconds },
    });
  remove = (id: string) => this.#caller.json<void>(`/keys/${part(id)}`, { method: "DELETE" });
}
