import type { McpServer } from "@modelcontextprotocol/server";
import { Type } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import type { LinkResource } from "../../client/link-resource.ts";
import type { AgreementDetail } from "../../client/resources.ts";
import { catalogue, ComityError, type ErrorCode } from "../../kernel/errors.ts";
import type { Refusal } from "../../ports/usage.ts";
import { closed, count } from "./shapes.ts";
import { addTool } from "./tool.ts";

/** Why messages were withheld, as a person would say it. */
const withheldWords: Readonly<Record<Refusal, string>> = {
  "no-agreement": "nobody has an agreement on this stream under that name",
  unbilled:
    "the agreement costs money, and the client was a plain one that acknowledges nothing: " +
    "only a node's link is served",
  claim: "the consumer's last checkpoint does not go on from what it had acknowledged",
  topic: "their topic is outside the topics that were agreed on",
  time: "they came to the log outside the time that was agreed on",
  place: "they were sent from outside the area that was agreed on, or do not say from where",
  condition: "what was agreed on as conditions does not hold for them",
  prohibited: "a prohibition of the agreement holds for them",
  field: "their payload could not be read to leave out or change what was not agreed on",
  rate: "they were more in their stretch of time than the agreed rate",
  retention: "the log kept them no longer when it was their turn",
  cap: "the agreed number of messages has been delivered",
  volume: "the agreed number of bytes has been delivered",
  early: "the agreed time has not begun",
  expired: "the agreed time is over",
  revoked: "one side has ended the agreement",
  exposure: "too much was delivered that is not signed for yet",
  suspended: "delivery rests",
  "queue-full": "the receiver was slower than the stream, and the oldest gave way",
};

const endedWords: Readonly<Record<string, string>> = {
  revoked: "one side ended it",
  expired: "the agreed time is over",
  cap: "the agreed number of messages or bytes has been delivered",
};

const problemWords: Readonly<Record<NonNullable<LinkResource["problem"]>, string>> = {
  waiting: "the provider has not said yet where the stream can be fetched",
  address: "the provider named an address that this node does not connect to",
  refused: "the provider's node lets nobody in under this agreement",
  disagrees: "both sides count differently, so nothing more is taken",
  fault: "what the provider sends breaks the agreement or the protocol",
  failed: "what comes in cannot be stored here",
  limit: "what comes next would cost more than a limit that your organisation set",
};

/** Why something was refused or does not come, in plain words. */
export function addExplainTool(server: McpServer, node: ComityHttp): void {
  addTool(server, "explain_refusal", {
    title: "Explain a refusal",
    description:
      "Takes the code of an error, or an agreement's id, and says in plain words what was " +
      "refused or withheld, why, and what to do.",
    input: Type.Object(
      { of: Type.String({ description: "BUDGET_EXCEEDED, urn:uuid:…", maxLength: 512 }) },
      closed,
    ),
    output: Type.Object({
      explanation: Type.String(),
      whatToDo: Type.String(),
      withheld: Type.Optional(
        Type.Array(
          Type.Object({
            reason: Type.String(),
            messages: count("Since the node started."),
            because: Type.String(),
          }),
        ),
      ),
    }),
    async run({ of }) {
      if (isCode(of)) return explainCode(of);
      if (!of.startsWith("urn:"))
        throw new ComityError("NOT_FOUND", { what: "error code", id: of });
      const agreement = await node.agreement(of);
      const link = (await node.status()).links.find((one) => one.agreement === of);
      return explainAgreement(agreement, link);
    },
  });
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(catalogue, text);
}

function explainCode(code: ErrorCode) {
  const { message, remedy } = catalogue[code];
  return { explanation: message.replaceAll(/\{(\w+)\}/g, "<$1>"), whatToDo: remedy };
}

function explainAgreement(agreement: AgreementDetail, link: LinkResource | undefined) {
  const { ended, title, role, usage } = agreement;
  const withheld = Object.entries(usage?.refused ?? {}).map(([reason, messages]) => ({
    reason,
    messages,
    because: withheldWords[reason as Refusal] ?? reason,
  }));
  const { why, whatToDo } = ended
    ? whyEnded(title, ended)
    : role === "consumer"
      ? whyQuiet(title, link, agreement.delivery)
      : {
          why: `"${title}" is active.`,
          whatToDo: "Nothing, unless more was withheld than agreed.",
        };
  const unknown = "What the provider withheld is counted on its side alone.";
  const counts =
    role === "provider" ? (withheld.length === 0 ? "Nothing was withheld." : "") : unknown;
  return {
    explanation: [why, counts].filter((part) => part !== "").join(" "),
    whatToDo,
    ...(withheld.length > 0 && { withheld }),
  };
}

function whyEnded(title: string, { reason, by, at }: NonNullable<AgreementDetail["ended"]>) {
  const because = endedWords[reason] ?? reason;
  return {
    why: `"${title}" ended at ${at}: ${because} (told by ${by}). Nothing is delivered any more.`,
    whatToDo: "Ask for a new agreement with request_contract, if the stream is still needed.",
  };
}

function whyQuiet(title: string, link: LinkResource | undefined, delivery: string) {
  if (link?.problem !== undefined) {
    return {
      why: `"${title}" does not come: ${problemWords[link.problem]}.`,
      whatToDo: "Ask the node's operator to look at its log and to talk to the provider.",
    };
  }
  if (link?.state !== "up") {
    const lost =
      delivery === "logged" ? "nothing is lost meanwhile" : "what passes now is not kept";
    return {
      why: `"${title}" does not come: the connection to the provider is down; ${lost}.`,
      whatToDo: "Wait: it is tried again by itself.",
    };
  }
  return {
    why: `"${title}" is active and connected; ${link.messages} messages have come.`,
    whatToDo: "Wait for the provider's devices to publish, or ask for history.",
  };
}
