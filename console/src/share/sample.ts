/** The live sample on the page of a share link; without it the page says the same, but for this. */
interface Sampled {
  readonly topic: string;
  readonly payload: string;
  readonly at: string;
}

const list = document.querySelector<HTMLOListElement>("#sample");
const state = document.querySelector("#sample-state");
const source = list?.dataset["source"];

if (list && state && source !== undefined) {
  state.textContent =
    "At most ten messages, as the agreement would let them through. Waiting for the first …";
  const events = new EventSource(source);
  events.addEventListener("message", ({ data }: MessageEvent<string>) => {
    const { topic, payload, at } = JSON.parse(data) as Sampled;
    const line = document.createElement("li");
    const where = document.createElement("code");
    where.textContent = topic;
    line.append(where, ` ${payload} `, timeOf(at));
    list.append(line);
    state.textContent = "As the agreement would let them through.";
  });
  const end = (): void => {
    events.close();
    if (list.children.length === 0) state.textContent = "Nothing came just now.";
  };
  events.addEventListener("done", end);
  // it would ask again by itself, for ever
  events.addEventListener("error", end);
}

function timeOf(at: string): HTMLTimeElement {
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = at.slice(11, 19);
  return time;
}
