/** A page that breaks the policy it is under, to see that the tests would notice. */
new Image().src = 'http://127.0.0.1/image.png';
try {
  document.body.innerHTML = '<b>bold</b>';
} catch {
  // As it must be.
}
