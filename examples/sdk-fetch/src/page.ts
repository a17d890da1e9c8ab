// The page. Pure: text in, text out.
import type { Tako } from '@tako/sdk';

export function renderPage(greeting: string, tako: Tako): string {
  const rows = [
    ['app', tako.app],
    ['environment', tako.env],
    ['version', tako.version],
    ['instance', tako.instance],
  ] as const;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(greeting)}</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem } th { text-align: left; padding-right: 1rem }</style>
<h1>${escape(greeting)}</h1>
<table>
${rows.map(([name, value]) => `<tr><th>${name}</th><td>${escape(value ?? 'not run by Tako')}</td></tr>`).join('\n')}
</table>
<p><a href="/api/hello?name=you">/api/hello</a> · <a href="/api/slow?ms=2000">/api/slow</a></p>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
