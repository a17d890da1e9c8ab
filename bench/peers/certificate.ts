// The certificate that all peers serve, and those of many names.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function createCertificate(dir: string, host: string): void {
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', `${dir}/key.pem`, '-out', `${dir}/certificate.pem`];
  execFileSync('openssl', ['req', '-x509', '-days', '30', ...key, ...subject, ...files], { stdio: 'ignore' });
}

/** `{host}.crt` and `{host}.key` of each name, each with a key of its own; both in one as `both/{host}.pem`. */
export function createNameCertificates(dir: string, hosts: readonly string[]): void {
  mkdirSync(path.join(dir, 'both'), { recursive: true });
  for (const host of hosts) {
    createCertificate(dir, host);
    const [certificate, key] = [path.join(dir, 'certificate.pem'), path.join(dir, 'key.pem')];
    copyFileSync(certificate, path.join(dir, `${host}.crt`));
    copyFileSync(key, path.join(dir, `${host}.key`));
    writeFileSync(
      path.join(dir, 'both', `${host}.pem`),
      `${readFileSync(certificate, 'utf8')}${readFileSync(key, 'utf8')}`,
    );
  }
}
