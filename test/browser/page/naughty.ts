/** A page that breaks the policy it is under, to see that the tests would notice. */
try {
  // biome-ignore lint/security/noGlobalEval: the very thing that the policy forbids.
  globalThis.eval('1');
} catch {
  // As it must be.
}
try {
  document.body.innerHTML = '<b>bold</b>';
} catch {
  // So must this.
}
