import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { certificatesIn } from '../core/tls/certificates.ts';
import type { Finding } from '../core/finding.ts';
import { thrownMessage } from '../core/thrown.ts';
import { mostReferenceBytes, readText } from './document/read-text.ts';
import type { TlsConfig } from './schema/tls-schema.ts';

/** The content of the files of `server.tls`: PEM texts that belong together. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
  readonly validity: {
    /** Of the certificates in `cert`: all of them have to be valid. */
    readonly cert: Validity;
    /** From the first certificate of `clientCa` that becomes valid until the last one that expires. */
    readonly clientCa: Validity | undefined;
  };
}

/** Milliseconds since 1970. */
interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reads the text of a file; throws if it cannot be read. */
type ReadFile = (name: string) => string;

/** Reads the files of `server.tls`, and reports everything that is wrong with them except their time of validity. */
export function readTlsFiles(
  { cert, key, clientCa }: TlsConfig,
  readFile: ReadFile,
): { readonly findings: readonly Finding[]; readonly tls: TlsFiles | undefined } {
  const findings: Finding[] = [];
  const part = <Content>(name: keyof TlsConfig, file: string, parse: (pem: string) => Content) => {
    const wrong = (message: string): undefined =>
      void findings.push({ path: ['server', 'tls', name], message: `${message}: ${file}` });
    let pem: string;
    try {
      pem = readFile(file);
    } catch (error) {
      return wrong(`the file cannot be read (${thrownMessage(error)}); correct the path or the rights`);
    }
    try {
      return { pem, content: parse(pem) };
    } catch (error) {
      return wrong(`expected a file of ${contents[name]} (${thrownMessage(error)})`);
    }
  };
  const ofCert = part('cert', cert, certificatesIn);
  const ofKey = part('key', key, (pem) => createPrivateKey(pem));
  const ofClientCa = clientCa === undefined ? undefined : part('clientCa', clientCa, certificatesIn);
  const leaf = ofCert?.content[0];
  if (leaf !== undefined && ofKey !== undefined && !leaf.checkPrivateKey(ofKey.content)) {
    const message = `it is not the private key of tls.cert (${cert}), whose first certificate has to be that of the service: ${key}`;
    findings.push({ path: ['server', 'tls', 'key'], message });
  }
  if (findings.length > 0 || ofCert === undefined || ofKey === undefined) return { findings, tls: undefined };
  const validity = {
    cert: commonValidity(ofCert.content),
    clientCa: ofClientCa === undefined ? undefined : anyValidity(ofClientCa.content),
  };
  return { findings, tls: { cert: ofCert.pem, key: ofKey.pem, clientCa: ofClientCa?.pem, validity } };
}

/** The same files as they are now; undefined if something is wrong with them. */
export function readTlsAgain(config: TlsConfig, baseDir: string): TlsFiles | undefined {
  return readTlsFiles(config, (name) => readText(resolve(baseDir, name), mostReferenceBytes)).tls;
}

const contents: Readonly<Record<keyof TlsConfig, string>> = {
  cert: 'certificates in PEM form',
  key: 'a private key in PEM form, without a passphrase',
  clientCa: 'certificates in PEM form',
};

/** What is wrong with the validity at this time. A service starts all the same: its clients decide. */
export function invalidTimes({ validity }: TlsFiles, nowMs: number): readonly Finding[] {
  return (['cert', 'clientCa'] as const).flatMap((name): readonly Finding[] => {
    const valid = validity[name];
    if (valid === undefined || (nowMs >= valid.fromMs && nowMs <= valid.toMs)) return [];
    const message =
      nowMs > valid.toMs
        ? `a certificate of it expired at ${text(valid.toMs)}; renew it`
        : `a certificate of it is not valid before ${text(valid.fromMs)}; check the clock of this machine`;
    return [{ path: ['server', 'tls', name], message }];
  });
}

const text = (ms: number): string => new Date(ms).toISOString();

const validityOf = ({ validFromDate, validToDate }: X509Certificate): Validity => ({
  fromMs: validFromDate.getTime(),
  toMs: validToDate.getTime(),
});

function commonValidity(certificates: readonly X509Certificate[]): Validity {
  const each = certificates.map(validityOf);
  return { fromMs: Math.max(...each.map(({ fromMs }) => fromMs)), toMs: Math.min(...each.map(({ toMs }) => toMs)) };
}

function anyValidity(certificates: readonly X509Certificate[]): Validity {
  const each = certificates.map(validityOf);
  return { fromMs: Math.min(...each.map(({ fromMs }) => fromMs)), toMs: Math.max(...each.map(({ toMs }) => toMs)) };
}
