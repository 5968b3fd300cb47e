import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A folder of authorities, and of certificates that they have signed: NAME.crt and NAME.key each. */
export class Certificates {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));

  authority(name: string): this {
    this.#openssl('req', '-x509', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`);
    return this;
  }

  /** A certificate with these extensions. `days` from now it ends. */
  signed(name: string, by: string, extensions: string, days = 1): this {
    writeFileSync(join(this.folder, `${name}.ext`), extensions);
    this.#openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const signer = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', String(days)];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-extfile', `${name}.ext`, '-out', `${name}.crt`);
    return this;
  }

  pem(file: string): Buffer {
    return readFileSync(join(this.folder, file));
  }

  /** What a server needs to show this certificate. */
  shown(name: string): { readonly cert: Buffer; readonly key: Buffer } {
    return { cert: this.pem(`${name}.crt`), key: this.pem(`${name}.key`) };
  }

  copy(file: string, to: string): void {
    copyFileSync(join(this.folder, file), to);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}
