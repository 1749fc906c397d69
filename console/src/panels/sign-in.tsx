import { connection, signIn } from "../state.ts";

/** Shown where the node keeps its world to those who have a token. */
export function SignIn() {
  const state = connection.value;
  if (state !== "sign-in" && state !== "refused") return null;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get("token");
    if (typeof token === "string" && token.trim() !== "") void signIn(token.trim());
  };
  return (
    <form class="sign-in" onSubmit={submit} aria-labelledby="sign-in-title">
      <h2 id="sign-in-title">This node shows its world to those who have a token.</h2>
      <p>
        <code>comity console</code> prints a link that signs you in. A token does as well: the
        admin's is in the file <code>admin-token</code> of the node's data folder.
      </p>
      <label for="token">Token</label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="off"
        spellcheck={false}
        aria-describedby="sign-in-note"
        aria-invalid={state === "refused"}
        required
      />
      <p id="sign-in-note" role={state === "refused" ? "alert" : undefined}>
        {state === "refused"
          ? "The node did not accept that. A link is good once; a token must be of this node."
          : "It is sent to this node only, and kept nowhere."}
      </p>
      <button type="submit">Show the world</button>
    </form>
  );
}
