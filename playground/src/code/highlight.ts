export interface Token {
  readonly kind: 'plain' | 'comment' | 'text' | 'keyword' | 'number';
  readonly text: string;
}

const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|(?<keyword>\b(?:import|from|const|let|await|async|for|of|in|if|else|new|return|yield|function|export|throw|undefined)\b)|(?<number>\b\d[\w.]*\b)/g;

/** Cuts code into pieces, each with its colour. */
export function highlight(code: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of code.matchAll(TOKEN)) {
    if (match.index > at) tokens.push({ kind: 'plain', text: code.slice(at, match.index) });
    const { comment, text, keyword } = match.groups ?? {};
    const kind =
      comment !== undefined
        ? 'comment'
        : text !== undefined
          ? 'text'
          : keyword !== undefined
            ? 'keyword'
            : 'number';
    tokens.push({ kind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < code.length) tokens.push({ kind: 'plain', text: code.slice(at) });
  return tokens;
}
