/**
 * What SenML's registries of units and secondary units (RFC 8428 §12.1, RFC 8798, and what was
 * registered since) write otherwise than UCUM. `B` is the byte there and the bel in UCUM.
 */
export const senml = `
  lat deg; lon deg; pH [pH]; dBW dB[W]; Bspl B[SPL]; count 1; / 1; %RH %; %EL %; EL s;
  beat/min /min; beats 1; B By; VA V.A; VAs V.A.s; var V.A; vars V.A.s; NTU [NTU]; kVA kV.A;
  kvar kV.A; Ah A.h; Wh W.h; kWh kW.h; varh V.A.h; kvarh kV.A.h; kVAh kV.A.h; VAh V.A.h;
  Wh/km W.h/km; KiB KiBy; GB GBy; B/s By/s; MB/s MBy/s; ppm [ppm]; ppb [ppb]; ppt [pptr];
  /100 %; /1000 [ppth]`;
