import { count, micro, moment } from "../format.ts";
import { say } from "../words.ts";

/** A receipt as the node tells it. */
export interface SignedReceipt {
  readonly body: {
    readonly seq: number;
    /** Over the agreement's life, like the amount. */
    readonly messages: number;
    readonly amountMicro: string;
    readonly currency: string;
    /** ISO 8601, UTC. */
    readonly at: string;
  };
  readonly signatures: readonly unknown[];
}

/** The newest, each with who has signed it. */
export function Receipts({ receipts }: { readonly receipts: readonly SignedReceipt[] }) {
  return (
    <section>
      <h2>{say("agreement.receipts")}</h2>
      {receipts.length === 0 ? (
        <p>{say("agreement.receipts-none")}</p>
      ) : (
        <table class="receipts">
          <thead>
            <tr>
              <th scope="col">{say("receipt.number")}</th>
              <th scope="col">{say("receipt.until")}</th>
              <th scope="col">{say("column.messages")}</th>
              <th scope="col">{say("column.amount")}</th>
              <th scope="col">{say("receipt.signatures")}</th>
            </tr>
          </thead>
          <tbody>
            {receipts.map(({ body, signatures }) => (
              <tr key={body.seq}>
                <th scope="row">{count(body.seq)}</th>
                <td>{moment(body.at)}</td>
                <td>{count(body.messages)}</td>
                <td>{micro(body.amountMicro, body.currency)}</td>
                <td>{say(signatures.length === 2 ? "receipt.both" : "receipt.one")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
