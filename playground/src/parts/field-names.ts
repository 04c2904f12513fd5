/** The names of the page's fields, by the option of frond that they set. */
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

/** Replaces names of options in an error's text by names of fields, because the user filled in fields. */
export function inFieldNames(text: string): string {
  return text.replace(OPTIONS, (option) => FIELDS[option] ?? option);
}
