import { count } from "../format.ts";
import { say } from "../words.ts";

/** Why messages are withheld, as `ports/usage.ts` names it. */
const REASONS = [
  "topic",
  "time",
  "place",
  "condition",
  "prohibited",
  "field",
  "rate",
  "retention",
  "cap",
  "volume",
  "early",
  "expired",
  "revoked",
  "exposure",
  "suspended",
  "queue-full",
  "claim",
  "unbilled",
  "no-agreement",
] as const;

/** Messages that were withheld under an agreement, and why. */
export function Refused({ refused }: { readonly refused: Readonly<Record<string, number>> }) {
  const some = Object.entries(refused).filter(([, messages]) => messages > 0);
  return (
    <section>
      <h2>{say("agreement.refused")}</h2>
      {some.length === 0 ? (
        <p>{say("agreement.refused-none")}</p>
      ) : (
        <dl class="facts">
          {some.map(([reason, messages]) => (
            <div key={reason}>
              <dt>{wordsFor(reason)}</dt>
              <dd>{count(messages)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function wordsFor(reason: string): string {
  const known = REASONS.find((one) => one === reason);
  return known === undefined ? reason : say(`reason.${known}`);
}
