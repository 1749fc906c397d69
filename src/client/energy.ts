import { type Call, part } from "./http-caller.ts";

/** A charger of electric vehicles. Times are Unix milliseconds. */
export interface ChargerResource {
  readonly id: string;
  readonly topic: string;
  readonly online: boolean;
  readonly protocol?: string;
  readonly model?: { readonly vendor: string; readonly model: string };
  readonly outlets: readonly {
    readonly evse: number;
    readonly connector: number;
    readonly status: string;
    readonly errorCode?: string;
  }[];
  readonly powerW?: number;
  readonly transactions: readonly string[];
  readonly limitW?: number;
  /** Whether it has taken it. */
  readonly limit?: "set" | "refused" | "pending";
  readonly lastSeenAt: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lastFault?: { readonly at: number; readonly text: string };
}

/** What a charger is asked to do, and the members of it. */
export interface ChargerCommands {
  readonly limit: { readonly watts: number | null; readonly seconds?: number };
  readonly reset: { readonly hard?: boolean };
  readonly trigger: { readonly message: string };
  readonly availability: { readonly operative: boolean; readonly evse?: number };
  readonly start: { readonly tag: string; readonly evse?: number };
  readonly stop: { readonly transaction: string };
}

export interface NewDemand {
  readonly id?: string;
  readonly filter: string;
  /** By name; `*`: every one. */
  readonly chargers: readonly string[];
  readonly capacityKw?: number;
}

/** A stream of calls that is followed. */
export interface DemandResource extends Required<Pick<NewDemand, "id" | "filter" | "chargers">> {
  readonly capacityKw?: number;
  /** Its reports stand below. */
  readonly topic: string;
  readonly messages: number;
  readonly calls: readonly {
    readonly id: string;
    readonly programID: string;
    readonly state: string;
    readonly from: string;
    readonly until: string;
    readonly limitKw?: number;
  }[];
  readonly faults: Readonly<Record<string, number>>;
  readonly lastFault?: { readonly at: number; readonly text: string };
}

/** `/api/v1/sectors/energy`, a method a route. */
export class EnergyHttp {
  readonly #json: <T>(route: string, call?: Call) => Promise<T>;

  constructor(json: <T>(route: string, call?: Call) => Promise<T>) {
    this.#json = (route, call) => json(`/sectors/energy${route}`, call);
  }

  chargers = () => this.#json<ChargerResource[]>("/chargers");
  /** Its answer; CHARGER_OFFLINE, CHARGER_REFUSED. */
  command = <C extends keyof ChargerCommands>(id: string, name: C, json: ChargerCommands[C]) =>
    this.#json<{ charger: string; status?: string; outcome?: string }>(
      `/chargers/${part(id)}/${name}`,
      { method: "POST", json },
    );
  /** Of 32 characters, told once. */
  makePassword = (id: string) =>
    this.#json<{ charger: string; password: string }>(`/chargers/${part(id)}/password`, {
      method: "POST",
    });
  demand = () => this.#json<DemandResource[]>("/demand");
  followDemand = (json: NewDemand) =>
    this.#json<DemandResource>("/demand", { method: "POST", json });
  removeDemand = (id: string) => this.#json<void>(`/demand/${part(id)}`, { method: "DELETE" });
  idTags = () => this.#json<string[]>("/id-tags");
  addIdTag = (tag: string) => this.#json<void>("/id-tags", { method: "POST", json: { tag } });
  removeIdTag = (tag: string) => this.#json<void>(`/id-tags/${part(tag)}`, { method: "DELETE" });
}
