/** Where a receiver is; `at` in milliseconds since the Unix epoch, `bearing` in degrees. */
export interface Fix {
  readonly at: number;
  readonly lat: number;
  readonly lon: number;
  readonly metresASecond: number;
  readonly bearing: number;
}

const knotsPerMetreASecond = 3600 / 1852;

/** NMEA 0183's RMC sentence, as a receiver of GPS says it once it has a fix. */
export function positionSentence({ at, lat, lon, metresASecond, bearing }: Fix): string {
  const [date = "", time = ""] = new Date(at).toISOString().split(/[TZ]/);
  const [year = "", month, day] = date.split("-");
  const body = [
    ...["GPRMC", time.replaceAll(":", ""), "A"],
    ...[degrees(lat, 2), lat < 0 ? "S" : "N", degrees(lon, 3), lon < 0 ? "W" : "E"],
    ...[(metresASecond * knotsPerMetreASecond).toFixed(2), (bearing % 360).toFixed(1)],
    ...[`${day}${month}${year.slice(2)}`, "", "", "A"],
  ].join(",");
  const sum = Buffer.from(body).reduce((all, byte) => all ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** `5155.34560`: degrees and minutes in one, `digits` of degrees. */
function degrees(angle: number, digits: number): string {
  const minutes = Math.round(Math.abs(angle) * 60 * 1e5) / 1e5;
  const whole = Math.floor(minutes / 60);
  const rest = (minutes - whole * 60).toFixed(5).padStart(8, "0");
  return `${String(whole).padStart(digits, "0")}${rest}`;
}
