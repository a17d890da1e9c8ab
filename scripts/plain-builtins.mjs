// A rolldown plugin for our bundles. `import 'node:util'` makes Node read every export of that module to copy it, getters
// that load more among them: `node:http` loads undici so, 15 MB and 15 ms a process, `node:util` a parser of MIME types
// (measured with Node 26.10). A module that is asked for as it is loads none of them.
import { isBuiltin } from 'node:module';

const importLine = /^import\s+([^"';]+?)\s+from\s+["']([a-z0-9_:/]+)["'];?$/gm;

/** Of packages in CommonJS: the first `require` of a process would set up a loader that nothing else needs. */
const requireCall = /__require(?:\$\d+)?\((["'])([a-z0-9_:/]+)\1\)/g;
const takenPlainly = (module) => `globalThis.process.getBuiltinModule(${JSON.stringify(module)})`;

/** `a, b as c` of an import, as a pattern of a declaration. */
const patternOf = (names) => `{ ${names.replaceAll(/\s+as\s+/g, ': ')} }`;

function declarationsOf(clause, module) {
  const source = takenPlainly(module);
  const [, whole = '', names = ''] = /^((?:\* as )?[\w$]+)?\s*,?\s*(?:\{([^}]*)\})?$/.exec(clause) ?? [];
  if (whole === '' && names === '') throw new Error(`cannot be read: import ${clause} from ${module}`);
  return [
    ...(whole === '' ? [] : [`const ${whole.replace('* as ', '')} = ${source};`]),
    ...(names === '' ? [] : [`const ${patternOf(names.trim())} = ${source};`]),
  ].join(' ');
}

export const plainBuiltins = {
  name: 'plain-builtins',
  renderChunk: (code) => ({
    code: code
      .replaceAll(importLine, (line, clause, module) =>
        isBuiltin(module) ? declarationsOf(clause, module) : line,
      )
      .replaceAll(requireCall, (call, _quote, module) => (isBuiltin(module) ? takenPlainly(module) : call)),
  }),
};
