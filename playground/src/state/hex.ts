export function hexOf(payload: Uint8Array): string {
  let text = '';
  for (const byte of payload) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** @throws Error for text that is not hex. Spaces and line ends between bytes are ignored. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    throw new Error('hex is two digits of 0–9 and a–f for each byte, such as 66 72 6f 6e 64');
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** As hex editors show it: place, sixteen bytes, and what of them is ASCII. */
export function hexDump(payload: Uint8Array, most = 1_024): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(payload.length, most); at += 16) {
    const row = payload.subarray(at, at + 16);
    const bytes = Array.from(row, (byte) => byte.toString(16).padStart(2, '0'));
    const ascii = Array.from(row, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·'));
    lines.push(`${at.toString(16).padStart(4, '0')}  ${bytes.join(' ').padEnd(47)}  ${ascii.join('')}`);
  }
  if (payload.length > most) lines.push(`… ${payload.length - most} bytes more`);
  return lines.join('\n');
}
