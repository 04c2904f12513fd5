/** A field that takes a whole number. @throws Error that names the field as the page does. */
export function wholeNumber(field: string, written: string, least: number): number {
  const value = Number(written);
  if (written.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`“${field}” takes a whole number from ${least} on, not “${written.slice(0, 40)}”.`);
}
