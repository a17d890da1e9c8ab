#!/usr/bin/env node
// The entry of the command line: streams, signals and the exit code. Everything that is slow to load is loaded after
// the question whether it is needed.
import { readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { createInterruption } from './cli/interruption.ts';
import { keepCompiledCode } from './compiled-code.ts';
import { readProcessEnvironment } from './process-environment.ts';

/** The package: main.js is in dist/, and bundled in dist/bundle/. */
const packageRoot = import.meta.dirname.replace(/[/\\](?:src|dist|dist[/\\]bundle)$/, '');
const version = readVersion();
const argv = process.argv.slice(2);

/** package.json's engines: what the sources use of Node came with it. */
const nodeMajorMin = 24;
/** What the second Ctrl-C waits at most. */
const giveBackMs = 1000;
/** Signals by their numbers, as shells report them: 128 + n. */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

async function main(): Promise<number> {
  if (argv.length === 1 && argv[0] === '--version') {
    process.stdout.write(`tako ${version}\n`);
    return 0;
  }
  const major = Number(process.versions.node.split('.')[0]);
  if (major < nodeMajorMin) {
    process.stderr.write(
      `tako needs Node ${nodeMajorMin} or newer; this is ${process.version} (${process.execPath})\n`,
    );
    return 1;
  }
  const interruption = createInterruption();
  const cleanUps = new Set<() => void>();
  const leaveNow = (code: number): never => {
    for (const cleanUp of cleanUps) cleanUp();
    // The cursor, whatever was being drawn. Synchronous: nothing else will run.
    if (process.stderr.isTTY) writeSync(2, '\u001b[?25h\n');
    process.exit(code);
  };
  for (const [signal, number] of Object.entries(signalNumbers)) {
    process.on(signal, () => {
      const times = interruption.interrupt(signal === 'SIGINT' ? 'key' : 'signal');
      const leave = (): never => leaveNow(128 + number);
      // The second leaves at once, but gives its locks back; a server that does not answer is not waited for.
      if (times === 2) setTimeout(leave, giveBackMs).unref();
      if (times > 2) leave();
    });
  }
  // A reader that went away (`tako logs | head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') leaveNow(0);
    throw error;
  });
  const environment = readProcessEnvironment();
  keepCompiledCode(environment.takoHome);
  const { runCli } = await import('./cli/run-cli.ts');
  return runCli({
    argv,
    environment,
    streams: {
      writeStdout: (text) => void process.stdout.write(text),
      writeStderr: (text) => void process.stderr.write(text),
      columns: () => process.stderr.columns || process.stdout.columns || 80,
      rows: () => process.stderr.rows || process.stdout.rows || 24,
    },
    interruption,
    packageRoot,
    version,
    onLeave: (cleanUp) => {
      cleanUps.add(cleanUp);
      return () => cleanUps.delete(cleanUp);
    },
    readStdin: (signal) => addAbortSignal(signal, process.stdin),
  });
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  return 'unknown';
}

process.exitCode = await main();
