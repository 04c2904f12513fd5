import { usePlayground } from '../context.ts';
import type { Key } from '../state/link.ts';

/** Says that a field is too long for the page's address. */
export function LeftOut({ field }: { readonly field: Key }) {
  const { link } = usePlayground();
  if (!link.leftOut.includes(field)) return null;
  return (
    <p class="hint" role="status">
      Too long for the page’s address: a link to this page leaves it out.
    </p>
  );
}
