/** Options of the SDK, as the page's fields are called that they are given in. */
const FIELDS: Readonly<Record<string, string>> = {
  serverName: '“Servers”',
  dbAddress: '“Servers”',
  subAddress: '“Servers”',
  idleTimeout: '“Time-out in ms”',
  'is this its db_address?': 'is this the name that the relay has for it?',
  'the option token': 'the field “Token”',
  'the option WebSocket': 'a WebSocket',
};

const OPTIONS = new RegExp(
  Object.keys(FIELDS)
    .map((option) => option.replace('?', '\\?'))
    .join('|'),
  'g',
);

/** An error's text with the names of fields in place of those of options, which whoever reads it has not written. */
export function inFieldNames(text: string): string {
  return text.replace(OPTIONS, (option) => FIELDS[option] ?? option);
}
