// The build step: the styles of library and app become one file, named by its content, listed in a manifest.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = import.meta.dirname;
const css = [fileURLToPath(import.meta.resolve('@monorepo/ui/styles.css')), path.join(here, 'src/web.css')]
  .map((file) => fs.readFileSync(file, 'utf8'))
  .join('\n');
const name = `styles.${createHash('sha256').update(css).digest('hex').slice(0, 12)}.css`;

fs.rmSync(path.join(here, 'dist'), { recursive: true, force: true });
fs.mkdirSync(path.join(here, 'dist/public/assets'), { recursive: true });
fs.writeFileSync(path.join(here, 'dist/public/assets', name), css);
fs.writeFileSync(path.join(here, 'dist/manifest.json'), JSON.stringify({ stylesheet: `/assets/${name}` }));
console.log(`built /assets/${name}`);
