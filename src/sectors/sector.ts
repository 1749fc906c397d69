/**
 * What a sector is: one folder here, one manifest in it. A manifest is data (vocabulary, product
 * template) and makers of small machines: a source reads a native format and says what to publish,
 * an indicator follows streams and says a figure, an output composes a native format from streams.
 * The machines are pure: bytes and a clock in, values out. Timers, sockets, files, the store and
 * the router are the room's (`sources.ts`, `indicators.ts`, `outputs.ts`), which counts what goes
 * wrong and bounds everything. A sector never reaches into `api`, `connect` or `federate`, never
 * decides who may read what, and no file but `list.ts` knows which sectors there are.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/id.ts";
import type { JsonObject } from "../kernel/json-object.ts";
import type { Product, Terms } from "../market/product.ts";
import type { Principal } from "../things/access.ts";
import type { GoalNumber } from "./goals.ts";

export interface Sector {
  /** `[a-z0-9-]{1,32}`: the `sector` of its products, the folder's name. */
  readonly name: string;
  readonly title: string;
  readonly vocabulary: Vocabulary;
  readonly template: ProductTemplate;
  /** By name; names are unique over all sectors. */
  readonly sources: Readonly<Record<string, SourceKind>>;
  readonly outputs: Readonly<Record<string, OutputKind>>;
  readonly indicators: Readonly<Record<string, IndicatorKind>>;
  /** Doors beyond these, such as a WebSocket of its own; returns what closes them. */
  readonly open?: (door: SectorDoor) => Promise<() => Promise<void> | void>;
}

/** What messages of this sector look like: data alone, so that it can be signed and published. */
export interface Vocabulary {
  readonly version: string;
  /** By the message's `type`. */
  readonly messages: Readonly<Record<string, MessageModel>>;
}

export interface MessageModel {
  readonly title: string;
  /** Where the model is defined. */
  readonly source: string;
  readonly required: readonly string[];
  readonly members: Readonly<Record<string, MemberModel>>;
}

