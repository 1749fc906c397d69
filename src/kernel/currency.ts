/**
 * ISO 4217:2015, list one as its maintenance agency (SIX) publishes it: the currencies of
 * countries, by how many decimal places their minor unit has. Not in it: metals, units of account
 * and test codes, in which nobody is paid. Codes that left the list since 2025 (ANG, BGN) stay:
 * what was agreed in them is still read.
 */
const codes: Readonly<Record<number, string>> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2:
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN " +
    "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP " +
    "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP " +
    "LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR " +
    "NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN " +
    "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR " +
    "ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const exponents = new Map(
  Object.entries(codes).flatMap(([places, text]) =>
    text.split(" ").map((code) => [code, Number(places)] as const),
  ),
);

/** Decimal places of the currency's minor unit; undefined where nobody pays in that. */
export function currencyExponent(code: string): number | undefined {
  return exponents.get(code);
}

/** To whole minor units, halves away from zero; micro-units in and out. */
export function roundedToMinor(micro: bigint, exponent: number): bigint {
  const unit = 10n ** BigInt(6 - exponent);
  const size = micro < 0n ? -micro : micro;
  const rounded = ((size + unit / 2n) / unit) * unit;
  return micro < 0n ? -rounded : rounded;
}

/** With all places of the minor unit: `12.30` EUR, `12` JPY, `12.300` KWD. */
export function formatMinor(micro: bigint, exponent: number): string {
  const size = micro < 0n ? -micro : micro;
  const digits = (size / 10n ** BigInt(6 - exponent)).toString().padStart(exponent + 1, "0");
  const cut = digits.length - exponent;
  const text = exponent === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return micro < 0n ? `-${text}` : text;
}
