// Pieces of HTML that the apps of this repository share.

/** A whole document. `stylesheet` is a URL; title and body are text and HTML of the caller. */
export function layout({ title, stylesheet, body }) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${escapeHtml(stylesheet)}">
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`;
}

export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
