// The runner: `node …/@tako/sdk/dist/run.js main.ts` starts a module that default-exports an app, as well as one
// that calls serve() or attach() itself. The module sees the arguments as if it had been started directly.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readApp } from './app.ts';
import { instanceContext } from './instance-context.ts';
import { endProcess } from './lifecycle.ts';
import { serve } from './serve.ts';

const main = process.argv[2];
if (main === undefined) endProcess(2, 'nothing to run', "give the path of the app's main module");

const file = path.resolve(main);
process.argv.splice(1, 2, file);

const module: { readonly default?: unknown } = await import(pathToFileURL(file).href);
if (!instanceContext().isClaimed) {
  const exported = await module.default;
  const form = readApp(exported);
  if (form.kind === 'app') {
    await serve(form.app);
  } else {
    // It may yet call serve(): only when nothing is left to happen is it certain that it never will.
    process.once('beforeExit', () => {
      if (!instanceContext().isClaimed)
        endProcess(
          1,
          `${main} serves nothing`,
          `its default export cannot be served (${form.reason}), and it called neither serve() nor attach()`,
        );
    });
  }
}