export interface MemberModel {
  readonly type: "string" | "number" | "boolean" | "object" | "array";
  readonly title?: string;
  /** UCUM. */
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What a product of this sector starts from; whoever offers it may say otherwise. */
export interface ProductTemplate {
  readonly product: Partial<
    Pick<Product, "delivery" | "keywords" | "units" | "description" | "sample">
  >;
  readonly terms: Partial<Terms>;
}

/** Fetched from a URL, read from a file, taken from topics of this node, or lines over TCP. */
export type SourceWay = "url" | "file" | "topic" | "tcp";

export interface SourceKind {
  readonly title: string;
  readonly ways: readonly SourceWay[];
  /** Media type that is asked for over HTTP. */
  readonly accept?: string;
  /** The most one answer, file, message or line may have. */
  readonly bytesMax: number;
  /** Filters of topics beside its own that it may answer on, where its format asks for that. */
  readonly answersOn?: readonly string[];
  /**
   * A reader for one source, asked for when there is something to read; it may remember, within
   * bounds, what it has read. What takes memory to load is imported here, not by the manifest.
   */
  readonly open: (outside: ReaderOutside) => SourceReader | Promise<SourceReader>;
}

export interface ReaderOutside {
  readonly clock: Clock;
  /** The source's. */
  readonly id: string;
  /**
   * A name for what may not be named in a topic: always the same below this source's topic, like
   * no other's, and made under a key of this node. One safe level.
   */
  pseudonym(value: string): string;
}

export interface SourceReader {
  /** Said when the source begins to follow topics; `kept`: what it said before that is retained. */
  begin?(kept: readonly SourceKept[]): SourceReading;
  /** Said when it ends; of a node that died, before anybody can ask the next time. */
  end?(): SourceReading;
  /** Throws SOURCE_INVALID where nothing of it can be used. */
  read(input: SourceInput): SourceReading;
}

export interface SourceInput {
  readonly bytes: Uint8Array;
  /** The URL or path it was read from, or the topic it came on. */
  readonly from: string;
}

/** What stands of an earlier run; the topic is below the source's own. */
export interface SourceKept {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface SourceReading {
  readonly messages: readonly SectorMessage[];
  readonly faults: readonly Fault[];
  readonly answers?: readonly SourceAnswer[];
  /** Things of which it speaks, for the node's directory; those known as such change nothing. */
  readonly described?: readonly DescribedThing[];
}

/** A Thing behind a source. */
export interface DescribedThing {
  /** A URN: messages name the Thing by it. */
  readonly id: string;
  readonly title: string;
  readonly properties: Readonly<Record<string, DescribedProperty>>;
}

export interface DescribedProperty {
  /** Below the source's own; what is said there is the property's value. */
  readonly topic: string;
  /** Of such a message, as a Description has it (W3C WoT TD 1.1 §5.3.2). */
  readonly schema: JsonObject;
}

/** Said back to those who are followed; refused and counted where it is not on `answersOn`. */
export interface SourceAnswer {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface SectorMessage {
  /** Levels below the source's own topic, already safe (`levelOf`). */
  readonly topic: string;
  /** Becomes JSON. */
  readonly payload: object;
  /** Who comes later is told the last one. */
  readonly retain?: boolean;
}

/** Something that was left out, or is doubtful, and why. */
export interface Fault {
  /** One word, such as `position` or `clock`: faults are counted by it. */
  readonly code: string;
  readonly text: string;
}

/** A message as indicators and outputs get it; the payload is valid during the call alone. */
export interface FollowedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface IndicatorKind {
  readonly title: string;
  /** UCUM. */
  readonly unit: string;
  /** In words and symbols, as a person would check it. */
  readonly formula: string;
  /** Where it is defined. */
  readonly source?: string;
  /** What whoever adds it tells it, by name. */
  readonly settings?: Readonly<Record<string, SettingModel>>;
  /** The indicator of the Sustainable Development Goals that it contributes to. */
  readonly goal?: GoalContribution;
  /** BODY_INVALID where what it was told cannot be. */
  readonly open: (outside: IndicatorOutside) => Indicator;
}

export interface SettingModel {
  readonly title: string;
  readonly type: "number" | "string";
  /** UCUM. */
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  /** Taken where nothing is told; absent: it must be told. */
  readonly otherwise?: number | string;
}

/** What is told, or taken instead; each of its model's type. */
export type Settings = Readonly<Record<string, number | string>>;

export interface GoalContribution {
  /** Its official number. */
  readonly number: GoalNumber;
  /** What this figure says of it. */
  readonly contributes: string;
  /** What this figure leaves out: the official ones are national statistics. */
  readonly isNot: string;
}

export interface IndicatorOutside {
  readonly clock: Clock;
  readonly settings: Settings;
  /** Says the figure for a key, which becomes levels of its topic; told when it differs. */
  publish(key: string, figure: Figure): void;
  fault(fault: Fault): void;
}

/** Keeps bounded state. */
export interface Indicator {
  take(message: FollowedMessage): void;
  /** Called every few seconds: figures that need many messages are said here. */
  beat?(): void;
}

/** What an indicator says; further members tell how it came about. */
export interface Figure {
  /** Null where it cannot be said. */
  readonly value: number | null;
  /** UCUM; absent: the indicator's. */
  readonly unit?: string;
  readonly [member: string]: unknown;
}

export interface OutputKind {
  readonly title: string;
  readonly contentType: string;
  readonly open: (outside: { readonly clock: Clock }) => Composer;
}

/** Keeps bounded state. */
export interface Composer {
  take(message: FollowedMessage): void;
  compose(): Uint8Array;
}

/** What a sector with doors of its own is given. */
export interface SectorDoor {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** As a Thing's or a user's own client would; resolves when it is durable, where it is logged. */
  publish(message: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly retain?: boolean;
    /** Who is named as its publisher. */
    readonly as: Principal;
  }): Promise<void>;
  /** Retained messages first; returns what ends it. */
  subscribe(filter: string, onMessage: (message: FollowedMessage) => void): () => void;
  /** Who a name and password are, a Thing or a user; undefined: nobody. */
  authenticate(name: string, password: string): Principal | undefined;
  /** Before who came with a wrong password hears so: the longer, the more often it did. */
  slowDown(address: string, name: string): Promise<void>;
  /** A Thing as its own token would name it, for who has authenticated it otherwise. */
  thing(name: string): { readonly principal: Principal; readonly urn: string } | undefined;
  /** Told with a Thing's name when its token is good no more; returns what ends it. */
  onClosed(listener: (thing: string) => void): () => void;
  /** Documents of this sector alone. */
  readonly documents: SectorDocuments;
  /** Routes under `/sectors/<name>/`; who may call them is the sector's to see to. */
  routes(register: (scope: FastifyInstance) => void): Promise<void>;
  /** Routes under `/api/v1/sectors/<name>/`; each says who may call it, as all of the API's do. */
  api(register: SectorApi): void;
  /** Upgrade requests under `/sectors/<name>/`. */
  onUpgrade(take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  /** Told to people, in the node's journal. */
  tell(kind: string, text: string): void;
}

export type SectorApi = (scope: FastifyInstance, audited: Audited) => void;

/** Runs an administrative act and puts it on the audit trail, whatever becomes of it. */
export type Audited = <T>(
  request: FastifyRequest,
  what: string,
  run: () => Promise<T>,
) => Promise<T>;

export interface SectorDocuments {
  get<T>(id: string): Promise<T | undefined>;
  list(): Promise<readonly { readonly id: string; readonly doc: unknown }[]>;
  put(id: string, doc: unknown): Promise<void>;
  remove(id: string): Promise<void>;
}

const levelLengthMax = 200;

/** A foreign name as one level of a topic: what MQTT gives a meaning is percent-encoded. */
export function levelOf(name: string | undefined): string {
  const level = (name ?? "").replaceAll(/[%/+#\p{Cc}]|^\$/gu, (one) => {
    return `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return level === "" ? "-" : level.slice(0, levelLengthMax);
}
