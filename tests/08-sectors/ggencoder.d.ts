/** An AIS encoder that shares nothing with the decoder under test. */
declare module "ggencoder" {
  interface AisMessage {
    readonly aistype: 1 | 5 | 18;
    readonly mmsi: string;
    readonly [member: string]: unknown;
  }
  interface Decoded {
    readonly valid: boolean;
    readonly aistype: number;
    readonly mmsi: string;
    readonly lat: number;
    readonly lon: number;
    readonly sog: number;
    readonly cog: number;
  }
  const ais: {
    readonly AisEncode: new (message: AisMessage) => { readonly nmea: string };
    readonly AisDecode: new (nmea: string) => Decoded;
  };
  export = ais;
}
