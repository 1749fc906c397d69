import { decide, decided, type Waiting, waiting } from "../pending.ts";

/** Devices that wait to be let in, a card each; nothing where none waits. */
export function Pending() {
  const devices = waiting.value;
  const isQuiet = devices.length === 0 && decided.value === "";
  return (
    <section class="pending" aria-labelledby="pending-title" hidden={isQuiet}>
      <h2 id="pending-title">Devices that wait</h2>
      <p class="quiet" role="status">
        {decided.value}
      </p>
      <ul>
        {devices.map((device) => (
          <Device key={device.id} {...device} />
        ))}
      </ul>
    </section>
  );
}

function Device(device: Waiting) {
  const { id, name, suggestedName, addresses, door, messages, publish, shared, topics } = device;
  const title = `pending-${id}`;
  return (
    <li class="pending-device">
      <h3 id={title}>{name}</h3>
      <p class="quiet">
        {messages} {messages === 1 ? "message" : "messages"} over {door} from {addresses.join(", ")}
      </p>
      <dl>
        {topics.slice(0, 3).map(({ topic, preview }) => (
          <div key={topic}>
            <dt>{topic}</dt>
            <dd>{preview}</dd>
          </div>
        ))}
      </dl>
      <p>
        Accepted, it is <b>{suggestedName}</b> and may publish {publish.join(", ")}.
      </p>
      {shared !== undefined && <p class="pending-shared">But {shared}: accept it by command.</p>}
      <div class="pending-acts">
        <button
          type="button"
          aria-describedby={title}
          disabled={shared !== undefined}
          onClick={() => void decide(device, "accept")}
        >
          Accept
        </button>
        <button
          type="button"
          aria-describedby={title}
          onClick={() => void decide(device, "refuse")}
        >
          Refuse
        </button>
      </div>
    </li>
  );
}
