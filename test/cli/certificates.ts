/** Certificates for tests, signed by nobody but themselves. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { within } from '../support/wait.ts';

/** Has openssl write NAME.cert.pem and NAME.key.pem, for 127.0.0.1. Gives their paths. */
export async function makeCertificate(folder: string, name: string) {
  const [cert, key] = [join(folder, `${name}.cert.pem`), join(folder, `${name}.key.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await promisify(execFile)('openssl', ['req', ...form, ...subject, '-keyout', key, '-out', cert]);
  return { cert, key };
}

/** A connection that trusts anybody, open, and whom the certificate says it is to. */
export async function openTls(port: number): Promise<{ readonly socket: TLSSocket; readonly name: string }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  await within(5_000, new Promise((resolve) => socket.once('secureConnect', resolve)), 'the handshake');
  return { socket, name: String(socket.getPeerCertificate().subject.CN) };
}
