import { useSignal } from '@preact/signals';
import { usePlayground } from '../context.ts';
import { copy } from '../parts/copy.ts';
import type { Key } from '../state/link.ts';

/** Copies the link that reproduces the page. It has the token only on request. */
export function CopyLink() {
  const { link } = usePlayground();
  const isCopied = useSignal(false);
  const withToken = useSignal(false);
  const hasToken = link.value.token !== '';
  return (
    <div class="copy-link">
      {hasToken && (
        <label class="check">
          <input
            type="checkbox"
            checked={withToken.value}
            onChange={(event) => {
              withToken.value = event.currentTarget.checked;
            }}
          />
          with token
        </label>
      )}
      <button
        type="button"
        class="quiet"
        onClick={async () => {
          isCopied.value = await copy(link.href(withToken.value));
          setTimeout(() => {
            isCopied.value = false;
          }, 1_500);
        }}
      >
        {isCopied.value ? copiedText(link.leftOut) : 'Copy link'}
      </button>
    </div>
  );
}

function copiedText(leftOut: readonly Key[]): string {
  return leftOut.length === 0
    ? 'Copied'
    : `Copied, without ${leftOut.map((key) => NAMES[key] ?? key).join(', ')}`;
}

const NAMES: Partial<Record<Key, string>> = { fn: 'function', cache: 'cache field' };
