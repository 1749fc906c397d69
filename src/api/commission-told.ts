import { Type } from "typebox";
import type {
  ChangeResource,
  CommissionResource,
  MarkResource,
  RecognitionResource,
} from "../client/commissions.ts";
import type { Mark } from "../kernel/mark.ts";
import { changesBetween, type Change, describeChange } from "../market/commission/changes.ts";
import type { Commission } from "../market/commission/document.ts";
import type { Recognition } from "../market/commission/recognitions.ts";
import type { ApiDeps } from "./deps.ts";

type Told = Pick<ApiDeps, "commissions" | "peers">;

export const commissionName = Type.String({
  ...{ minLength: 1, maxLength: 700 },
  description: "A vocabulary: its hash, or [issuer/]sector[@version].",
});

/** A mark as answers have it. */
export const MarkAnswer = Type.Object(
  { state: Type.String(), checked: Type.Integer(), conforming: Type.Integer() },
  { description: "The vocabulary it is by, and how its messages were when they were looked at." },
);

export function toldCommission(
  { commissions: { documents, recognitions } }: Pick<Told, "commissions">,
  { hash, document }: Commission,
): CommissionResource {
  const { issuer, sector, version, title, issuedAt } = document;
  const own = documents.isOwn(document);
  const recognised = recognitions.counts(hash);
  return { hash, issuer, sector, version, title, issuedAt, own, recognised };
}

export function toldRecognition(deps: Told, recognition: Recognition): RecognitionResource {
  const { documents } = deps.commissions;
  const { issuer, sector, checkedAt, problem, rival } = recognition;
  const accepted = documents.need(recognition.accepted);
  const offered =
    recognition.offered === undefined ? undefined : documents.get(recognition.offered);
  return {
    ...{ issuer, issuerName: deps.peers.nameOf(issuer), sector, checkedAt },
    accepted: toldCommission(deps, accepted),
    ...(offered && {
      offered: {
        commission: toldCommission(deps, offered),
        changes: toldChanges(accepted, offered),
      },
    }),
    ...(problem !== undefined && { problem }),
    ...(rival && { rival }),
  };
}

export function toldChanges(old: Commission, next: Commission): ChangeResource[] {
  return changesBetween(old.document, next.document).map(toldChange);
}

export function toldChange(change: Change): ChangeResource {
  return { level: change.level, text: describeChange(change) };
}

/** With whether this node takes that issuer's word. */
export function toldMark(
  { commissions }: Pick<Told, "commissions">,
  mark: Mark | undefined,
): { readonly mark?: MarkResource } {
  if (mark === undefined) return {};
  return {
    mark: { ...mark, ...(commissions.recognitions.counts(mark.hash) && { recognised: true }) },
  };
}
