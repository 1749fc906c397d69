import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** A key and a certificate, as files in PEM. */
export interface Issued {
  readonly key: string;
  readonly certificate: string;
}

/** Why no certificates can be made here; undefined: they can. */
export function noOpenssl(): string | undefined {
  const { error } = spawnSync("openssl", ["version"]);
  return error ? "openssl is not installed" : undefined;
}

/** An authority that names itself. */
export function authority(folder: string, name: string): Issued {
  const issued = filesOf(folder, name);
  openssl([
    ...["req", "-x509", ...newKey, "-keyout", issued.key, "-out", issued.certificate],
    ...["-days", "2", "-subj", `/CN=${name}`],
  ]);
  return issued;
}

/** For `localhost` and 127.0.0.1, or for a client; `days` below 0: it has ended. */
export function issue(folder: string, name: string, by: Issued, days = 2): Issued {
  const issued = filesOf(folder, name);
  const request = join(folder, `${name}.csr`);
  openssl([
    "req",
    ...newKey,
    "-keyout",
    issued.key,
    "-out",
    request,
    "-subj",
    `/O=Fleet/CN=${name}`,
  ]);
  openssl([
    ...["x509", "-req", "-in", request, "-CA", by.certificate, "-CAkey", by.key],
    ...["-CAcreateserial", "-out", issued.certificate, "-copy_extensions", "copyall"],
    ...["-days", String(days)],
  ]);
  return issued;
}

const newKey = [
  ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
  ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
];

function filesOf(folder: string, name: string): Issued {
  return { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.pem`) };
}

function openssl(args: readonly string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
