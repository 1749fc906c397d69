import { numbered } from "../format.ts";
import { rich, say } from "../words.ts";
import { decide, decided, type Waiting, waiting } from "../pending.ts";

/** Devices that wait to be let in, a card each; nothing where none waits. */
export function Pending() {
  const devices = waiting.value;
  const isQuiet = devices.length === 0 && decided.value === "";
  return (
    <section class="pending" aria-labelledby="pending-title" hidden={isQuiet}>
      <h2 id="pending-title">{say("pending")}</h2>
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
        {say("pending.from", {
          messages: numbered("count.message", messages),
          ...{ door, addresses: addresses.join(", ") },
        })}
      </p>
      <dl>
        {topics.slice(0, 3).map(({ topic, preview }) => (
          <div key={topic}>
            <dt>{topic}</dt>
            <dd>{preview}</dd>
          </div>
        ))}
      </dl>
      <p>{rich("pending.would", { name: <b>{suggestedName}</b>, topics: publish.join(", ") })}</p>
      {shared !== undefined && (
        <p class="pending-shared">{say("pending.shared", { reason: shared })}</p>
      )}
      <div class="pending-acts">
        <button
          type="button"
          aria-describedby={title}
          disabled={shared !== undefined}
          onClick={() => void decide(device, "accept")}
        >
          {say("pending.accept")}
        </button>
        <button
          type="button"
          aria-describedby={title}
          onClick={() => void decide(device, "refuse")}
        >
          {say("pending.refuse")}
        </button>
      </div>
    </li>
  );
}
