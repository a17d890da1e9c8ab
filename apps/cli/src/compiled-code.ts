// Keeps what V8 has compiled of this program for the next start, in the user's own directory: half of a start is
// compiling. Node checks each entry against the source that it was made of. Knows no command.
import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import process from 'node:process';

/** For modules that are loaded after this call. Where the directory cannot be made, nothing is kept. */
export function keepCompiledCode(takoHome: string): void {
  const directory = path.join(takoHome, 'cache', 'compiled');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Who else can write there could have us run whatever they like: `sudo tako` in somebody's home.
    if (statSync(directory).uid !== process.getuid?.()) return;
  } catch {
    // No home, a full disk, a file system that is read only: the start is slower, and that is all.
    return;
  }
  enableCompileCache(directory);
}
