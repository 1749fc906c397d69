import { connection, signIn } from "../state.ts";
import { rich, say } from "../words.ts";

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
      <h2 id="sign-in-title">{say("sign-in")}</h2>
      <p>
        {rich("sign-in.how", {
          command: <code>comity console</code>,
          file: <code>admin-token</code>,
        })}
      </p>
      <label for="token">{say("sign-in.token")}</label>
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
        {say(state === "refused" ? "sign-in.refused" : "sign-in.kept")}
      </p>
      <button type="submit">{say("sign-in.go")}</button>
    </form>
  );
}
