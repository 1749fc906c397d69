/** What a partner needs to receive: written out, so that it can be pasted and runs. */
export interface Access {
  /** `mqtt://host:port` */
  readonly mqttUrl: string;
  readonly agreement: string;
  readonly token: string;
  readonly topics: readonly string[];
  /** `https://host`, under which the data door answers. */
  readonly baseUrl: string;
  /** It has a past to ask for. */
  readonly isLogged: boolean;
  /** Names of the product's native feeds, as its sector has them. */
  readonly feeds: readonly string[];
  /** Billed on acknowledgements: by MQTT alone. */
  readonly isBilled: boolean;
}

export interface ReadyLines {
  readonly title: string;
  readonly code: string;
}

/** One for each way in; every value is quoted as its language quotes. */
export function readyLines(access: Access): readonly ReadyLines[] {
  const { mqttUrl, agreement, token, topics, baseUrl, isLogged, isBilled, feeds } = access;
  const data = `${baseUrl.replace(/\/$/, "")}/data/${encodeURIComponent(agreement)}`;
  const authorization = shell(`Authorization: Bearer ${token}`);

  const { hostname, port } = new URL(mqttUrl);
  const host = hostname.replace(/^\[|\]$/g, "");
  const filters = topics.map((topic) => `-t ${shell(topic)}`).join(" ");
  const subscribe = topics.map((topic) => `    client.subscribe(${JSON.stringify(topic)}, qos=1)`);
  const follow = topics.map(
    (topic) => `await client.subscribe(${JSON.stringify(topic)}, { qos: 1 }, (message) => {
  console.log(message.topic, Buffer.from(message.payload).toString());
});`,
  );
  return [
    {
      title: "MQTT (mosquitto_sub)",
      code: `mosquitto_sub -V 5 -h ${shell(host)} -p ${port} -q 1 \\
  -u ${shell(agreement)} -P ${shell(token)} ${filters} -v`,
    },
    ...(isBilled
      ? []
      : [
          {
            title: "Event stream (curl)",
            code: `curl -sN -H ${authorization} ${shell(`${data}/stream`)}`,
          },
        ]),
    ...(isLogged && !isBilled
      ? [
          {
            title: "History (curl)",
            code: `curl -s -H ${authorization} ${shell(`${data}/history?limit=100`)}`,
          },
        ]
      : []),
    ...(isBilled ? [] : feeds).map((feed) => ({
      title: `Native feed, ${feed} (curl)`,
      code: `curl -s -H ${authorization} ${shell(`${data}/feed/${feed}`)} -o ${shell(feed)}`,
    })),
    {
      title: "Python (paho-mqtt 2)",
      code: `import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
client.username_pw_set(${JSON.stringify(agreement)}, ${JSON.stringify(token)})

def on_connect(client, userdata, flags, reason, properties):
${subscribe.join("\n")}

client.on_connect = on_connect
client.on_message = lambda client, userdata, m: print(m.topic, m.payload.decode())
client.connect(${JSON.stringify(host)}, ${port})
client.loop_forever()`,
    },
    {
      title: "TypeScript (comity)",
      code: `import { connectMqtt } from "comity";

const client = await connectMqtt({
  url: ${JSON.stringify(mqttUrl)},
  username: ${JSON.stringify(agreement)},
  password: ${JSON.stringify(token)},
});
${follow.join("\n")}`,
    },
  ];
}

/** POSIX shell: nothing is special between single quotes but the quote itself. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
