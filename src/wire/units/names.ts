/**
 * Units by name: QUDT's are composed by rule (`KiloW-HR`, `M-PER-SEC2`) and read by it; the others
 * are those that ontologies of measure, makers of devices and people write.
 */
import { lookUpIn } from "./code-table.ts";

/** Case, spaces and underscores are no matter. */
const unitOfWord = lookUpIn(`
  celsius Cel; degc Cel; degreecelsius Cel; degreescelsius Cel; fahrenheit [degF]; degf [degF];
  degreefahrenheit [degF]; degreesfahrenheit [degF]; kelvin K; percent %; percentage %; permille
  [ppth]; one 1; unitless 1; dimensionless 1; partspermillion [ppm]; partsperbillion [ppb];
  metre m; meter m; metres m; meters m; kilometre km; kilometer km; centimetre cm; centimeter cm;
  millimetre mm; millimeter mm; squaremetre m2; cubicmetre m3; litre L; liter L; litres L;
  liters L; gram g; kilogram kg; milligram mg; tonne t; second s; seconds s; second-time s; sec s;
  minute min; minutes min; minute-time min; hour h; hours h; hrs h; day d; days d; millisecond ms;
  milliseconds ms; pascal Pa; hectopascal hPa; kilopascal kPa; millibar mbar; mmhg mm[Hg]; psi
  [psi]; inhg [in_i'Hg]; newton N; joule J; kilojoule kJ; megajoule MJ; watt W; watts W;
  kilowatt kW; megawatt MW; watthour W.h; kilowatthour kW.h; mwh MW.h; gwh GW.h; mva MV.A;
  mvar MV.A; volt V; volts V; millivolt mV; kilovolt kV; ampere A; amperes A; amp A; amps A;
  milliampere mA; mah mA.h; ohm Ohm; siemens S; farad F; henry H; coulomb C; hertz Hz;
  kilohertz kHz; megahertz MHz; rpm /min; bpm /min; degree deg; degrees deg; degreeangle deg;
  radian rad; lux lx; lumen lm; candela cd; decibel dB; db dB; ph [pH]; becquerel Bq; sievert Sv;
  tesla T; mole mol; bit bit; bits bit; byte By; bytes By; kbit kbit; kbps kbit/s; mbps Mbit/s;
  mph [mi_i]/h; kph km/h; kmh km/h; knot [kn_i]; knots [kn_i]; kn [kn_i]; metrepersecond m/s;
  meterpersecond m/s; metrepersecond-time m/s; kilometreperhour km/h; wattpersquaremetre W/m2;
  microgrampercubicmetre ug/m3; milligrampercubicmetre mg/m3; inch [in_i]; foot [ft_i];
  feet [ft_i]; mile [mi_i]; miles [mi_i]; pound [lb_av]; lb [lb_av]; lbs [lb_av]; gallon [gal_us]`);

export function unitByWord(text: string): string | undefined {
  return unitOfWord(text.toLowerCase().replaceAll(/[\s_]/g, ""));
}

/** What makers write for want of a code: `°C`, `µg/m³`, `N·m`, `m^2`. */
export function withoutSymbols(text: string): string {
  return text
    .replaceAll("°C", "Cel")
    .replaceAll("℃", "Cel")
    .replaceAll(/°F|℉/g, "[degF]")
    .replaceAll("°", "deg")
    .replaceAll("‰", "[ppth]")
    .replaceAll(/[µμ]/g, "u")
    .replaceAll(/[ΩΩ]/g, "Ohm")
    .replaceAll(/[·⋅×]/g, ".")
    .replaceAll("⁻", "-")
    .replaceAll(/[¹²³]/g, (digit) => digit.normalize("NFKC"))
    .replaceAll(/(?<=[A-Za-z\])])\^(?=-?\d)/g, "");
}

const prefixOf = lookUpIn(`
  Tera T; Giga G; Mega M; Kilo k; Hecto h; Deca da; Deci d; Centi c; Milli m; Micro u; Nano n;
  Pico p; Femto f; Kibi Ki; Mebi Mi; Gibi Gi; Tebi Ti`);
const unitOfStem = lookUpIn(`
  M m; GM g; SEC s; K K; A A; CD cd; MOL mol; RAD rad; SR sr; HZ Hz; N N; PA Pa; J J; W W; C C;
  V V; FARAD F; OHM Ohm; S S; WB Wb; T T; H H; LM lm; LUX lx; BQ Bq; GRAY Gy; SV Sv; KAT kat;
  DEG_C Cel; DEG_F [degF]; DEG deg; ARCMIN '; ARCSEC ''; MIN min; HR h; DAY d; WK wk; YR a; L L;
  TONNE t; BAR bar; ATM atm; PSI [psi]; M_HG m[Hg]; M_H2O m[H2O]; EV eV; A_Reactive A;
  PERCENT %; PERMILLE [ppth]; PPM [ppm]; PPB [ppb]; UNITLESS 1; NUM 1; REV 1; BEAT 1; COUNT 1;
  PH [pH]; DeciB dB; B B; BIT bit; BYTE By; BAUD Bd; NTU [NTU]; IN [in_i]; FT [ft_i]; YD [yd_i];
  MI [mi_i]; MI_N [nmi_i]; KN [kn_i]; LB [lb_av]; LB_F [lbf_av]; OZ [oz_av]; GAL_US [gal_us];
  BTU_IT [Btu_IT]; HP [HP]; CAL_TH cal_th; HA har; G [g]`);
const component =
  /^(?:(Tera|Giga|Mega|Kilo|Hecto|Deca|Deci|Centi|Milli|Micro|Nano|Pico|Femto|Kibi|Mebi|Gibi|Tebi)(?=.))?(.+?)(\d?)$/;

/** QUDT: components joined by hyphens, those after `PER` divide. */
export function unitByQudtName(name: string): string | undefined {
  let code = "";
  let separator = "";
  for (const part of name.split("-")) {
    if (part === "PER") {
      separator = "/";
      continue;
    }
    const one = componentOf(part);
    if (one === undefined) return undefined;
    code += separator + one;
    if (separator === "") separator = ".";
  }
  return code;
}

function componentOf(part: string): string | undefined {
  const whole = unitOfStem(part);
  if (whole !== undefined) return whole;
  const [, prefix = "", stem = "", exponent = ""] = component.exec(part) ?? [];
  const unit = unitOfStem(stem);
  return unit === undefined ? undefined : `${prefixOf(prefix) ?? ""}${unit}${exponent}`;
}
