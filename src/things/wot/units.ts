/**
 * Units as devices write them, said in UCUM: UN/CEFACT Recommendation 20 common codes, and those of
 * the SenML registry (RFC 8428 §12.1) that UCUM writes otherwise. What is in neither stays.
 */
const ucum: ReadonlyMap<string, string> = new Map([
  // UN/CEFACT Recommendation 20
  ["CEL", "Cel"],
  ["FAH", "[degF]"],
  ["KEL", "K"],
  ["BAR", "bar"],
  ["MBR", "mbar"],
  ["PAL", "Pa"],
  ["A97", "hPa"],
  ["KPA", "kPa"],
  ["MPA", "MPa"],
  ["WTT", "W"],
  ["KWT", "kW"],
  ["MAW", "MW"],
  ["WHR", "W.h"],
  ["KWH", "kW.h"],
  ["MWH", "MW.h"],
  ["JOU", "J"],
  ["VLT", "V"],
  ["AMP", "A"],
  ["OHM", "Ohm"],
  ["HTZ", "Hz"],
  ["MTR", "m"],
  ["MMT", "mm"],
  ["CMT", "cm"],
  ["KMT", "km"],
  ["MTS", "m/s"],
  ["KMH", "km/h"],
  ["MTK", "m2"],
  ["MTQ", "m3"],
  ["LTR", "L"],
  ["MQH", "m3/h"],
  ["GRM", "g"],
  ["KGM", "kg"],
  ["TNE", "t"],
  ["SEC", "s"],
  ["MIN", "min"],
  ["HUR", "h"],
  ["DAY", "d"],
  ["DD", "deg"],
  ["LUX", "lx"],
  ["LUM", "lm"],
  ["NEW", "N"],
  ["P1", "%"],
  ["59", "[ppm]"],
  ["2N", "dB"],
  ["RPM", "/min"],
  ["D54", "W/m2"],
  // SenML
  ["l", "L"],
  ["l/s", "L/s"],
  ["lat", "deg"],
  ["lon", "deg"],
  ["pH", "[pH]"],
  ["/", "1"],
  ["%RH", "%"],
  ["%EL", "%"],
  ["beat/min", "/min"],
]);

/** Two ways of writing one unit, such as `CEL` and `Cel`. */
export function isSameUnit(one: string, other: string): boolean {
  return (ucum.get(one) ?? one) === (ucum.get(other) ?? other);
}
